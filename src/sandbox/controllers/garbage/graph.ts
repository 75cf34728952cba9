// Who owns whom, over all resources of a cluster: metadata only, kept current by watches.
import { groupOf, type KubeObject, type OwnerReference, objectKey } from '../../../resources/index.ts'
import { apiVersionOf, type DiscoveredResource, resourceId, type Store } from '../client/index.ts'

const byOwner = 'owner'

export interface Node {
  readonly resource: DiscoveredResource
  readonly object: KubeObject
}

/** What the graph tells when an object came, changed, or went (`now` undefined). */
export type GraphListener = (resource: DiscoveredResource, now: KubeObject | undefined, before?: KubeObject) => void

export class OwnerGraph {
  private readonly stores = new Map<string, { resource: DiscoveredResource; store: Store }>()
  private readonly alive = new Map<string, Node>()
  private readonly listener: GraphListener

  constructor(listener: GraphListener) {
    this.listener = listener
  }

  has(resource: DiscoveredResource): boolean {
    return this.stores.has(resourceId(resource))
  }

  get resources(): DiscoveredResource[] {
    return [...this.stores.values()].map(({ resource }) => resource)
  }

  add(resource: DiscoveredResource, store: Store): void {
    store.index(byOwner, (object) => (object.metadata.ownerReferences ?? []).map((ref) => ref.uid))
    this.stores.set(resourceId(resource), { resource, store })
    for (const object of store.list()) this.note(resource, object)
    store.listen((now, before) => {
      if (!this.has(resource)) return
      if (before && before.metadata.uid !== now?.metadata.uid) this.alive.delete(before.metadata.uid ?? '')
      if (now) this.alive.set(now.metadata.uid ?? '', { resource, object: now })
      this.listener(resource, now, before)
    })
  }

  remove(resource: DiscoveredResource): void {
    this.stores.delete(resourceId(resource))
    for (const [uid, node] of this.alive) if (resourceId(node.resource) === resourceId(resource)) this.alive.delete(uid)
  }

  node(uid: string): Node | undefined {
    return this.alive.get(uid)
  }

  find(id: string, key: string): Node | undefined {
    const entry = this.stores.get(id)
    const object = entry?.store.get(key)
    return entry && object ? { resource: entry.resource, object } : undefined
  }

  dependents(uid: string): Node[] {
    return [...this.stores.values()].flatMap(({ resource, store }) =>
      store.by(byOwner, uid).map((object) => ({ resource, object })),
    )
  }

  /** The resource that an owner reference points into, whatever version it names. */
  resourceOf(ref: OwnerReference): DiscoveredResource | undefined {
    const group = groupOf(ref.apiVersion)
    return this.resources.find((resource) => resource.kind === ref.kind && groupOf(apiVersionOf(resource)) === group)
  }

  private note(resource: DiscoveredResource, object: KubeObject): void {
    this.alive.set(object.metadata.uid ?? '', { resource, object })
    this.listener(resource, object)
  }
}

/** Key of an object among all of a cluster. */
export function nodeKey(resource: DiscoveredResource, object: KubeObject): string {
  return `${resourceId(resource)}|${objectKey(object)}`
}

/** What the graph keeps of an object. */
export function metadataOnly<T extends KubeObject>(object: T): T {
  const { managedFields: _fields, annotations: _annotations, ...metadata } = object.metadata
  return { apiVersion: object.apiVersion, kind: object.kind, metadata } as T
}
