import type { World } from '../../../discovery/index.ts'
import { type Binding, type FailoverRetry, failoverOf } from '../../../mesh/index.ts'
import type { ClusterSpec } from '../clusters/spec.ts'
import { policyOf } from '../endpoints/client.ts'
import { hasRungs } from '../failover.ts'

/** Whether a port of a service (or of a subset) has other places to go. */
export function destinationHasRungs(world: World, binding: Binding, number: number, subset: string): boolean {
  const port = binding.service.ports.find((each) => each.number === number)
  if (!port) return false
  const spec: ClusterSpec = { name: '', binding, port, subset, mode: 'outbound' }
  return hasRungs(world, spec, policyOf(world, spec))
}

/** What a Failover says of requests that are sent again; undefined if none is for the service. */
export function plannedRetries(world: World, { service }: Binding): FailoverRetry | undefined {
  return failoverOf(world, service)?.retry
}
