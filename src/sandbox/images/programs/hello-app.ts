// Google's hello-app: greets at every path.
import { podName, sendText, serveHttp } from './serve.ts'

export function start(): void {
  const version = process.env['SERVICE_VERSION'] ?? '1.0.0'
  serveHttp([Number(process.env['PORT'] ?? 8080)], (_request, response) => {
    sendText(response, 200, `Hello, world!\nVersion: ${version}\nHostname: ${podName}\n`)
  })
}
