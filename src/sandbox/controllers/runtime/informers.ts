import { type KubeClient, Reflector } from '../../../clusters/index.ts'
import type { KubeObject } from '../../../resources/index.ts'
import { type Resource, resourceId, Store } from '../client/index.ts'

interface Informer {
  readonly store: Store
  readonly synced: Promise<void>
  readonly reflector: Reflector
}

/** One watch and one store per resource, shared by all controllers of a cluster. */
export class Informers {
  private readonly client: KubeClient
  private readonly onError: (resource: Resource, error: Error) => void
  private readonly informers = new Map<string, Informer>()

  constructor(client: KubeClient, onError: (resource: Resource, error: Error) => void) {
    this.client = client
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
    this.informers.delete(resourceId(resource))
    void informer?.reflector.stop()
    informer?.store.replace([])
  }

  /** Resolves when a resource, or everything asked for so far, has been read once. */
  async synced(resource?: Resource): Promise<void> {
    const one = resource && this.informers.get(resourceId(resource))
    const asked = one ? [one] : [...this.informers.values()]
    await Promise.all(asked.map((informer) => informer.synced))
  }

  async close(): Promise<void> {
    await Promise.all([...this.informers.values()].map((informer) => informer.reflector.stop()))
  }

  private of(resource: Resource, keep?: (object: KubeObject) => KubeObject): Informer {
    const id = resourceId(resource)
    const known = this.informers.get(id)
    if (known) return known
    const store = new Store()
    const synced = Promise.withResolvers<void>()
    const reflector = new Reflector({
      client: this.client,
      type: resource,
      sink: {
        replace(objects) {
          store.replace([...objects.values()])
          synced.resolve()
        },
        set: (_key, object) => store.put(object),
        delete: (key) => store.remove(key),
        state: (state, error) => {
          if (state === 'failing' && error) this.onError(resource, error)
          if (state === 'stopped') synced.resolve()
        },
      },
      timing: { firstRetryMs: 100, maximumRetryMs: 5000 },
      ...(keep ? { keep } : {}),
    })
    reflector.start()
    const informer = { store, synced: synced.promise, reflector }
    this.informers.set(id, informer)
    return informer
  }
}
