import type { World } from '../../../discovery/index.ts'
import type { Binding } from '../../../mesh/index.ts'
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
