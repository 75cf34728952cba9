// The HTTPS server of one cluster: who asks, may they, and which handler answers.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { TLSSocket } from 'node:tls'
import type { KeyPair } from './auth/authority.ts'
import { type Action, isAllowed, refusal } from './auth/authorize.ts'
import type { Call, Core, User } from './core.ts'
import { ApiError, forbidden, internalError, methodNotAllowed, noSuchResource, PageNotFound } from './errors.ts'
import { Answer } from './http/answer.ts'
import { asObject, parseBody, readBytes } from './http/body.ts'
import { serveOther } from './http/other.ts'
import { checkSubresource, type Exchange, formatOf, serveResource } from './http/resources.ts'
import { findSubresource } from './http/subresources.ts'
import { passUpgrade } from './kubelet/stream.ts'
import { parsePath, type ResourcePath } from './request.ts'
import { flag } from './rest/options.ts'
import { answerReview, reviews } from './rest/reviews.ts'

export interface ServerOptions {
  readonly core: Core
  readonly serving: KeyPair
  readonly caPem: string
  /** Told of failures that are the server's own. */
  onError(error: unknown): void
}

export class HttpServer {
  readonly #server: Server
  readonly #options: ServerOptions
  readonly #watches = new Set<{ readonly storage: string; end(): void }>()

  constructor(options: ServerOptions) {
    this.#options = options
    this.#server = createServer(
      {
        cert: options.serving.certificatePem,
        key: options.serving.keyPem,
        ca: options.caPem,
        requestCert: true,
        rejectUnauthorized: false,
        keepAliveTimeout: 180_000,
        headersTimeout: 60_000,
        requestTimeout: 0,
      },
      (request, response) => void this.#serve(request, response),
    )
    this.#server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket as TLSSocket, head))
    this.#server.on('tlsClientError', () => undefined)
  }

  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject)
        const address = this.#server.address()
        resolve(typeof address === 'object' && address ? address.port : port)
      })
    })
  }

  endWatches(storage: string): void {
    for (const watching of this.#watches) if (watching.storage === storage) watching.end()
  }

  async close(): Promise<void> {
    for (const watching of this.#watches) watching.end()
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = new Answer(response, String(request.headers['accept-encoding'] ?? ''))
    try {
      await this.#route(request, answer)
    } catch (error) {
      this.#fail(answer, error)
    }
  }

  #fail(answer: Answer, error: unknown): void {
    if (answer.response.headersSent) {
      answer.response.destroy()
      return
    }
    if (error instanceof PageNotFound) {
      answer.text(404, '404 page not found\n')
      return
    }
    if (error instanceof ApiError) {
      answer.error(error)
      return
    }
    this.#options.onError(error)
    answer.error(internalError(error instanceof Error ? error.message : String(error)))
  }

  /** The user of a request. Throws ApiError (401). */
  #user(request: IncomingMessage): User {
    const { core } = this.#options
    const { authenticator } = core
    const bearer = /^Bearer\s+(.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? webSocketToken(request)
    const user =
      bearer === undefined ? authenticator.certificate(request.socket as TLSSocket) : authenticator.token(bearer)
    if (!user) throw new ApiError(401, 'Unauthorized', 'Unauthorized')
    return impersonated(core, request, user)
  }

  async #route(request: IncomingMessage, answer: Answer): Promise<void> {
    const url = new URL(request.url ?? '/', 'https://server')
    const target = parsePath(url.pathname)
    if (target.kind === 'other') {
      const open = isOpen(target.path)
      const user = open ? undefined : this.#user(request)
      if (user) this.#authorize(user, { verb: (request.method ?? 'GET').toLowerCase(), path: target.path })
      await serveOther(this.#options.core, request, answer, url)
      return
    }
    const review = reviews.find(
      (r) => r.group === target.group && r.plural === target.resource && target.version === 'v1',
    )
    if (review) {
      const user = this.#admit(request, target, url)
      if (request.method !== 'POST' || target.name || (target.namespace !== '') !== (review.namespaced ?? false))
        throw methodNotAllowed()
      const body = asObject(parseBody(await readBytes(request), request.headers['content-type'] ?? ''))
      answer.object(
        201,
        answerReview(this.#options.core, user, review, body, target.namespace),
        formatOf(request).media,
      )
      return
    }
    const call = this.#call(request, target, url, (text) => answer.warn(text))
    const exchange: Exchange = {
      request,
      answer,
      format: formatOf(request),
      onWatch: (watching) => {
        this.#watches.add(watching)
        return () => void this.#watches.delete(watching)
      },
    }
    const own = findSubresource(call)
    if (own) {
      await own(call, exchange)
      return
    }
    checkSubresource(call)
    await serveResource(call, exchange, target.watch)
  }

  #call(request: IncomingMessage, target: ResourcePath, url: URL, warn: (text: string) => void): Call {
    const { core } = this.#options
    const user = this.#admit(request, target, url)
    const { group, version, namespace, name, subresource } = target
    const resource = core.registry.find(group, version, target.resource)
    // Only a built-in group and version knows which resources it has; for others nobody is there to answer.
    if (!resource) throw core.registry.isBuiltin(group, version) ? noSuchResource() : new PageNotFound()
    if (resource.namespaced ? namespace === '' && name !== '' : namespace !== '') throw noSuchResource()
    if (resource.deprecation) warn(resource.deprecation)
    return {
      core,
      user,
      resource,
      namespace,
      name,
      subresource,
      query: url.searchParams,
      userAgent: String(request.headers['user-agent'] ?? ''),
      warn,
    }
  }

  /** The user of a request to a resource, who may do what it asks. Throws ApiError. */
  #admit(request: IncomingMessage, target: ResourcePath, url: URL): User {
    const user = this.#user(request)
    const { group, resource, subresource, namespace, name } = target
    this.#authorize(user, {
      verb: actionVerb(request.method ?? 'GET', target, url.searchParams),
      group,
      resource,
      subresource,
      namespace: resource === 'namespaces' ? name : namespace,
      name,
    })
    return user
  }

  #authorize(user: User, action: Action): void {
    const { core } = this.#options
    if (isAllowed(core.store, user, action)) return
    if ('path' in action) {
      throw new ApiError(403, 'Forbidden', `forbidden: ${refusal(user, action)}`, {})
    }
    throw forbidden({ group: action.group, name: action.resource }, action.name, refusal(user, action))
  }

  async #upgrade(request: IncomingMessage, socket: TLSSocket, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy())
    try {
      const url = new URL(request.url ?? '/', 'https://server')
      const target = parsePath(url.pathname)
      if (target.kind === 'other') throw noSuchResource()
      await passUpgrade(
        this.#call(request, target, url, () => undefined),
        request,
        socket,
        head,
      )
    } catch (error) {
      const refused = error instanceof ApiError ? error : internalError(String(error))
      if (!(error instanceof ApiError)) this.#options.onError(error)
      const body = JSON.stringify(refused.status())
      socket.end(
        `HTTP/1.1 ${refused.code} ${refused.reason}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      )
    }
  }
}

/** Paths that anybody may read, as on a real server with anonymous access to them. */
const isOpen = (path: string): boolean => /^\/(healthz|livez|readyz|version)(\/|$)/.test(path)

/** Browsers cannot set headers on WebSockets: the token may come as a subprotocol. */
function webSocketToken(request: IncomingMessage): string | undefined {
  const protocols = String(request.headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((p) => p.trim())
  const prefix = 'base64url.bearer.authorization.k8s.io.'
  const found = protocols.find((p) => p.startsWith(prefix))
  return found && Buffer.from(found.slice(prefix.length), 'base64url').toString('utf8')
}

function actionVerb(method: string, target: ResourcePath, query: URLSearchParams): string {
  switch (method) {
    case 'POST':
      return 'create'
    case 'PUT':
      return 'update'
    case 'PATCH':
      return 'patch'
    case 'DELETE':
      return target.name ? 'delete' : 'deletecollection'
    default:
      if (target.watch || (query.has('watch') && flag(query, 'watch'))) return 'watch'
      return target.name ? 'get' : 'list'
  }
}

/** The user that the request's Impersonate headers name, if the real one may act as them. Throws ApiError. */
function impersonated(core: Core, request: IncomingMessage, user: User): User {
  const name = request.headers['impersonate-user']
  if (typeof name !== 'string' || name === '') return user
  const may = (resource: string, wanted: string, namespace = ''): void => {
    const action = { verb: 'impersonate', group: '', resource, subresource: '', namespace, name: wanted }
    if (!isAllowed(core.store, user, action)) {
      throw forbidden({ group: '', name: resource }, wanted, refusal(user, action))
    }
  }
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name)
  if (account) may('serviceaccounts', account[2] ?? '', account[1])
  else may('users', name)
  const asked = request.headersDistinct['impersonate-group'] ?? []
  for (const group of asked) may('groups', group)
  const groups = [...asked]
  if (account) groups.push('system:serviceaccounts', `system:serviceaccounts:${account[1]}`)
  if (!groups.includes('system:authenticated')) groups.push('system:authenticated')
  return { name, uid: String(request.headers['impersonate-uid'] ?? ''), groups, extra: {} }
}
