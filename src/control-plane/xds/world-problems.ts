import { worldProblems } from '../../backends/envoy/index.ts'
import type { Engine, Query, Table } from '../../pipeline/index.ts'
import type { Problem } from '../../report/index.ts'
import type { ClusterRow } from '../cluster-rows.ts'
import type { TrackedWorlds } from './tracked-world.ts'
import { isOurs } from './wanted-trust.ts'

/** Problems that only translation for proxies can tell, of the clusters whose proxies are ours. */
export function defineWorldProblems(
  engine: Engine,
  worlds: TrackedWorlds,
  clusters: Table<ClusterRow>,
): Query<string, readonly Problem[]> {
  return engine.define<string, readonly Problem[]>('xds/world-problems', (read) =>
    read
      .all(clusters)
      .filter(({ name, isKnown }) => isKnown && isOurs(read, worlds, name))
      .flatMap(({ name }) => worlds.world(read, name).get(worldProblems, undefined)),
  )
}
