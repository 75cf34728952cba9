import { failoverServices, fairleadKinds } from '../mesh/index.ts'
import type { Read } from '../pipeline/index.ts'
import type { ObjectStatusInputs } from './object-status.ts'
import type { TrackedWorlds } from './xds/index.ts'

/** What statuses of Fairlead's own kinds say beside problems: of a Failover, what became of each service. */
export function objectDetails(worlds: TrackedWorlds): ObjectStatusInputs['details'] {
  return (read: Read, { cluster, kind, key }) => {
    if (kind !== fairleadKinds.failover) return undefined
    return { services: worlds.world(read, cluster).get(failoverServices, key) }
  }
}
