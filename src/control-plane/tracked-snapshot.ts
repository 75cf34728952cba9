import type { Read, Table } from '../pipeline/index.ts'
import type { ClusterSnapshot, KubeObject, Snapshot } from '../resources/index.ts'
import type { ClusterRow } from './cluster-rows.ts'

/** Where the objects of a cluster and kind are. */
export type TableOf = (cluster: string, kind: string) => Table<KubeObject>

/**
 * All clusters as a Snapshot whose reads are tracked by the query that runs: it runs again when a kind that it looked
 * at has changed, and for no other reason. Valid only while that query runs. Objects come in the order of their keys.
 */
export function trackedSnapshot(read: Read, clusters: Table<ClusterRow>, tableOf: TableOf): Snapshot {
  const made = new Map<string, ClusterSnapshot>()
  for (const { name, staleSince, isKnown } of read.all(clusters))
    if (isKnown)
      made.set(name, {
        name,
        ...(staleSince !== undefined && { staleSince }),
        objects: new TrackedKinds(read, (kind) => tableOf(name, kind)),
      })
  return { clusters: made }
}

/** A ReadonlyMap by kind that reads when asked. What kinds there are cannot be asked: nobody may depend on that. */
class TrackedKinds extends Map<string, ReadonlyMap<string, KubeObject>> {
  readonly #read: Read
  readonly #tableOf: (kind: string) => Table<KubeObject>

  constructor(read: Read, tableOf: (kind: string) => Table<KubeObject>) {
    super()
    this.#read = read
    this.#tableOf = tableOf
  }

  override get(kind: string): ReadonlyMap<string, KubeObject> {
    const known = super.get(kind)
    if (known !== undefined) return known
    const table = this.#tableOf(kind)
    const keys = this.#read.keys(table)
    const objects = this.#read.all(table)
    const map = new Map(keys.map((key, at) => [key, objects[at] as KubeObject])) // Both are in the order of keys.
    super.set(kind, map)
    return map
  }
}
