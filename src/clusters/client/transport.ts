import * as http from 'node:http'
import * as https from 'node:https'
import { CredentialSource, type Credentials, type TlsIdentity } from './credentials.ts'
import { UnreachableError } from './errors.ts'
import type { Access } from './kubeconfig.ts'

export interface HttpRequest {
  readonly method: string
  /** Path and query, from the root of the API server. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal?: AbortSignal
  /** Until the answer's head has come. */
  readonly timeoutMs: number
}

/**
 * HTTP to one API server, authenticated as the kubeconfig says, over kept connections. A long answer (watch) has a connection of its own.
 */
export class Transport {
  readonly #access: Access
  readonly #credentials: CredentialSource
  #agent: http.Agent | undefined
  #identity: TlsIdentity = {}

  constructor(access: Access) {
    this.#access = access
    this.#credentials = new CredentialSource(access)
  }

  /** Sends; resolves with the head of the answer, whose body is still to be read. Throws UnreachableError. */
  async send(request: HttpRequest): Promise<http.IncomingMessage> {
    const options = await this.#options(request)
    try {
      return await this.#once(request, options)
    } catch (error) {
      // The server closed an idle connection just when we used it: nothing was received there, so ask again.
      if (error instanceof UnreachableError && error.message === reusedAndReset && request.method !== 'POST')
        return await this.#once(request, options)
      throw error
    }
  }

  close(): void {
    this.#agent?.destroy()
    this.#agent = undefined
  }

  async #options(request: HttpRequest): Promise<https.RequestOptions> {
    let credentials: Credentials
    try {
      credentials = await this.#credentials.get()
    } catch (error) {
      throw new UnreachableError(`credentials of context ${this.#access.context}: ${(error as Error).message}`, {
        cause: error,
      })
    }
    const length = request.body === undefined ? {} : { 'Content-Length': Buffer.byteLength(request.body) }
    return {
      method: request.method,
      headers: { ...credentials.headers, ...request.headers, ...length },
      agent: credentials.agent ?? this.#agentFor(credentials.tls),
      ...(request.signal && { signal: request.signal }),
    }
  }

  /** One agent as long as the identity is the same: certificates may be renewed. */
  #agentFor(tls: TlsIdentity): http.Agent {
    if (this.#agent !== undefined && sameIdentity(tls, this.#identity)) return this.#agent
    const keep = { keepAlive: true, keepAliveMsecs: 15_000, maxFreeSockets: 16 }
    // The old one is not destroyed: watches may still use it. Its idle connections end by themselves.
    const isPlain = this.#access.server.startsWith('http:')
    this.#agent = isPlain ? new http.Agent(keep) : new https.Agent({ ...keep, ...tls })
    this.#identity = tls
    return this.#agent
  }

  #once(request: HttpRequest, options: https.RequestOptions): Promise<http.IncomingMessage> {
    const url = new URL(this.#access.server + request.path)
    const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>()
    const sent = url.protocol === 'http:' ? http.request(url, options) : https.request(url, options)
    const timer = setTimeout(() => {
      sent.destroy(new Error(`no answer within ${request.timeoutMs / 1000} s`))
    }, request.timeoutMs)
    sent.on('response', (response) => {
      clearTimeout(timer)
      if (response.statusCode === 401) this.#credentials.forget()
      resolve(response)
    })
    sent.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      const reset = sent.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
      const text = reset ? reusedAndReset : `${this.#access.server}: ${describe(error)}`
      reject(new UnreachableError(text, { cause: error }))
    })
    sent.end(request.body)
    return promise
  }
}

const reusedAndReset = 'a kept connection was closed'

function describe(error: NodeJS.ErrnoException): string {
  if (error.code === 'ECONNREFUSED') return 'connection refused (is the API server running?)'
  if (error.code === 'ENOTFOUND') return 'host not found'
  // Several addresses were tried (AggregateError): its own message is empty.
  return error.message || (error.code ?? 'connection failed')
}

function sameIdentity(a: TlsIdentity, b: TlsIdentity): boolean {
  return (['ca', 'cert', 'key', 'rejectUnauthorized', 'servername'] as const).every((field) => {
    const [one, other] = [a[field], b[field]]
    return one === other || (Buffer.isBuffer(one) && Buffer.isBuffer(other) && one.equals(other))
  })
}
