import { type FailBackRung, failBackRungs } from '../../mesh/index.ts'
import type { Engine, Query, Table } from '../../pipeline/index.ts'
import type { ClusterRow } from '../cluster-rows.ts'
import type { TrackedWorlds } from '../xds/index.ts'

/** Rungs of all clusters that are to come back slowly. */
export function defineFailBack(
  engine: Engine,
  worlds: TrackedWorlds,
  clusters: Table<ClusterRow>,
): Query<string, readonly FailBackRung[]> {
  return engine.define<string, readonly FailBackRung[]>('fail-back', (read) =>
    read
      .all(clusters)
      .filter(({ isKnown }) => isKnown)
      .flatMap(({ name }) => worlds.world(read, name).get(failBackRungs, undefined)),
  )
}
