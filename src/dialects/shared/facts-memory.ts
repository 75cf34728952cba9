// Facts of clusters over several snapshots: those of a cluster stay as long as nothing that was read of it has changed.
import type { ClusterSnapshot, Snapshot } from '../../resources/index.ts'
import { ClusterFacts } from './facts.ts'

export class FactsMemory {
  readonly #facts = new Map<string, ClusterFacts>()
  #snapshot: Snapshot = { clusters: new Map() }

  /** What follows is about this snapshot. */
  begin(snapshot: Snapshot): void {
    this.#snapshot = snapshot
    for (const [name, own] of snapshot.clusters) this.of(name, own)
  }

  /** Facts of a cluster as it is seen now. One and the same function, whatever the snapshot. */
  readonly factsOf = (name: string): ClusterFacts => {
    const own = this.#snapshot.clusters.get(name)
    return own === undefined ? new ClusterFacts(name, undefined) : this.of(name, own)
  }

  /** Facts of a cluster in a view of its own: `key` names cluster and view. */
  of(key: string, snapshot: ClusterSnapshot | undefined): ClusterFacts {
    const known = this.#facts.get(key)
    if (known?.hold(snapshot)) return known
    const facts = new ClusterFacts(snapshot?.name ?? key, snapshot)
    this.#facts.set(key, facts)
    return facts
  }
}
