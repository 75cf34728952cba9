import { groupKind, type KubeObject } from '../resources/index.ts'
import { Backoff, sleep } from './backoff.ts'
import { type Access, ApiError, ApiResources, KubeClient, type ResourceType, UnreachableError } from './client/index.ts'
import { Reflector, type ReflectorState, type ReflectorTiming } from './reflector.ts'
import { slim } from './slim.ts'

/** A kind that is kept in sight on every cluster that serves it. */
export interface WatchedKind {
  readonly group: string
  readonly kind: string
  /** The first of these that the cluster serves is read. Without: the version the server prefers. */
  readonly versions?: readonly string[]
  readonly fieldSelector?: string
  readonly labelSelector?: string
  /** Makes of an object what is kept. Default: without managedFields and kubectl's copy. */
  readonly keep?: (object: KubeObject) => KubeObject
}

export interface KindState {
  readonly state: ReflectorState
  readonly objects: number
  readonly error?: string
}

export interface ConnectionState {
  readonly server: string
  /** uid of the namespace kube-system: tells clusters apart whatever they are called. Undefined before first contact. */
  readonly uid: string | undefined
  /** Every watched kind has been listed, is not served, or may not be read. Stays true. */
  readonly synced: boolean
  /** Since when the API does not answer (RFC 3339). */
  readonly staleSince: string | undefined
  /** Why it does not. */
  readonly problem: string | undefined
  /** By `group/Kind`; kinds that the cluster does not serve are `absent`. */
  readonly kinds: ReadonlyMap<string, KindState>
}

/** Takes what a connection sees. Kinds are `group/Kind`, keys `namespace/name`. Maps are valid during the call only. */
export interface ClusterSink {
  replace(kind: string, objects: ReadonlyMap<string, KubeObject>): void
  set(kind: string, key: string, object: KubeObject): void
  delete(kind: string, key: string): void
  /** Something of `ConnectionState` changed. */
  changed(): void
}

/** What is known of a cluster from before. */
export interface KnownState {
  readonly uid: string
  /** When its API was last heard (RFC 3339). */
  readonly seenAt: string
  readonly objects: ReadonlyMap<string, ReadonlyMap<string, KubeObject>>
}

export interface ConnectionOptions {
  readonly access: Access
  readonly kinds: readonly WatchedKind[]
  readonly sink: ClusterSink
  readonly known?: KnownState
  /** Called with the uid of the cluster when it is first known; false gives the connection up before it reads more. */
  readonly admit?: (uid: string) => boolean
  readonly timing?: Partial<ConnectionTiming>
  readonly reflectorTiming?: Partial<ReflectorTiming>
}

export interface ConnectionTiming {
  /** A server that said nothing for this long is asked something. */
  readonly probeMs: number
  readonly probeTimeoutMs: number
  /** How long to gather changes of CRDs before looking at what is served. */
  readonly gatherMs: number
}

const defaultTiming: ConnectionTiming = { probeMs: 5_000, probeTimeoutMs: 5_000, gatherMs: 100 }

const crdKind: WatchedKind = {
  group: 'apiextensions.k8s.io',
  kind: 'CustomResourceDefinition',
  versions: ['v1'],
  keep: slimCrd,
}
const crdKey = 'apiextensions.k8s.io/CustomResourceDefinition'

/**
 * One cluster in sight: a reflector for each watched kind that it serves (kinds may come and go with their CRDs), and
 * a probe that notices within seconds when the API is away. What was seen stays until something newer is seen.
 */
export class ClusterConnection {
  readonly client: KubeClient
  readonly resources: ApiResources
  readonly #options: ConnectionOptions
  readonly #timing: ConnectionTiming
  readonly #stop = new AbortController()
  readonly #reflectors = new Map<string, Reflector>()
  readonly #wanted: readonly WatchedKind[]
  #uid: string | undefined
  #synced = false
  #lastHeardMs: number
  #staleSince: string | undefined
  #problem: string | undefined
  #discovered = false
  #gathering: NodeJS.Timeout | undefined
  #waiting = new AbortController()
  #running: Promise<void> | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#timing = { ...defaultTiming, ...options.timing }
    this.client = new KubeClient(options.access)
    this.resources = new ApiResources(this.client)
    this.#wanted = [crdKind, ...options.kinds]
    this.#uid = options.known?.uid
    this.#staleSince = options.known?.seenAt
    this.#lastHeardMs = options.known === undefined ? Date.now() : Date.parse(options.known.seenAt)
  }

  get state(): ConnectionState {
    const kinds = new Map<string, KindState>()
    for (const wanted of this.#wanted) {
      const reflector = this.#reflectors.get(nameOf(wanted))
      const error = reflector?.error?.message
      kinds.set(nameOf(wanted), {
        state: reflector?.state ?? (this.#discovered ? 'absent' : 'starting'),
        objects: reflector?.objects.size ?? this.#options.known?.objects.get(nameOf(wanted))?.size ?? 0,
        ...(error !== undefined && { error }),
      })
    }
    return {
      server: this.client.server,
      uid: this.#uid,
      synced: this.#synced,
      staleSince: this.#staleSince,
      problem: this.#problem,
      kinds,
    }
  }

  /** What is in sight of one kind, or known from before. */
  objects(kind: string): ReadonlyMap<string, KubeObject> {
    return this.#reflectors.get(kind)?.objects ?? this.#options.known?.objects.get(kind) ?? none
  }

  /** The resource by which objects of this kind are read and written here; undefined if it is not served. */
  async resourceOf(object: { apiVersion: string; kind: string }): Promise<ResourceType | undefined> {
    const kind = groupKind(object)
    const wanted = this.#wanted.find((w) => nameOf(w) === kind)
    return this.resources.find(kind.slice(0, kind.indexOf('/')), object.kind, wanted?.versions)
  }

  /** Shows what is known from before, and starts to look. */
  start(): void {
    for (const [kind, objects] of this.#options.known?.objects ?? none) this.#options.sink.replace(kind, objects)
    this.#running ??= this.#run()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    clearTimeout(this.#gathering)
    await Promise.all([this.#running, ...[...this.#reflectors.values()].map((r) => r.stop())])
    this.client.close()
  }

  async #run(): Promise<void> {
    const backoff = new Backoff({ firstMs: 500, maximumMs: Math.max(500, this.#timing.probeMs) })
    while (!this.#stop.signal.aborted) {
      const heardAgo = Date.now() - this.#lastHeardMs
      const calm = this.#discovered && this.#staleSince === undefined
      if (!calm || heardAgo >= this.#timing.probeMs) {
        const alive = await this.#probe()
        if (alive && !this.#discovered) await this.#discover()
        if (alive && this.#discovered) backoff.reset()
      }
      const waitMs = this.#discovered && this.#staleSince === undefined ? this.#timing.probeMs : backoff.next()
      this.#waiting = new AbortController()
      await sleep(waitMs, this.#stop.signal, this.#waiting.signal)
    }
  }

  async #probe(): Promise<boolean> {
    try {
      const path = '/api/v1/namespaces/kube-system'
      const { signal } = this.#stop
      const options = { signal, timeoutMs: this.#timing.probeTimeoutMs }
      const namespace = await this.client.request<KubeObject>('GET', path, options)
      this.#identified(namespace.metadata.uid ?? '')
    } catch (error) {
      if (this.#stop.signal.aborted) return false
      const refused = error instanceof ApiError && error.status < 500 && error.status !== 401
      if (!refused) {
        this.#lost(error as Error)
        return false
      }
    }
    if (this.#stop.signal.aborted) return false
    this.#heard()
    return true
  }

  #identified(uid: string): void {
    if (uid === this.#uid) return
    const replaced = this.#uid !== undefined && this.#discovered
    this.#uid = uid
    if (this.#options.admit?.(uid) === false) return this.#stop.abort()
    // Another cluster answers at this address: its resourceVersions mean nothing to our watches.
    if (replaced) for (const reflector of this.#reflectors.values()) reflector.relist()
    this.#options.sink.changed()
  }

  #heard(): void {
    this.#lastHeardMs = Date.now()
    if (this.#staleSince === undefined && this.#problem === undefined) return
    this.#staleSince = undefined
    this.#problem = undefined
    for (const reflector of this.#reflectors.values()) reflector.reconnect()
    this.#options.sink.changed()
  }

  #lost(error: Error): void {
    const since = this.#staleSince ?? new Date(this.#lastHeardMs).toISOString()
    if (this.#staleSince === since && this.#problem === error.message) return
    this.#staleSince = since
    this.#problem = error.message
    this.#options.sink.changed()
  }

  /** Makes reflectors of the kinds that are served and have none yet. */
  async #discover(): Promise<void> {
    try {
      this.resources.refresh()
      for (const wanted of this.#wanted) {
        const existing = this.#reflectors.get(nameOf(wanted))
        if (existing !== undefined) {
          if (existing.state === 'absent') existing.kick()
          continue
        }
        const type = await this.resources.find(wanted.group, wanted.kind, wanted.versions)
        // Another run may have got here first while we asked.
        if (this.#stop.signal.aborted || this.#reflectors.has(nameOf(wanted))) continue
        if (type !== undefined) this.#reflect(wanted, type)
      }
      this.#discovered = true
      this.#checkSynced()
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#lost(error as Error)
    }
  }

  #reflect(wanted: WatchedKind, type: ResourceType): void {
    const kind = nameOf(wanted)
    const { sink, known, reflectorTiming } = this.#options
    const { fieldSelector, labelSelector, keep = slim } = wanted
    const before = known?.objects.get(kind)
    const isCrd = kind === crdKey
    const reflector = new Reflector({
      client: this.client,
      type,
      keep,
      ...(fieldSelector && { fieldSelector }),
      ...(labelSelector && { labelSelector }),
      ...(before && { known: before }),
      ...(reflectorTiming && { timing: reflectorTiming }),
      sink: {
        replace: (objects) => {
          sink.replace(kind, objects)
          if (isCrd) this.#kindsChanged()
        },
        set: (key, object) => {
          sink.set(kind, key, object)
          if (isCrd) this.#kindsChanged()
        },
        delete: (key) => {
          sink.delete(kind, key)
          if (isCrd) this.#kindsChanged()
        },
        alive: () => {
          this.#lastHeardMs = Date.now()
        },
        state: (state, error) => {
          if (state === 'failing' && error instanceof UnreachableError) this.#suspect()
          this.#checkSynced()
        },
      },
    })
    this.#reflectors.set(kind, reflector)
    reflector.start()
  }

  /** A watch broke: ask the server at once whether it is still there. */
  #suspect(): void {
    if (this.#staleSince !== undefined) return
    this.#lastHeardMs = Math.min(this.#lastHeardMs, Date.now() - this.#timing.probeMs)
    this.#waiting.abort()
  }

  /** CRDs came or went: look again at what is served, once for many changes. */
  #kindsChanged(): void {
    if (this.#gathering !== undefined || !this.#discovered) return
    this.#gathering = setTimeout(() => {
      this.#gathering = undefined
      void this.#discover()
    }, this.#timing.gatherMs)
  }

  #checkSynced(): void {
    if (!this.#synced && this.#discovered) {
      this.#synced = [...this.#reflectors.values()].every(
        (r) => r.state === 'watching' || r.state === 'absent' || r.error instanceof ApiError,
      )
    }
    this.#options.sink.changed()
  }
}

const none: ReadonlyMap<string, never> = new Map<string, never>()

function nameOf(kind: WatchedKind): string {
  return `${kind.group}/${kind.kind}`
}

/** Of a CRD, what tells whether and what it serves; schemas are large. */
function slimCrd(crd: KubeObject): KubeObject {
  const spec = crd.spec as { group?: string; names?: unknown; scope?: string; versions?: { name: string }[] }
  return {
    ...slim(crd),
    spec: { ...spec, versions: spec.versions?.map(({ name }) => ({ name })) },
  }
}
