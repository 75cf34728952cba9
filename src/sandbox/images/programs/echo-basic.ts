// The echo server of the Gateway API's conformance tests.
import { canonicalHeaders, hostOf, sendJson, sendText, serveHttp, urlOf } from './serve.ts'

export function start(): void {
  serveHttp([Number(process.env['HTTP_PORT'] ?? 3000)], async (request, response) => {
    const url = urlOf(request)
    if (url.pathname === '/health') return sendText(response, 200, 'OK')
    const wanted = /^\/status\/(\d{3})$/.exec(url.pathname)?.[1]
    const delay = url.searchParams.get('delay')
    if (delay !== null) await new Promise((done) => setTimeout(done, durationMs(delay)))
    for (const header of String(request.headers['x-echo-set-header'] ?? '').split(',')) {
      const [name, value] = header.split(/:(.*)/s).map((part) => part.trim())
      if (name && value !== undefined) response.appendHeader(name, value)
    }
    sendJson(response, wanted === undefined ? 200 : Number(wanted), {
      path: request.url,
      host: hostOf(request),
      method: request.method,
      proto: request.httpVersionMajor === 2 ? 'HTTP/2.0' : `HTTP/${request.httpVersion}`,
      headers: Object.fromEntries([...canonicalHeaders(request)].filter(([name]) => name !== 'Host')),
      httpPort: String(process.env['HTTP_PORT'] ?? 3000),
      namespace: process.env['NAMESPACE'] ?? '',
      ingress: process.env['INGRESS_NAME'] ?? '',
      service: process.env['SERVICE_NAME'] ?? '',
      pod: process.env['POD_NAME'] ?? '',
    })
  })
}

/** Milliseconds of a duration such as `500ms`, `1.5s`, `2m`; 0 if it is none. */
function durationMs(text: string): number {
  const [, value, unit] = /^([\d.]+)(ms|s|m)$/.exec(text) ?? []
  const factor = { ms: 1, s: 1_000, m: 60_000 }[unit ?? ''] ?? 0
  return Number(value ?? 0) * factor
}
