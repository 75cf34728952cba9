// The service that drills call. Writes down each POST that it gets, before it answers, so that one that ran twice is seen.
// FAIRLEAD_LISTEN_ADDRESS, FAIRLEAD_PORTS, FAIRLEAD_SERVED_BY come from the sandbox; DRILL_LEDGER and DRILL_REFUSE are
// files: the POSTs, and the one whose presence makes it answer 503.
import { appendFileSync, existsSync } from 'node:fs'
import { createServer } from 'node:http'

const { DRILL_LEDGER = '/dev/null', DRILL_REFUSE = '', FAIRLEAD_SERVED_BY = '' } = process.env
const server = createServer((request, response) => {
  if (request.method === 'POST') appendFileSync(DRILL_LEDGER, `${request.url}\n`)
  request.resume()
  response.writeHead(existsSync(DRILL_REFUSE) ? 503 : 200, { 'x-served-by': FAIRLEAD_SERVED_BY })
  response.end('ok\n')
})
server.keepAliveTimeout = 0
server.listen(Number(process.env.FAIRLEAD_PORTS ?? 8080), process.env.FAIRLEAD_LISTEN_ADDRESS ?? '127.0.0.1')
