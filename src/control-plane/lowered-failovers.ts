import { type LoweredFailovers, loweredFailovers } from '../backends/istio/index.ts'
import type { Engine, Query } from '../pipeline/index.ts'
import { isOurs, type TrackedWorlds } from './xds/index.ts'

const none: LoweredFailovers = { objects: [], problems: [] }

/** By cluster: what its Failovers become where Istio drives the proxies. Our own proxies are told without a detour. */
export function defineLoweredFailovers(engine: Engine, worlds: TrackedWorlds): Query<string, LoweredFailovers> {
  return engine.define<string, LoweredFailovers>('lowered failovers', (read, cluster) =>
    isOurs(read, worlds, cluster) ? none : worlds.world(read, cluster).get(loweredFailovers, undefined),
  )
}
