// The programs behind proxies: they answer with what reached them. One port speaks HTTP/1, HTTP/2, TLS and anything else,
// whichever the first bytes are.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createServer2 } from 'node:http2'
import { createServer as createNetServer, type Server, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { authorizerAnswer } from './authorizer.ts'
import { answerCheck, checkMethod } from './grpc-authorizer.ts'
import { checkPrefix, slowMs } from './vocabulary.ts'

/** What a program says of a request. */
export interface Echo {
  readonly at: string
  readonly host: string
  readonly path: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
}

/** Headers of every answer; proxies may change those that begin with `t-`. */
export const answerBase: Readonly<Record<string, string>> = { 't-up': 'up', 't-user': 'server' }
export const echoHeader = 'x-echo'

/** The status that a request asks for. */
function statusOf(headers: IncomingMessage['headers']): number {
  return Number(headers[answerHeader] ?? 200)
}

/** Programs answer with the status in it. */
export const answerHeader = 't-answer'
/** Programs take their time. */
export const slowHeader = 't-slow'

function inTime(headers: IncomingMessage['headers'], answer: () => void): void {
  if (slowHeader in headers) setTimeout(answer, slowMs)
  else answer()
}

function answerHeaders(text: string): Record<string, string> {
  return { ...answerBase, [echoHeader]: Buffer.from(text).toString('base64url') }
}

/** Where requests of one call arrived, in their order. */
export type Arrivals = ReadonlyMap<string, readonly string[]>

export interface Programs {
  listen(address: string, port: number): Promise<void>
  /** From now on, what listens at that address answers every request with 503. */
  sicken(address: string): void
  /** By the number in the header `t-call`: further tries and copies included. */
  readonly seen: Arrivals
  close(): Promise<void>
}

export function openPrograms(certificate: { readonly cert: string; readonly key: string }): Programs {
  const seen = new Map<string, string[]>()
  const sick = new Set<string>()
  const statusAt = (headers: IncomingMessage['headers'], address: string | undefined): number =>
    sick.has(address ?? '') ? 503 : statusOf(headers)
  const answer = (request: Pick<IncomingMessage, 'headers' | 'method' | 'url' | 'socket'>, at: string): string => {
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join(',') : (value ?? ''),
      ]),
    )
    const call = headers['t-call'] ?? ''
    seen.set(call, [...(seen.get(call) ?? []), at])
    const host = headers[':authority'] ?? headers['host'] ?? ''
    const echo: Echo = { at, host, path: request.url ?? '', method: request.method ?? '', headers }
    return JSON.stringify(echo)
  }
  const placeOf = (socket: Socket): string => `${socket.localAddress}:${socket.localPort}`
  const http1 = createServer((request: IncomingMessage, response: ServerResponse) => {
    // Those who wait for the body to be read would wait for ever.
    request.resume()
    if (request.url?.startsWith(checkPrefix)) {
      const { status, headers } = authorizerAnswer(request.headers, 'http')
      response.writeHead(status, { ...headers }).end()
      return
    }
    const text = answer(request, placeOf(request.socket))
    const status = statusAt(request.headers, request.socket.localAddress)
    inTime(request.headers, () => response.writeHead(status, answerHeaders(text)).end())
  })
  http1.keepAliveTimeout = 60_000
  http1.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    const headers = { ...answerHeaders(answer(request, placeOf(socket))), upgrade: 'websocket', connection: 'Upgrade' }
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`)
  })
  const http2 = createServer2()
  http2.on('stream', (stream, headers) => {
    stream.on('error', () => stream.close())
    if (headers[':path'] === checkMethod) return answerCheck(stream)
    const socket = stream.session?.socket
    const at = `${socket?.localAddress}:${socket?.localPort}`
    const text = answer(
      {
        headers: headers as IncomingMessage['headers'],
        method: headers[':method'] ?? '',
        url: headers[':path'] ?? '',
        socket: socket as Socket,
      },
      at,
    )
    const status = statusAt(headers, socket?.localAddress)
    inTime(headers, () => {
      if (!stream.destroyed) stream.respond({ ':status': status, ...answerHeaders(text) }, { endStream: true })
    })
  })
  const sockets = new Set<Socket>()
  const take = (socket: Socket): void => {
    socket.on('error', () => socket.destroy())
    socket.once('data', (first: Buffer) => {
      socket.pause()
      if (first[0] === 0x16) {
        socket.unshift(first)
        const tls = new TLSSocket(socket, {
          isServer: true,
          cert: certificate.cert,
          key: certificate.key,
          ALPNProtocols: ['http/1.1', 'istio', 'istio-peer-exchange', 'istio-http/1.1'],
        })
        tls.on('error', () => tls.destroy())
        take(tls)
      } else if (first.toString('latin1', 0, 3) === 'PRI') {
        socket.unshift(first)
        http2.emit('connection', socket)
      } else if (/^[A-Z]/.test(first.toString('latin1', 0, 1))) {
        socket.unshift(first)
        http1.emit('connection', socket)
        socket.resume()
      } else socket.end(`at ${placeOf(socket)}\n`)
    })
  }
  const servers: Server[] = []
  return {
    seen,
    async listen(address, port) {
      const server = createNetServer((socket) => {
        sockets.add(socket)
        socket.on('close', () => sockets.delete(socket))
        take(socket)
      })
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, address, resolve)
      })
      servers.push(server)
    },
    sicken: (address) => void sick.add(address),
    async close() {
      for (const socket of sockets) socket.destroy()
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
    },
  }
}
