// A Kubernetes API server as far as clients of `clusters/` can tell, with faults on demand. For tests only.
import * as http from 'node:http'
import type { AddressInfo } from 'node:net'
import { type KubeObject, objectKey } from '../../resources/index.ts'
import { type Access, accessFromSecret, pathOf, type ResourceType } from '../client/index.ts'

interface Watcher {
  readonly path: string
  readonly response: http.ServerResponse
}

interface Change {
  readonly path: string
  readonly type: string
  readonly object: KubeObject
  readonly version: number
}

export class FakeApiServer {
  /** `METHOD path?query` of every request. */
  readonly requests: string[] = []
  /** Called with each request, as it is in `requests`. */
  beforeAnswer: (request: string) => void = () => undefined
  /** Answers every request with this, if set. */
  refuseWith: { status: number; reason: string } | undefined
  readonly #server = http.createServer((request, response) => void this.#answer(request, response))
  readonly #types: ResourceType[] = []
  readonly #objects = new Map<string, Map<string, KubeObject>>()
  readonly #log: Change[] = []
  readonly #watchers = new Set<Watcher>()
  #version = 1
  #compacted = 0
  #silent = false
  #port = 0

  static async start(types: readonly ResourceType[], uid = 'uid-of-kube-system'): Promise<FakeApiServer> {
    const fake = new FakeApiServer()
    for (const type of [namespaces, ...types]) fake.serve(type)
    fake.put(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system', uid } })
    await fake.listen()
    return fake
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get kubeconfig(): string {
    return JSON.stringify({
      clusters: [{ name: 'fake', cluster: { server: this.url } }],
      users: [{ name: 'me', user: { token: 'secret' } }],
      contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'me' } }],
      'current-context': 'fake',
    })
  }

  get access(): Access {
    return accessFromSecret(this.kubeconfig, 'fake')
  }

  /** Listens, on the port it had before if it had one. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve))
    this.#port = (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  serve(type: ResourceType): void {
    this.#types.push(type)
    this.#objects.set(pathOf(type), new Map())
  }

  /** The kind is gone, as when its CRD is deleted. */
  unserve(type: ResourceType): void {
    this.#types.splice(this.#types.indexOf(type), 1)
    this.#objects.delete(pathOf(type))
    this.dropWatches()
  }

  objects(type: ResourceType): ReadonlyMap<string, KubeObject> {
    return this.#objects.get(pathOf(type)) ?? new Map()
  }

  put(type: ResourceType, object: KubeObject): KubeObject {
    const objects = this.#objects.get(pathOf(type))
    const key = objectKey(object)
    const before = objects?.get(key)
    const version = ++this.#version
    const metadata = {
      uid: before?.metadata.uid ?? `uid-${version}`,
      ...object.metadata,
      resourceVersion: `${version}`,
    }
    const stored = { ...object, metadata }
    objects?.set(key, stored)
    this.#tell({ path: pathOf(type), type: before ? 'MODIFIED' : 'ADDED', object: stored, version })
    return stored
  }

  remove(type: ResourceType, key: string): void {
    const objects = this.#objects.get(pathOf(type))
    const object = objects?.get(key)
    if (object === undefined) return
    objects?.delete(key)
    const version = ++this.#version
    const gone = { ...object, metadata: { ...object.metadata, resourceVersion: `${version}` } }
    this.#tell({ path: pathOf(type), type: 'DELETED', object: gone, version })
  }

  /** Changes as after a restore from a backup: watchers hear nothing of it. */
  removeSilently(type: ResourceType, key: string): void {
    this.#version++
    this.#objects.get(pathOf(type))?.delete(key)
  }

  /** Forgets history: who asks for it gets 410. */
  compact(): void {
    this.#compacted = this.#version
    this.#log.length = 0
  }

  bookmark(): void {
    for (const { response } of this.#watchers)
      write(response, 'BOOKMARK', { metadata: { resourceVersion: `${this.#version}` } })
  }

  dropWatches(): void {
    for (const { response } of this.#watchers) response.destroy()
    this.#watchers.clear()
  }

  /** Ends watches with the error that real servers send inside the stream. */
  expireWatches(): void {
    this.compact()
    for (const { response } of this.#watchers) {
      write(response, 'ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' })
      response.end()
    }
    this.#watchers.clear()
  }

  /** As a machine that lost its network: connections stay open, nothing is answered, open watches say nothing. */
  fallSilent(): void {
    this.#silent = true
    this.#watchers.clear()
  }

  speakAgain(): void {
    this.#silent = false
  }

  get watching(): number {
    return this.#watchers.size
  }

  #tell(change: Change): void {
    this.#log.push(change)
    for (const watcher of this.#watchers)
      if (watcher.path === change.path) write(watcher.response, change.type, change.object)
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url)
    const line = `${request.method} ${url.pathname}${url.search}`
    this.requests.push(line)
    this.beforeAnswer(line)
    if (this.#silent) return
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString('utf8')
    const body = text === '' ? undefined : (JSON.parse(text) as KubeObject)
    if (this.refuseWith) return fail(response, this.refuseWith.status, this.refuseWith.reason)
    const discovery = this.#discovery(url.pathname)
    if (discovery) return send(response, 200, discovery)
    const target = this.#target(url.pathname)
    if (!target) return fail(response, 404, 'NotFound')
    if (url.searchParams.get('watch') === 'true') return this.#watch(target.type, url, response)
    if (target.name === undefined && request.method === 'GET') return this.#list(target.type, url, response)
    const creates = request.headers['content-type'] === 'application/apply-patch+yaml' && !target.subresource
    if (request.method === 'PATCH' && !creates && !this.objects(target.type).has(keyOf(target)))
      return fail(response, 404, 'NotFound')
    return this.#object(request.method ?? '', target, body, response)
  }

  #discovery(path: string): unknown {
    if (path === '/version') return { gitVersion: 'v1.30.0-fake' }
    const groups = [...new Set(this.#types.map((t) => t.group))].filter((g) => g !== '')
    const versions = (group: string): { version: string }[] =>
      [...new Set(this.#types.filter((t) => t.group === group).map((t) => t.version))].map((version) => ({ version }))
    if (path === '/apis') return { groups: groups.map((name) => ({ name, versions: versions(name) })) }
    const served = this.#types.filter((t) => path === (t.group ? `/apis/${t.group}/${t.version}` : `/api/${t.version}`))
    if (served.length === 0) return undefined
    return { resources: served.map((t) => ({ name: t.plural, kind: t.kind, namespaced: t.namespaced })) }
  }

  #target(path: string): { type: ResourceType; namespace?: string; name?: string; subresource?: string } | undefined {
    for (const type of this.#types) {
      const root = pathOf(type).slice(0, -type.plural.length - 1)
      if (!path.startsWith(`${root}/`)) continue
      const rest = path.slice(root.length + 1).split('/')
      const namespaced = rest[0] === 'namespaces' && rest[2] === type.plural
      const [namespace, own] = namespaced ? [rest[1], rest.slice(3)] : [undefined, rest.slice(1)]
      const isInNamespace = rest[0] === 'namespaces' && this.#types.some(({ plural }) => plural === rest[2])
      if (!namespaced && (rest[0] !== type.plural || isInNamespace)) continue
      const [name, subresource] = own
      return { type, ...(namespace && { namespace }), ...(name && { name }), ...(subresource && { subresource }) }
    }
    return undefined
  }

  #list(type: ResourceType, url: URL, response: http.ServerResponse): void {
    const limit = Number(url.searchParams.get('limit') ?? 0)
    const [at, from] = (url.searchParams.get('continue') ?? `${this.#version}:0`).split(':').map(Number)
    if ((at ?? 0) < this.#compacted) return fail(response, 410, 'Expired')
    const all = [...this.objects(type).values()].sort((a, b) => (objectKey(a) < objectKey(b) ? -1 : 1))
    const end = limit > 0 ? (from ?? 0) + limit : all.length
    const more = end < all.length ? `${at}:${end}` : ''
    // Real servers leave the type out of the items of typed lists.
    const items = all.slice(from, end).map((item) => ({ ...item, apiVersion: undefined, kind: undefined }))
    send(response, 200, { metadata: { resourceVersion: `${at}`, continue: more }, items })
  }

  #watch(type: ResourceType, url: URL, response: http.ServerResponse): void {
    const since = Number(url.searchParams.get('resourceVersion'))
    if (since < this.#compacted) return fail(response, 410, 'Expired')
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
    const path = pathOf(type)
    for (const change of this.#log)
      if (change.path === path && change.version > since) write(response, change.type, change.object)
    const watcher = { path, response }
    this.#watchers.add(watcher)
    response.on('close', () => this.#watchers.delete(watcher))
  }

  #object(
    method: string,
    target: { type: ResourceType; namespace?: string; name?: string; subresource?: string },
    body: KubeObject | undefined,
    response: http.ServerResponse,
  ): void {
    const { type } = target
    const name = target.name ?? body?.metadata.name ?? ''
    const key = keyOf({ ...target, name })
    const before = this.objects(type).get(key)
    if (method === 'POST' && before) return fail(response, 409, 'AlreadyExists')
    if (method !== 'POST' && !(method === 'PATCH' && !target.subresource) && !before)
      return fail(response, 404, 'NotFound')
    if (method === 'DELETE') this.remove(type, key)
    if (method === 'GET' || method === 'DELETE') return send(response, 200, before)
    if (body === undefined) return fail(response, 400, 'BadRequest')
    const expected = body.metadata?.resourceVersion
    if (method === 'PUT' && expected && expected !== before?.metadata.resourceVersion)
      return fail(response, 409, 'Conflict')
    const metadata = { ...before?.metadata, ...body.metadata, name }
    if (target.namespace) metadata.namespace = target.namespace
    send(response, 200, this.put(type, { ...before, ...body, metadata }))
  }
}

export const namespaces: ResourceType = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
}

function keyOf({ namespace, name = '' }: { namespace?: string; name?: string }): string {
  return namespace ? `${namespace}/${name}` : name
}

function write(response: http.ServerResponse, type: string, object: unknown): void {
  response.write(`${JSON.stringify({ type, object })}\n`)
}

function send(response: http.ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function fail(response: http.ServerResponse, code: number, reason: string): void {
  send(response, code, { kind: 'Status', status: 'Failure', code, reason, message: reason.toLowerCase() })
}
