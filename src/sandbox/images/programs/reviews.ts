// bookinfo: two reviews of a book. v1 shows no stars, v2 black ones, v3 red ones (`ENABLE_RATINGS`, `STAR_COLOR`).
import type { IncomingMessage } from 'node:http'
import { bookinfoService, call, headersToPassOn } from './call.ts'
import { podName, sendJson, servedBy, serveHttp, urlOf } from './serve.ts'

const withRatings = process.env['ENABLE_RATINGS'] === 'true'
const color = process.env['STAR_COLOR'] ?? 'black'
/** The original prints the variable, or "null"; here the sandbox knows the cluster. */
const clustername = process.env['CLUSTER_NAME'] ?? (servedBy.includes('/') ? servedBy.split('/')[0] : 'null')

const texts = {
  Reviewer1: 'An extremely entertaining play by Shakespeare. The slapstick humour is refreshing!',
  Reviewer2:
    'Absolutely fun and entertaining. The play lacks thematic depth when compared to other plays by Shakespeare.',
}

type Ratings = Readonly<Record<string, number>>

async function ratingsOf(id: string, incoming: IncomingMessage): Promise<Ratings | undefined> {
  const url = `${bookinfoService('ratings')}/ratings/${id}`
  try {
    const reply = await call(url, headersToPassOn(incoming), color === 'black' ? 10_000 : 2_500)
    if (reply.status === 200) return (JSON.parse(reply.body) as { ratings?: Ratings }).ratings
    console.log(`Error: unable to contact ${url} got status of ${reply.status}`)
  } catch (error) {
    console.log(`Error: unable to contact ${url} got exception ${String(error)}`)
  }
  return undefined
}

export function start(): void {
  serveHttp([9080], async (request, response) => {
    const { pathname } = urlOf(request)
    if (pathname === '/health') return sendJson(response, 200, { status: 'Reviews is healthy' })
    const id = /^\/reviews\/(\d+)$/.exec(pathname)?.[1]
    if (id === undefined) return sendJson(response, 404, { error: 'not found' })
    const ratings = withRatings ? await ratingsOf(id, request) : undefined
    const ratingOf = (reviewer: string): object => {
      const stars = ratings?.[reviewer]
      return stars === undefined ? { error: 'Ratings service is currently unavailable' } : { stars, color }
    }
    sendJson(response, 200, {
      id,
      podname: podName,
      clustername,
      reviews: Object.entries(texts).map(([reviewer, text]) => ({
        reviewer,
        text,
        ...(withRatings ? { rating: ratingOf(reviewer) } : {}),
      })),
    })
  })
}
