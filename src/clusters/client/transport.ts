import * as http from 'node:http'
import * as https from 'node:https'
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

type TlsIdentity = Pick<https.AgentOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized' | 'servername'>

/**
 * HTTP to one API server, authenticated as the kubeconfig says (tokens, certificates, exec, OIDC: the library's part),
 * over kept connections. A long answer (watch) has a connection of its own.
 */
export class Transport {
  readonly #access: Access
  #agent: http.Agent | undefined
  #identity: TlsIdentity = {}

  constructor(access: Access) {
    this.#access = access
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
    const options: https.RequestOptions = {}
    try {
      await this.#access.kube.applyToHTTPSOptions(options)
    } catch (error) {
      throw new UnreachableError(`credentials of context ${this.#access.context}: ${(error as Error).message}`, {
        cause: error,
      })
    }
    const headers = { ...(options.headers as http.OutgoingHttpHeaders), ...request.headers }
    if (request.body !== undefined) headers['Content-Length'] = Buffer.byteLength(request.body)
    const proxied = this.#access.kube.getCurrentCluster()?.proxyUrl
    const { agent } = options
    return {
      ...options,
      method: request.method,
      headers,
      agent: proxied ? agent : this.#agentFor(options),
      ...(request.signal && { signal: request.signal }),
    }
  }

  /** One agent as long as the identity is the same: certificates may be renewed on disk or by a command. */
  #agentFor(options: https.RequestOptions): http.Agent {
    const { ca, cert, key, rejectUnauthorized, servername } = options
    const identity = { ca, cert, key, rejectUnauthorized, servername }
    if (this.#agent !== undefined && sameIdentity(identity, this.#identity)) return this.#agent
    const keep = { keepAlive: true, keepAliveMsecs: 15_000, maxFreeSockets: 16 }
    // The old one is not destroyed: watches may still use it. Its idle connections end by themselves.
    this.#agent = this.#access.server.startsWith('http:')
      ? new http.Agent(keep)
      : new https.Agent({ ...keep, ...(withoutUndefined(identity) as TlsIdentity) })
    this.#identity = withoutUndefined(identity) as TlsIdentity
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

function withoutUndefined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined))
}
