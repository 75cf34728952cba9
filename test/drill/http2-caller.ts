// A caller that speaks HTTP/2 in tunnels through its proxy: a GET is a GET, a POST is a gRPC call.
import { request } from 'node:http'
import { type ClientHttp2Session, connect } from 'node:http2'
import type { Socket } from 'node:net'
import type { Answer, RequestPlan } from '../../src/sandbox/traffic/index.ts'

/** Requests take them in turn. */
const tunnels = 4
/** A call without a message: not compressed, 0 bytes. */
const emptyMessage = Buffer.alloc(5)
const grpcOk = '0'

export class Http2Caller {
  readonly #authority: string
  readonly #proxy: { readonly host: string; readonly port: number }
  readonly #patienceMs: number
  readonly #sessions: (Promise<ClientHttp2Session> | undefined)[] = []
  #next = 0

  constructor(plan: RequestPlan, patienceMs: number) {
    if (plan.proxy === undefined) throw new Error('a tunnel needs a proxy')
    this.#proxy = plan.proxy
    this.#authority = new URL(plan.url).host
    this.#patienceMs = patienceMs
  }

  get(): Promise<Answer> {
    return this.#ask({ ':method': 'GET', ':path': '/get' })
  }

  post(path: string): Promise<Answer> {
    const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' }
    return this.#ask(headers, emptyMessage)
  }

  close(): void {
    for (const session of this.#sessions)
      void session?.then(
        (open) => open.destroy(),
        () => undefined,
      )
  }

  async #ask(headers: Record<string, string>, body?: Buffer): Promise<Answer> {
    const sentAtMs = performance.now()
    const { promise, resolve } = Promise.withResolvers<Answer>()
    const end = (status: number, found: Record<string, string>, error?: string): void => {
      const latencyMs = performance.now() - sentAtMs
      resolve({ status, headers: found, body: '', latencyMs, sentAtMs, ...(error !== undefined && { error }) })
    }
    const timer = setTimeout(() => end(0, {}, 'no answer in time'), this.#patienceMs)
    try {
      const session = await this.#session(this.#next++ % tunnels)
      const stream = session.request({ ':scheme': 'http', ':authority': this.#authority, ...headers })
      let found: Record<string, string> = {}
      let status = 0
      const note = (more: object): void => {
        found = { ...found, ...Object.fromEntries(Object.entries(more).map(([name, value]) => [name, String(value)])) }
      }
      stream.on('response', (answer) => {
        note(answer)
        status = Number(answer[':status'])
      })
      stream.on('trailers', note)
      stream.on('error', (error) => end(0, found, error.message))
      stream.on('close', () => end(status === 200 && isFailure(headers, found) ? 500 : status, found))
      setTimeout(() => stream.close(), this.#patienceMs).unref()
      stream.resume()
      stream.end(body)
    } catch (error) {
      end(0, {}, String(error))
    }
    return promise.finally(() => clearTimeout(timer))
  }

  #session(at: number): Promise<ClientHttp2Session> {
    const known = this.#sessions[at]
    if (known) return known
    const opened = openTunnel(this.#proxy, this.#authority).then((socket) => {
      const session = connect(`http://${this.#authority}`, { createConnection: () => socket })
      const forget = (): void => void (this.#sessions[at] === opened && (this.#sessions[at] = undefined))
      session.on('close', forget).on('goaway', forget).on('error', forget)
      return session
    })
    opened.catch(() => (this.#sessions[at] = undefined))
    this.#sessions[at] = opened
    return opened
  }
}

function isFailure(sent: Record<string, string>, found: Record<string, string>): boolean {
  return sent['content-type'] === 'application/grpc' && found['grpc-status'] !== grpcOk
}

function openTunnel(proxy: { host: string; port: number }, authority: string): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const outgoing = request({ ...proxy, method: 'CONNECT', path: authority, headers: { host: authority } })
  outgoing.on('connect', ({ statusCode }, socket) =>
    statusCode === 200 ? resolve(socket) : reject(new Error(`CONNECT ${authority}: ${statusCode}`)),
  )
  outgoing.on('error', reject)
  outgoing.end()
  return promise
}
