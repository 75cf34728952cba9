// Sends one call over the wire, each on a connection of its own.
import { request as httpRequest } from 'node:http'
import { connect as connect2 } from 'node:http2'
import { connect as connectNet, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { sourceAddress, type TestCall } from './calls.ts'
import type { Certificates } from './certificates.ts'
import { type Echo, echoHeader } from './programs.ts'

/** What came of a call. */
export type Observed =
  | { readonly kind: 'reached'; readonly echo: Echo; readonly status: number; readonly headers: Headers1 }
  | { readonly kind: 'touched'; readonly at: string }
  | { readonly kind: 'answered'; readonly status: number; readonly headers: Headers1; readonly body: string }
  | { readonly kind: 'closed'; readonly how: string }

type Headers1 = Readonly<Record<string, string>>

const limitMs = 10_000

export async function send(test: TestCall, certificates: Certificates): Promise<Observed> {
  const { call } = test
  const principal = call.tls?.principal
  const pair = principal === undefined ? undefined : await certificates.leaf(principal)
  return new Promise((resolve) => {
    const timer = setTimeout(() => finish({ kind: 'closed', how: `nothing in ${limitMs} ms` }), limitMs)
    const socket: Socket = call.tls
      ? connectTls({
          host: call.address,
          port: call.port,
          servername: call.tls.sni,
          ALPNProtocols: [...call.tls.alpn],
          rejectUnauthorized: false,
          ...(pair && { cert: pair.cert, key: pair.key }),
        })
      : connectNet({ host: call.address, port: call.port, localAddress: sourceAddress })
    let finished = false
    const finish = (observed: Observed): void => {
      if (finished) return
      finished = true
      clearTimeout(timer)
      socket.destroy()
      resolve(observed)
    }
    socket.on('error', (error) => finish({ kind: 'closed', how: error.message }))
    socket.on('close', () => finish({ kind: 'closed', how: 'closed' }))
    if (call.protocol === 'tcp') sendBytes(socket, finish)
    else if (call.protocol === 'http2') sendHttp2(test, socket, finish)
    else sendHttp1(test, socket, finish)
  })
}

type Finish = (observed: Observed) => void

function sendBytes(socket: Socket, finish: Finish): void {
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    const at = /^at (\S+)\n/.exec(text)?.[1]
    if (at) finish({ kind: 'touched', at })
    else if (/^HTTP\/1\.1 (\d+)/.test(text))
      finish({ kind: 'answered', status: Number(text.slice(9, 12)), headers: {}, body: '' })
  })
  socket.write('hello\n')
}

function sendHttp1({ call, absolute }: TestCall, socket: Socket, finish: Finish): void {
  const request = httpRequest({
    createConnection: () => socket,
    method: call.method,
    path: absolute ? `http://${call.host}${call.path}` : call.path,
    headers: { ...call.headers, host: call.host },
    setHost: false,
  })
  request.on('error', (error) => finish({ kind: 'closed', how: error.message }))
  request.on('response', (response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('error', (error) => finish({ kind: 'closed', how: error.message }))
    response.on('end', () =>
      finish(observed(response.statusCode ?? 0, plain(response.headers), Buffer.concat(chunks).toString())),
    )
  })
  request.on('upgrade', (response) => finish(observed(response.statusCode ?? 0, plain(response.headers), '')))
  request.end()
}

function sendHttp2({ call }: TestCall, socket: Socket, finish: Finish): void {
  const session = connect2(`http://${call.address}:${call.port}`, { createConnection: () => socket })
  session.on('error', (error) => finish({ kind: 'closed', how: error.message }))
  const stream = session.request(
    { ':method': call.method, ':path': call.path, ':authority': call.host, ':scheme': 'http', ...call.headers },
    { endStream: true },
  )
  const chunks: Buffer[] = []
  let status = 0
  let headers: Headers1 = {}
  stream.on('response', (got) => {
    status = Number(got[':status'])
    headers = plain(got)
  })
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  stream.on('error', (error: Error) => finish({ kind: 'closed', how: error.message }))
  stream.on('close', () =>
    finish(
      status === 0 ? { kind: 'closed', how: 'reset' } : observed(status, headers, Buffer.concat(chunks).toString()),
    ),
  )
}

function plain(headers: Readonly<Record<string, unknown>>): Headers1 {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : String(value)]),
  )
}

function observed(status: number, headers: Headers1, body: string): Observed {
  const echo = headers[echoHeader]
  if (echo === undefined) return { kind: 'answered', status, headers, body }
  return { kind: 'reached', status, headers, echo: JSON.parse(Buffer.from(echo, 'base64url').toString()) as Echo }
}
