// bookinfo: the stars that two reviewers gave. `SERVICE_VERSION` makes it misbehave, as the original's variants do.
import type { ServerResponse } from 'node:http'
import { bodyOf, sendJson, serveHttp, urlOf } from './serve.ts'

const version = process.env['SERVICE_VERSION']
const flipMs = 60_000

export function start(): void {
  const given = new Map<string, unknown>()
  const startedMs = Date.now()
  /** These two variants are well and ill in turn, a minute each. */
  const isIll = (): boolean => Math.floor((Date.now() - startedMs) / flipMs) % 2 === 1
  const ratingsOf = (id: string): unknown => ({
    id: Number(id),
    ratings: given.get(id) ?? { Reviewer1: 5, Reviewer2: 4 },
  })
  const refuse = (response: ServerResponse): void => sendJson(response, 503, { error: 'Service unavailable' })

  serveHttp([9080], async (request, response) => {
    const { pathname } = urlOf(request)
    if (pathname === '/health') {
      const ill = version === 'v-unhealthy' && isIll()
      return sendJson(response, ill ? 500 : 200, { status: `Ratings is ${ill ? 'not ' : ''}healthy` })
    }
    const id = /^\/ratings\/(\d+)$/.exec(pathname)?.[1]
    if (id === undefined) {
      const known = pathname.startsWith('/ratings')
      return sendJson(response, known ? 400 : 404, { error: known ? 'please provide numeric product ID' : 'not found' })
    }
    if (request.method === 'POST') {
      try {
        given.set(id, JSON.parse(await bodyOf(request)))
      } catch {
        return sendJson(response, 400, { error: 'please provide valid ratings JSON' })
      }
      return sendJson(response, 200, ratingsOf(id))
    }
    if (version === 'v-faulty' && Math.random() < 0.5) return refuse(response)
    if (version === 'v-delayed' && Math.random() < 0.5) await new Promise((done) => setTimeout(done, 7_000))
    if ((version === 'v-unavailable' || version === 'v-unhealthy') && isIll()) return refuse(response)
    sendJson(response, 200, ratingsOf(id))
  })
}
