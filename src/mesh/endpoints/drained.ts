import { type Endpoint, isDrained, labelNames, podsByAddress, type Service, type World } from '../../discovery/index.ts'
import { clusterOfEndpoint } from '../failover/index.ts'

/** Endpoints of drained clusters get nothing, as long as anything healthy is elsewhere. */
export function withoutDrained(
  world: World,
  service: Pick<Service, 'registry'>,
  endpoints: readonly Endpoint[],
): readonly Endpoint[] {
  const others = endpoints.filter((endpoint) => !isDrainedEndpoint(world, service, endpoint))
  if (others.length === endpoints.length) return endpoints
  return others.some(({ health }) => health === 'healthy') ? others : endpoints
}

function isDrainedEndpoint(world: World, { registry }: Pick<Service, 'registry'>, endpoint: Endpoint): boolean {
  const cluster = clusterOfEndpoint(endpoint)
  if (!isDrained(world, cluster)) return false
  if (registry === 'kubernetes' || endpoint.workload.labels[labelNames.remoteCluster] !== undefined) return true
  // An address that a ServiceEntry names may be anywhere: a gateway of another cluster, say.
  return world.lookup(cluster, podsByAddress, endpoint.address).length > 0
}
