// Clusters that share no services by themselves (each a mesh of its own, joined by a dialect) do not read each other's Drains.
// So each is told what is drained elsewhere, by a Drain that is written there.
import { drainedByUsers, passedOnOwner } from '../discovery/index.ts'
import { compareText } from '../lib/index.ts'
import type { Engine, Query, Table } from '../pipeline/index.ts'
import type { KubeObject } from '../resources/index.ts'
import type { ClusterRow } from './cluster-rows.ts'
import type { TrackedWorlds } from './xds/index.ts'

/** By cluster: the Drain that tells it of clusters which its own mesh does not say are drained. */
export function definePassedOnDrains(
  engine: Engine,
  worlds: TrackedWorlds,
  clusters: Table<ClusterRow>,
): Query<string, readonly KubeObject[]> {
  const everywhere = engine.define<string, readonly string[]>(
    'drained clusters',
    (read) => {
      const rows = read.all(clusters).filter(({ isKnown }) => isKnown)
      const said = rows.flatMap(({ name, isManagement }) => {
        const drained = worlds.world(read, name).get(drainedByUsers, undefined)
        // The management cluster may speak for all; any other for those that it is joined with, of which it is one.
        const joined = worlds.world(read, name).clusters()
        return [...drained].filter((one) => isManagement || joined.includes(one))
      })
      return [...new Set(said)].sort(compareText)
    },
    { equals: (a, b) => a.join() === b.join() },
  )
  return engine.define<string, readonly KubeObject[]>(
    'passed-on drains',
    (read, cluster) => {
      const all = read.query(everywhere, '')
      if (all.length === 0) return []
      const known = worlds.world(read, cluster).get(drainedByUsers, undefined)
      const names = all.filter((name) => !known.has(name))
      if (names.length === 0) return []
      const metadata = { name: 'passed-on', labels: { 'fairlead.dev/owner': passedOnOwner } }
      return [{ apiVersion: 'fairlead.dev/v1alpha1', kind: 'Drain', metadata, spec: { clusters: names } }]
    },
    { equals: (a, b) => JSON.stringify(a) === JSON.stringify(b) },
  )
}
