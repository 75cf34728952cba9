// The management API over HTTP: TSB's own paths for objects, and a few questions that tctl asks beside them.
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { isObject } from '../resources/index.ts'
import { type ApiKind, fqnOf, type Identity, parseFqn, toApi } from '../resources/tsb/index.ts'
import { apiFor, type ManagementApi } from './api.ts'
import type { AuditFilter } from './audit.ts'
import type { Authenticator } from './authenticate.ts'
import { type ErrorCode, ManagementError } from './findings.ts'
import type { ChangeResult, Management } from './management.ts'
import type { StoredObject } from './view.ts'
import { queryFromWire, requestFromWire, storedFromWire, type WireQuery, type WireRequest } from './wire.ts'

const httpStatus: Readonly<Record<ErrorCode, number>> = {
  InvalidArgument: 400,
  FailedPrecondition: 400,
  Unauthenticated: 401,
  PermissionDenied: 403,
  NotFound: 404,
  AlreadyExists: 409,
  Aborted: 409,
  Unavailable: 503,
}

export interface HttpServerOptions {
  readonly management: Management
  readonly authenticator: Authenticator
  readonly version: string
  /** Key and certificate, in PEM; without: no TLS. */
  readonly tls?: { readonly key: string; readonly cert: string }
}

const bodyLimit = 4 << 20

export function managementServer({ management, authenticator, version, tls }: HttpServerOptions): FastifyInstance {
  const options = { logger: false, bodyLimit, forceCloseConnections: true, ...(tls && { https: tls }) }
  const app: FastifyInstance = fastify(options)
  const api = async ({ headers }: FastifyRequest): Promise<ManagementApi> => {
    const token = headers['x-tetrate-token']
    const credentials = { authorization: headers.authorization, token: typeof token === 'string' ? token : undefined }
    return apiFor(management, await authenticator.authenticate(credentials))
  }
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof ManagementError)
      return reply
        .code(httpStatus[error.code])
        .send({ code: error.code, message: error.message, findings: error.findings })
    const status = (error as { statusCode?: number }).statusCode ?? 500
    const message = status < 500 ? (error as Error).message : 'the management plane failed; see its log'
    if (status >= 500) console.error(error)
    return reply.code(status).send({ code: status < 500 ? 'InvalidArgument' : 'Unavailable', message, findings: [] })
  })
  app.get('/version', async () => ({ version }))
  registerQuestions(app, api)
  registerObjects(app, api)
  return app
}

type ApiOf = (request: FastifyRequest) => Promise<ManagementApi>

/** What tctl asks: several objects at once, and by more than a full name. */
function registerQuestions(app: FastifyInstance, api: ApiOf): void {
  app.post<{ Body: { requests: WireRequest[]; triggeredBy: string } }>('/tctl/apply', async (request) => {
    const { requests, triggeredBy } = request.body
    return (await api(request)).apply(requests.map(requestFromWire), triggeredBy)
  })
  app.post<{ Body: { objects: StoredObject['object'][]; triggeredBy: string } }>('/tctl/remove', async (request) => {
    const { objects, triggeredBy } = request.body
    return (await api(request)).remove(storedFromWire(objects), triggeredBy)
  })
  app.post<{ Body: WireQuery }>('/tctl/find', async (request) =>
    (await (await api(request)).find(queryFromWire(request.body))).map(({ object }) => object),
  )
  app.post<{ Body: WireQuery }>('/tctl/status', async (request) =>
    (await api(request)).status(queryFromWire(request.body)),
  )
  app.post<{ Body: AuditFilter }>('/tctl/audit', async (request) => (await api(request)).audit(request.body))
}

interface Collection {
  readonly kind: ApiKind
  readonly identity: Identity
}

/** `organizations/o/tenants` → tenants of o; undefined if the path is no collection. */
function collectionOf(path: string): Collection | undefined {
  const found = parseFqn(`${path}/x`)
  return found && { kind: found.kind, identity: { ...found.identity, name: '' } }
}

/** Create, read, change, delete, by full names. */
function registerObjects(app: FastifyInstance, api: ApiOf): void {
  type Path = { Params: { '*': string } }
  type Body = Path & { Body: Record<string, unknown> }
  app.get<Path>('/v2/*', async (request) => {
    const path = request.params['*']
    const collection = collectionOf(path)
    const asked = await api(request)
    if (collection === undefined) return shown(await one(asked, path))
    const found = await asked.find({ kinds: [collection.kind], identity: collection.identity })
    return { [collection.kind.segment]: found.map(shown) }
  })
  app.post<Body>('/v2/*', async (request, reply) => {
    const collection = collectionOf(request.params['*'])
    const { name, ...fields } = request.body
    if (collection === undefined || typeof name !== 'string')
      throw new ManagementError('InvalidArgument', 'POST takes a collection, and a body {name, KIND: {…}}')
    const asked = await api(request)
    const identity = { ...collection.identity, name }
    const [there] = await asked.find({ kinds: [collection.kind], fqn: fqnOf({ kind: collection.kind, identity }) })
    if (there !== undefined) throw new ManagementError('AlreadyExists', `${there.fqn} exists already`)
    const spec = Object.values(fields).find(isObject) ?? {}
    await write(asked, { kind: collection.kind, identity }, spec)
    return reply.code(201).send(shown(await one(asked, fqnOf({ kind: collection.kind, identity }))))
  })
  app.put<Body>('/v2/*', async (request) => {
    const asked = await api(request)
    const { kind, identity, fqn } = await one(asked, request.params['*'])
    await write(asked, { kind, identity }, request.body)
    return shown(await one(asked, fqn))
  })
  app.delete<Path>('/v2/*', async (request) => {
    const asked = await api(request)
    await asked.remove([await one(asked, request.params['*'])], 'API')
    return {}
  })
}

/** The object of a full name. */
async function one(api: ManagementApi, fqn: string): Promise<StoredObject> {
  const named = parseFqn(fqn)
  const [found] = named === undefined ? [] : await api.find({ kinds: [named.kind], fqn })
  if (found === undefined) throw new ManagementError('NotFound', `${fqn} not found`)
  return found
}

function shown({ object }: StoredObject): unknown {
  return toApi(object)?.spec
}

async function write(
  api: ManagementApi,
  { kind, identity }: Collection,
  spec: Record<string, unknown>,
): Promise<ChangeResult> {
  const etag = typeof spec['etag'] === 'string' ? spec['etag'] : ''
  const results = await api.apply([{ kinds: [kind], identity, spec, etag }], 'API')
  const refused = results.find(({ action }) => action === 'refused')
  const own = refused ?? results.at(-1)
  if (own === undefined) throw new ManagementError('Unavailable', 'nothing came back')
  if (refused === undefined) return own
  const messages = refused.findings
    .filter(({ severity }) => severity === 'error')
    .map(({ path, message }) => `${path}: ${message}`)
  throw new ManagementError(refused.code ?? 'InvalidArgument', messages.join('; '), refused.findings)
}
