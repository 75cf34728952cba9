// Says which version and which pod answers: Istio's helloworld, and the hello-world of guides that call `/`.
import { podName, sendText, serveHttp, urlOf } from './serve.ts'

export function start(): void {
  const version = process.env['SERVICE_VERSION'] ?? 'v1'
  serveHttp([5000], (request, response) => {
    const { pathname } = urlOf(request)
    if (pathname === '/health') return sendText(response, 200, 'Helloworld is healthy', 'text/html')
    if (pathname !== '/' && pathname !== '/hello') return sendText(response, 404, 'Not Found\n')
    sendText(response, 200, `Hello version: ${version}, instance: ${podName}\n`, 'text/html')
  })
}
