// The service that drills call, in HTTP/1.1 on its first port and in HTTP/2 (gRPC among it) on its second. Writes down each POST
// that it gets, before it answers, so that one that ran twice is seen.
// FAIRLEAD_LISTEN_ADDRESS, FAIRLEAD_PORTS, FAIRLEAD_SERVED_BY come from the sandbox; DRILL_LEDGER and DRILL_REFUSE are
// files: the POSTs, and the one whose presence makes it answer 503.
import { appendFileSync, existsSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'

const {
  DRILL_LEDGER = '/dev/null',
  DRILL_REFUSE = '',
  FAIRLEAD_LISTEN_ADDRESS = '127.0.0.1',
  FAIRLEAD_PORTS = '8080,9000',
  FAIRLEAD_SERVED_BY = '',
} = process.env
const [httpPort, grpcPort] = FAIRLEAD_PORTS.split(',').map(Number)

function note(method, path) {
  if (method === 'POST') appendFileSync(DRILL_LEDGER, `${path}\n`)
  return existsSync(DRILL_REFUSE) ? 503 : 200
}

const server = createServer((request, response) => {
  const status = note(request.method, request.url)
  request.resume()
  response.writeHead(status, { 'x-served-by': FAIRLEAD_SERVED_BY })
  response.end('ok\n')
})
server.keepAliveTimeout = 0
server.listen(httpPort, FAIRLEAD_LISTEN_ADDRESS)

const grpc = createHttp2Server()
grpc.on('stream', (stream, headers) => {
  const isCall = headers['content-type'] === 'application/grpc'
  const status = note(headers[':method'], headers[':path'])
  stream.on('error', () => stream.destroy())
  stream.resume()
  if (!isCall) {
    stream.respond({ ':status': status, 'x-served-by': FAIRLEAD_SERVED_BY })
    stream.end('ok\n')
    return
  }
  const head = { ':status': 200, 'content-type': 'application/grpc', 'x-served-by': FAIRLEAD_SERVED_BY }
  if (status !== 200) {
    stream.respond({ ...head, 'grpc-status': '14' }, { endStream: true })
    return
  }
  stream.respond(head, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.end(Buffer.alloc(5))
})
grpc.listen(grpcPort, FAIRLEAD_LISTEN_ADDRESS)
