// A generic echo: says what it was asked, and does what the query asks for (`?status=503`, `?delay=200`).
import { bodyOf, podName, sendJson, sendText, servedBy, serveHttp, urlOf } from './serve.ts'

/** `start(['-text=hi'])` answers that text everywhere, as hashicorp/http-echo does. */
export function start(args: readonly string[]): void {
  const option = (name: string): string | undefined => {
    const index = args.findIndex((arg) => arg.replace(/^--?/, '').split('=')[0] === name)
    return index < 0 ? undefined : (args[index]?.split(/=(.*)/s)[1] ?? args[index + 1])
  }
  const text = option('text') ?? process.env['ECHO_TEXT']
  const port = Number((option('listen') ?? option('port') ?? process.env['PORT'] ?? '8080').replace(/^.*:/, ''))
  serveHttp([port], async (request, response) => {
    const url = urlOf(request)
    if (/^\/health(z)?$/.test(url.pathname)) return sendText(response, 200, 'ok\n')
    const delayMs = Number(url.searchParams.get('delay') ?? 0)
    if (delayMs > 0) await new Promise((done) => setTimeout(done, Math.min(delayMs, 600_000)))
    const status = Number(url.searchParams.get('status') ?? 200)
    const valid = Number.isInteger(status) && status >= 200 && status <= 599 ? status : 400
    if (text !== undefined) return sendText(response, valid, `${text}\n`)
    const body = await bodyOf(request)
    const { method, headers, httpVersion } = request
    const asked = { method, path: url.pathname, query: Object.fromEntries(url.searchParams), headers, httpVersion }
    sendJson(response, valid, { ...asked, ...(body === '' ? {} : { body }), pod: podName, servedBy }, 2)
  })
}
