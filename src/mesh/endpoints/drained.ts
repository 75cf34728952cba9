import { type Endpoint, isDrained, type World } from '../../discovery/index.ts'
import { clusterOfEndpoint } from '../failover/index.ts'

/** Endpoints of drained clusters get nothing, as long as anything healthy is elsewhere. */
export function withoutDrained(world: World, endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const others = endpoints.filter(
    (endpoint) => !isDrained(world, endpoint.workload.cluster) && !isDrained(world, clusterOfEndpoint(endpoint)),
  )
  if (others.length === endpoints.length) return endpoints
  return others.some(({ health }) => health === 'healthy') ? others : endpoints
}
