// The HTML of bookinfo's product page. Guides cut single lines out of it, so headings, terms and their order are as in
// the original; looks are our own and need no files beside the page.

export interface Details {
  readonly type: string
  readonly pages: number
  readonly publisher: string
  readonly language: string
  readonly 'ISBN-10': string
  readonly 'ISBN-13': string
}

export interface Reviews {
  readonly podname: string
  readonly clustername: string
  readonly reviews: readonly {
    readonly reviewer: string
    readonly text: string
    readonly rating?: { readonly stars?: number; readonly color?: string; readonly error?: string }
  }[]
}

export interface Fetched<T> {
  readonly status: number
  readonly value?: T
  readonly error?: string
}

export interface Page {
  readonly product: { readonly title: string; readonly descriptionHtml: string }
  readonly details: Fetched<Details>
  readonly reviews: Fetched<Reviews>
  readonly user: string
}

function escape(value: unknown): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&#34;',
    "'": '&#39;',
  }
  return String(value).replace(/[&<>"']/g, (character) => entities[character] ?? character)
}

const style = `
    body { font-family: system-ui, sans-serif; margin: 0; color: #222 }
    nav { background: #222; color: #fff; padding: .8em 2em; display: flex; justify-content: space-between }
    nav a, nav button { color: #9cf }
    h3, h4 { text-align: center; color: #337ab7 }
    h3 { font-size: 1.6em } h4 { font-size: 1.3em }
    main { max-width: 60em; margin: 0 auto; padding: 0 1em }
    .row { display: flex; flex-wrap: wrap; gap: 3em } .row > div { flex: 1 1 20em }
    dt { display: inline; font-weight: bold; margin-right: .4em } dd { margin: 0 }
    .glyphicon-star::before { content: "\\2605" } .glyphicon-star-empty::before { content: "\\2606" }`

function layout(content: string, user: string): string {
  const session =
    user === ''
      ? '<form method="post" action="login"><input name="username" placeholder="user"> <button>Sign in</button></form>'
      : `<span>${escape(user)} (<a href="logout">sign out</a>)</span>`
  return `<!DOCTYPE html>
<html>
  <head>
    <title>Simple Bookstore App</title>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1.0">
    <style>${style}
    </style>
  </head>
  <body>
<nav><strong>BookInfo Sample</strong> ${session}</nav>
<main>
${content}
</main>
  </body>
</html>
`
}

/** The page at `/`. */
export function indexPage(): string {
  return layout(
    `  <h3>Hello! This is a simple bookstore application consisting of three services as shown below</h3>
  <ul>
    <li>productpage<ul><li>details</li><li>reviews<ul><li>ratings</li></ul></li></ul></li>
  </ul>
  <p><a href="/productpage?u=normal">Normal user</a> &middot; <a href="/productpage?u=test">Test user</a></p>`,
    '',
  )
}

/** The page at `/productpage`. */
export function productPage({ product, details, reviews, user }: Page): string {
  return layout(
    `<div>
  <h3 class="text-center text-primary">${escape(product.title)}</h3>
  <p>${product.descriptionHtml}</p>
</div>
<div class="row">
    <div class="col-md-6">
${detailsPart(details)}
    </div>
    <div class="col-md-6">
${reviewsPart(reviews)}
    </div>
</div>`,
    user,
  )
}

function failed(what: 'details' | 'reviews', error: string | undefined): string {
  return `      <h4 class="text-center text-primary">Error fetching product ${what}!</h4>

      <p>${escape(error ?? '')}</p>
`
}

function detailsPart({ value, error }: Fetched<Details>): string {
  if (!value) return failed('details', error)
  return `      <h4 class="text-center text-primary">Book Details</h4>
      <dl>
        <dt>Type:</dt>${escape(value.type)}
        <dt>Pages:</dt>${escape(value.pages)}
        <dt>Publisher:</dt>${escape(value.publisher)}
        <dt>Language:</dt>${escape(value.language)}
        <dt>ISBN-10:</dt>${escape(value['ISBN-10'])}
        <dt>ISBN-13:</dt>${escape(value['ISBN-13'])}
      </dl>`
}

function reviewsPart({ value, error }: Fetched<Reviews>): string {
  if (!value) return failed('reviews', error)
  const where = value.clustername === 'null' ? '' : ` on cluster ${escape(value.clustername)}`
  const one = ({ reviewer, text, rating }: Reviews['reviews'][number]): string => `      <blockquote>
        <p>${escape(text)}</p>
        <small>${escape(reviewer)}</small>
${ratingPart(rating)}      </blockquote>`
  return `      <h4 class="text-center text-primary">Book Reviews</h4>
${value.reviews.map(one).join('\n')}
      <dl>
        <dt>Reviews served by:</dt>
        <u>${escape(value.podname)}</u>${where}
      </dl>`
}

function ratingPart(rating: Reviews['reviews'][number]['rating']): string {
  if (!rating) return ''
  if (rating.stars === undefined) return `        <p><i>${escape(rating.error ?? '')}</i></p>\n`
  const stars = (kind: string, count: number): string =>
    `          <span class="glyphicon glyphicon-${kind}"></span>\n`.repeat(Math.max(0, count))
  return `        <font color="${escape(rating.color ?? '')}">
          <!-- full stars: -->
${stars('star', rating.stars)}          <!-- empty stars: -->
${stars('star-empty', 5 - rating.stars)}        </font>
`
}
