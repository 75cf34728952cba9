import { drainedClustersOf, failoverServices, fairleadKinds } from '../mesh/index.ts'
import type { Read } from '../pipeline/index.ts'
import type { ObjectStatusInputs } from './object-status.ts'
import type { TrackedWorlds } from './xds/index.ts'

/**
 * What statuses of Fairlead's own kinds say beside problems: of a Failover, what became of each service; of a
 * Drain, which clusters it drains.
 */
export function objectDetails(worlds: TrackedWorlds): ObjectStatusInputs['details'] {
  return (read: Read, { cluster, kind, key }) => {
    const world = worlds.world(read, cluster)
    if (kind === fairleadKinds.failover) return { services: world.get(failoverServices, key) }
    if (kind === fairleadKinds.drain) return { drained: world.get(drainedClustersOf, key) }
    return undefined
  }
}
