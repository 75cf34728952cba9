import type { Engine, Query, Read, Table } from '../pipeline/index.ts'
import type { ClusterSnapshot, KubeObject, Snapshot } from '../resources/index.ts'
import type { ClusterRow } from './cluster-rows.ts'

/** Where the objects of a cluster and kind are. */
export type TableOf = (cluster: string, kind: string) => Table<KubeObject>

interface Kind {
  readonly cluster: string
  readonly kind: string
}

/** The objects of a kind in the order of their keys; the very same map while none of them changes. */
export type KindMaps = Query<Kind, ReadonlyMap<string, KubeObject>>

export function defineKindMaps(engine: Engine, tableOf: TableOf): KindMaps {
  return engine.define<Kind, ReadonlyMap<string, KubeObject>>(
    'objects of a kind',
    (read, { cluster, kind }) => {
      const table = tableOf(cluster, kind)
      const objects = read.all(table)
      return new Map(read.keys(table).map((key, at) => [key, objects[at] as KubeObject])) // Both are in the order of keys.
    },
    { keyText: ({ cluster, kind }) => `${cluster} ${kind}` },
  )
}

/**
 * All clusters as a Snapshot whose reads are tracked by the query that runs: it runs again when a kind that it looked
 * at has changed, and for no other reason. Valid only while that query runs.
 */
export function trackedSnapshot(read: Read, clusters: Table<ClusterRow>, maps: KindMaps): Snapshot {
  const made = new Map<string, ClusterSnapshot>()
  for (const { name, staleSince, isKnown } of read.all(clusters))
    if (isKnown)
      made.set(name, {
        name,
        ...(staleSince !== undefined && { staleSince }),
        objects: new TrackedKinds((kind) => read.query(maps, { cluster: name, kind })),
      })
  return { clusters: made }
}

/** A ReadonlyMap by kind that reads when asked. What kinds there are cannot be asked: nobody may depend on that. */
class TrackedKinds extends Map<string, ReadonlyMap<string, KubeObject>> {
  readonly #read: (kind: string) => ReadonlyMap<string, KubeObject>

  constructor(read: (kind: string) => ReadonlyMap<string, KubeObject>) {
    super()
    this.#read = read
  }

  override get(kind: string): ReadonlyMap<string, KubeObject> {
    const known = super.get(kind) ?? this.#read(kind)
    super.set(kind, known)
    return known
  }
}
