import { gatewayNames } from '../../discovery/index.ts'
import type { Engine, Query, Table } from '../../pipeline/index.ts'
import type { ClusterRow } from '../cluster-rows.ts'
import type { TrackedWorlds } from '../xds/index.ts'

/** Names of gateways of networks, as the worlds of known clusters have them. */
export function defineGatewayNames(
  engine: Engine,
  worlds: TrackedWorlds,
  clusters: Table<ClusterRow>,
): Query<string, readonly string[]> {
  return engine.define<string, readonly string[]>('names of gateways', (read) =>
    read
      .all(clusters)
      .filter(({ isKnown }) => isKnown)
      .flatMap(({ name }) => worlds.world(read, name).get(gatewayNames, undefined)),
  )
}
