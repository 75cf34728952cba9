import { type WantedKeys, wantedTokenKeys } from '../../mesh/index.ts'
import type { Engine, Query, Table } from '../../pipeline/index.ts'
import type { ClusterRow } from '../cluster-rows.ts'
import type { TrackedWorlds } from '../xds/index.ts'

/** Keys that objects of known clusters need. */
export function defineWantedKeys(
  engine: Engine,
  worlds: TrackedWorlds,
  clusters: Table<ClusterRow>,
): Query<string, readonly WantedKeys[]> {
  return engine.define<string, readonly WantedKeys[]>('wanted token keys', (read) =>
    read
      .all(clusters)
      .filter(({ isKnown }) => isKnown)
      .flatMap(({ name }) => worlds.world(read, name).get(wantedTokenKeys, undefined)),
  )
}
