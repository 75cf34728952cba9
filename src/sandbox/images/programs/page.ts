// A web server with one page, for images such as nginx.
import { podName, sendText, serveHttp } from './serve.ts'

export function start(): void {
  const title = process.env['PAGE_TITLE'] ?? 'Welcome!'
  serveHttp([80], (_request, response) => {
    const html = `<!DOCTYPE html>\n<html><head><title>${title}</title></head><body><h1>${title}</h1><p>${podName}</p></body></html>\n`
    sendText(response, 200, html, 'text/html')
  })
}
