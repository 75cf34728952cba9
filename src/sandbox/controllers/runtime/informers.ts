import type { KubeObject } from '../../../resources/index.ts'
import { type KubeApi, keepStore, type Resource, resourceId, Store } from '../client/index.ts'

interface Informer {
  readonly store: Store
  readonly synced: Promise<void>
  readonly stop: AbortController
}

/** One watch and one store per resource, shared by all controllers of a cluster. */
export class Informers {
  private readonly api: KubeApi
  private readonly onError: (resource: Resource, error: unknown) => void
  private readonly informers = new Map<string, Informer>()

  constructor(api: KubeApi, onError: (resource: Resource, error: unknown) => void) {
    this.api = api
    this.onError = onError
  }

  /** The store of a resource; the first call starts the watch. */
  store<T extends KubeObject>(resource: Resource, keep?: (object: T) => T): Store<T> {
    return this.of(resource, keep as ((object: KubeObject) => KubeObject) | undefined).store as unknown as Store<T>
  }

  has(resource: Resource): boolean {
    return this.informers.has(resourceId(resource))
  }

  /** Ends the watch of a resource that is no more. */
  drop(resource: Resource): void {
    const informer = this.informers.get(resourceId(resource))
    informer?.stop.abort()
    this.informers.delete(resourceId(resource))
    informer?.store.replace([])
  }

  /** Resolves when a resource, or everything asked for so far, has been read once. */
  async synced(resource?: Resource): Promise<void> {
    const one = resource && this.informers.get(resourceId(resource))
    const asked = one ? [one] : [...this.informers.values()]
    await Promise.all(asked.map((informer) => informer.synced))
  }

  close(): void {
    for (const informer of this.informers.values()) informer.stop.abort()
  }

  private of(resource: Resource, keep?: (object: KubeObject) => KubeObject): Informer {
    const id = resourceId(resource)
    const known = this.informers.get(id)
    if (known) return known
    const store = new Store()
    const stop = new AbortController()
    const synced = new Promise<void>((resolve) => {
      stop.signal.addEventListener('abort', () => resolve())
      void keepStore(this.api, {
        resource,
        store,
        signal: stop.signal,
        onSynced: resolve,
        onError: (error) => this.onError(resource, error),
        ...(keep ? { keep } : {}),
      })
    })
    const informer = { store, synced, stop }
    this.informers.set(id, informer)
    return informer
  }
}
