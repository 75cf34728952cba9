// A store in memory, for tests only.
import type { KindDefinition, KubeObject } from '../resources/index.ts'
import type { AuditStore, Store } from './store.ts'

/** Objects in memory, as an API server keeps them. */
export class MemoryStore implements Store {
  readonly objects = new Map<string, KubeObject>()
  readonly entries: KubeObject[] = []
  #count = 0

  readonly audit: AuditStore = {
    append: (entry) => Promise.resolve(void this.entries.push(entry)),
    list: () => Promise.resolve(this.entries),
  }

  list(kinds?: readonly KindDefinition[]): Promise<KubeObject[]> {
    const wanted = kinds === undefined ? undefined : new Set(kinds.map(({ group, kind }) => `${group} ${kind}`))
    const all = [...this.objects].flatMap(([key, object]) =>
      wanted === undefined || wanted.has(key.split(' ').slice(0, 2).join(' ')) ? [object] : [],
    )
    return Promise.resolve(structuredClone(all))
  }

  put(kind: KindDefinition, object: KubeObject): KubeObject {
    const key = `${kind.group} ${kind.kind} ${object.metadata.namespace}/${object.metadata.name}`
    const before = this.objects.get(key)
    const metadata = {
      uid: `uid-${this.#count}`,
      creationTimestamp: new Date(this.#count * 1000).toISOString(),
      ...object.metadata,
      generation: (before?.metadata.generation ?? 0) + 1,
      resourceVersion: String(++this.#count),
    }
    const stored = { ...object, metadata }
    this.objects.set(key, stored)
    return stored
  }

  create(kind: KindDefinition, object: KubeObject): Promise<KubeObject> {
    return Promise.resolve(this.put(kind, object))
  }

  update(kind: KindDefinition, object: KubeObject): Promise<KubeObject> {
    return Promise.resolve(this.put(kind, object))
  }

  remove(kind: KindDefinition, { metadata }: KubeObject): Promise<void> {
    this.objects.delete(`${kind.group} ${kind.kind} ${metadata.namespace}/${metadata.name}`)
    return Promise.resolve()
  }

  clusters(): Promise<string[]> {
    return Promise.resolve(['c1', 'c2'])
  }
}
