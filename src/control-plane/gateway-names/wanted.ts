import type { TranslateResult } from '../../dialects/index.ts'
import { gatewayNames } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import type { Engine, Query, Table } from '../../pipeline/index.ts'
import type { ClusterRow } from '../cluster-rows.ts'
import type { TrackedWorlds } from '../xds/index.ts'

/** Names of gateways of networks, as the worlds of known clusters have them, and of those that dialects name. */
export function defineGatewayNames(
  engine: Engine,
  worlds: TrackedWorlds,
  clusters: Table<ClusterRow>,
  translation: Query<string, TranslateResult>,
): Query<string, readonly string[]> {
  return engine.define<string, readonly string[]>(
    'names of gateways',
    (read) => {
      const known = read.all(clusters).filter(({ isKnown }) => isKnown)
      const ofNetworks = known.flatMap(({ name }) => worlds.world(read, name).get(gatewayNames, undefined))
      return [...new Set([...ofNetworks, ...read.query(translation, '').names])].sort()
    },
    { equals: sameStructure },
  )
}
