// bookinfo: details of a book.
import { sendJson, serveHttp, urlOf } from './serve.ts'

export function start(): void {
  serveHttp([9080], (request, response) => {
    const { pathname } = urlOf(request)
    if (pathname === '/health') return sendJson(response, 200, { status: 'Details is healthy' })
    if (!pathname.startsWith('/details')) return sendJson(response, 404, { error: 'not found' })
    const id = pathname.split('/').at(-1) ?? ''
    if (!/^\d+$/.test(id)) return sendJson(response, 400, { error: 'please provide numeric product id' })
    sendJson(response, 200, {
      id: Number(id),
      author: 'William Shakespeare',
      year: 1595,
      type: 'paperback',
      pages: 200,
      publisher: 'PublisherA',
      language: 'English',
      'ISBN-10': '1234567890',
      'ISBN-13': '123-1234567890',
    })
  })
}
