// What all sample programs share: where they listen, who they say they are, how they fail on purpose, how they end.
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'

export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

/** What `fairlead sandbox fault` makes a program do to every request but probes. */
export interface ProgramFault {
  /** Answer with this status and do nothing else. */
  readonly status?: number
  /** Wait so long before anything else. */
  readonly delayMs?: number
}

const environment = process.env
/** CLUSTER/NAMESPACE/POD, or the name of a VM. Sent with every answer. */
export const servedBy = environment['FAIRLEAD_SERVED_BY'] ?? 'outside'
export const podName = environment['HOSTNAME'] ?? 'localhost'

let fault: ProgramFault = {}
let ending = false
const endings = new Set<() => void>()

/** The ports to listen on: those that the launcher gives, else the program's own. */
export function ports(own: readonly number[]): number[] {
  const given = (environment['FAIRLEAD_PORTS'] ?? '').split(',').filter((text) => text !== '')
  return given.length > 0 ? given.map(Number) : [...own]
}

/** Serves HTTP/1.1 and HTTP/2 with prior knowledge on every port, until the process is told to end. */
export function serveHttp(ownPorts: readonly number[], handler: Handler): void {
  /** Requests under way on each HTTP/1.1 connection. */
  const busy = new Map<Socket, number>()
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    void answer(request, response, handler)
  }
  const http = createHttpServer({ keepAlive: true, requestTimeout: 0, headersTimeout: 0 }, (request, response) => {
    const { socket } = request
    busy.set(socket, (busy.get(socket) ?? 0) + 1)
    response.on('close', () => busy.set(socket, (busy.get(socket) ?? 1) - 1))
    onRequest(request, response)
  })
  // A proxy in front keeps connections for an hour. Whoever closes first must not be the program: a request that is
  // under way at that moment would be lost.
  http.keepAliveTimeout = 0
  let http2: Promise<Server> | undefined
  serveTcp(ownPorts, (socket) => {
    busy.set(socket, 0)
    socket.on('close', () => busy.delete(socket))
    socket.once('data', (first: Buffer) => {
      socket.pause()
      socket.unshift(first)
      if (first.subarray(0, 3).toString() === 'PRI') {
        busy.delete(socket)
        http2 ??= startHttp2(onRequest)
        void http2.then((server) => server.emit('connection', socket))
      } else {
        http.emit('connection', socket)
        socket.resume()
      }
    })
  })
  onEnd(() =>
    setInterval(() => {
      for (const [socket, requests] of busy) if (requests === 0) socket.end()
    }, 100),
  )
}

async function startHttp2(onRequest: (request: IncomingMessage, response: ServerResponse) => void): Promise<Server> {
  const { createServer: createHttp2Server } = await import('node:http2')
  const server = createHttp2Server({}, onRequest as never)
  server.on('session', (session) => {
    const close = (): void => session.close()
    onEnd(close)
    session.on('close', () => endings.delete(close))
  })
  return server as unknown as Server
}

/** Listens on every port; ends the process, with the reason, if one is taken. */
export function serveTcp(ownPorts: readonly number[], onConnection: (socket: Socket) => void): void {
  const host = environment['FAIRLEAD_LISTEN_ADDRESS'] ?? '127.0.0.1'
  const servers = ports(ownPorts).map((port) => {
    const server = createServer((socket) => {
      socket.setNoDelay(true)
      socket.on('error', () => socket.destroy())
      onConnection(socket)
    })
    server.on('error', (error) => {
      console.error(`cannot listen on ${host}:${port}: ${error.message}`)
      process.exit(1)
    })
    server.listen(port, host, 1024, () => console.log(`listening on ${host}:${port}`))
    return server
  })
  onEnd(() => {
    let waiting = servers.length
    for (const server of servers) server.close(() => --waiting === 0 && process.exit(0))
    setTimeout(() => process.exit(0), 20_000).unref()
  })
}

/** Calls back once when the process is asked to end. */
export function onEnd(callback: () => void): void {
  endings.add(callback)
  if (endings.size > 1) return
  const end = (): void => {
    if (ending) return
    ending = true
    for (const each of endings) each()
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
}

/** Takes faults from the launcher, and ends with it. */
export function obeyLauncher(): void {
  if (!process.channel) return
  process.on('message', (message: { fault?: ProgramFault }) => {
    if (message.fault) fault = message.fault
  })
  process.on('disconnect', () => process.exit(0))
  process.channel.unref()
}

async function answer(request: IncomingMessage, response: ServerResponse, handler: Handler): Promise<void> {
  const startedMs = performance.now()
  response.setHeader('x-served-by', servedBy)
  if (ending && request.httpVersionMajor === 1) response.setHeader('connection', 'close')
  response.on('close', () => {
    if (isProbe(request)) return
    const tookMs = (performance.now() - startedMs).toFixed(1)
    console.log(
      `${request.method} ${request.url} ${response.writableEnded ? response.statusCode : 'aborted'} ${tookMs}ms`,
    )
  })
  try {
    if (!isProbe(request)) {
      const { status, delayMs } = fault
      if (delayMs !== undefined) await new Promise((done) => setTimeout(done, delayMs))
      if (status !== undefined) return sendText(response, status, `fault: ${servedBy} answers ${status}\n`)
    }
    await handler(request, response)
  } catch (error) {
    console.error(error)
    if (response.headersSent) response.destroy()
    else sendText(response, 500, 'Internal Server Error\n')
  }
}

function isProbe(request: IncomingMessage): boolean {
  return (request.headers['user-agent'] ?? '').startsWith('kube-probe/')
}

export function sendText(response: ServerResponse, status: number, text: string, type = 'text/plain'): void {
  response.writeHead(status, { 'content-type': `${type}; charset=utf-8`, 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

export function sendJson(response: ServerResponse, status: number, value: unknown, space?: number): void {
  const text = `${JSON.stringify(value, undefined, space)}\n`
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

/** Host and port that the client asked for. */
export function hostOf(request: IncomingMessage): string {
  return request.headers.host ?? (request.headers as Record<string, string>)[':authority'] ?? ''
}

/** Path and query of a request, whatever form its target has. */
export function urlOf(request: IncomingMessage): URL {
  return new URL(request.url ?? '/', `http://${hostOf(request) || 'localhost'}`)
}

/** All values of each header, under its canonical name (`X-Request-Id`). */
export function canonicalHeaders(request: IncomingMessage): Map<string, string[]> {
  const headers = new Map<string, string[]>()
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const [name = '', value = ''] = request.rawHeaders.slice(index, index + 2)
    if (name.startsWith(':')) continue
    const canonical = name.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase())
    headers.set(canonical, [...(headers.get(canonical) ?? []), value])
  }
  return headers
}

export async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
