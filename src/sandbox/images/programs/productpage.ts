// bookinfo: the page that a user looks at, made of what details and reviews answer.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { bookinfoService, call, headersToPassOn } from './call.ts'
import { type Details, type Fetched, indexPage, productPage, type Reviews } from './productpage-html.ts'
import { bodyOf, sendJson, sendText, serveHttp, urlOf } from './serve.ts'

const timeoutMs = 3_000
const products = [
  {
    id: 0,
    title: 'The Comedy of Errors',
    descriptionHtml:
      '<a href="https://en.wikipedia.org/wiki/The_Comedy_of_Errors">Wikipedia Summary</a>: one of ' +
      "<b>William Shakespeare's</b> early plays, his shortest and one of his most farcical: two pairs of twins, " +
      'mistaken for each other all day long.',
  },
]

async function fetchPart<T>(
  what: 'details' | 'reviews' | 'ratings',
  id: string,
  headers: Headers,
): Promise<Fetched<T>> {
  // The original asks twice for reviews; guides on fault injection show what comes of that.
  const attempts = what === 'reviews' ? 2 : 1
  let status = 500
  for (let attempt = 0; attempt < attempts; attempt++) {
    try {
      const reply = await call(`${bookinfoService(what)}/${what}/${id}`, headers, timeoutMs)
      if (reply.status === 200) return { status: 200, value: JSON.parse(reply.body) as T }
      status = reply.status
    } catch (error) {
      console.log(`${what}: ${String(error)}`)
      status = 500
    }
  }
  return { status, error: `Sorry, product ${what} are currently unavailable for this book.` }
}

type Headers = Record<string, string>

/** The user who is signed in, kept in a cookie. */
function userOf(request: IncomingMessage): string {
  const cookie = /(?:^|;\s*)session=([^;]+)/.exec(request.headers.cookie ?? '')?.[1]
  return cookie === undefined ? '' : Buffer.from(cookie, 'base64url').toString()
}

function headersFor(request: IncomingMessage): Headers {
  const user = userOf(request)
  return { ...headersToPassOn(request), ...(user === '' ? {} : { 'end-user': user }) }
}

function redirect(request: IncomingMessage, response: ServerResponse, session: string, maxAgeSeconds?: number): void {
  const age = maxAgeSeconds === undefined ? '' : `; Max-Age=${maxAgeSeconds}`
  response.writeHead(302, {
    location: request.headers.referer ?? '/productpage',
    'set-cookie': `session=${session}; HttpOnly; Path=/${age}`,
  })
  response.end()
}

async function api(pathname: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const match = /^\/api\/v1\/products(?:\/(\d+)(?:\/(reviews|ratings))?)?$/.exec(pathname)
  if (!match) return sendText(response, 404, 'Not Found\n')
  const [, id, part = 'details'] = match
  if (id === undefined) return sendJson(response, 200, products)
  const { status, value, error } = await fetchPart(part as 'details', id, headersFor(request))
  sendJson(response, status, value ?? { error })
}

export function start(): void {
  serveHttp([9080], async (request, response) => {
    const { pathname } = urlOf(request)
    if (pathname === '/health') return sendText(response, 200, 'Product page is healthy', 'text/html')
    if (pathname === '/' || pathname === '/index.html') return sendText(response, 200, indexPage(), 'text/html')
    if (pathname === '/login' && request.method === 'POST') {
      const user = new URLSearchParams(await bodyOf(request)).get('username') ?? ''
      return redirect(request, response, Buffer.from(user).toString('base64url'))
    }
    if (pathname === '/logout') return redirect(request, response, '', 0)
    if (pathname.startsWith('/api/')) return api(pathname, request, response)
    if (pathname !== '/productpage') return sendText(response, 404, 'Not Found\n')
    const headers = headersFor(request)
    const details = await fetchPart<Details>('details', '0', headers)
    const reviews = await fetchPart<Reviews>('reviews', '0', headers)
    const [product = { title: '', descriptionHtml: '' }] = products
    sendText(response, 200, productPage({ product, details, reviews, user: userOf(request) }), 'text/html')
  })
}
