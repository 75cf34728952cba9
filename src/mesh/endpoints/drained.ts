import {
  drainedClusters,
  type Endpoint,
  labelNames,
  podsByAddress,
  type Service,
  type World,
} from '../../discovery/index.ts'
import { clusterOfEndpoint } from '../failover/index.ts'

/** Endpoints of drained clusters get nothing, as long as anything healthy is elsewhere. */
export function withoutDrained(
  world: World,
  service: Pick<Service, 'registry'>,
  endpoints: readonly Endpoint[],
): readonly Endpoint[] {
  const drained = world.get(drainedClusters, undefined)
  if (drained.size === 0) return endpoints
  const isLeft = (endpoint: Endpoint): boolean =>
    !drained.has(clusterOfEndpoint(endpoint)) || !belongs(world, service, endpoint)
  const others = endpoints.filter(isLeft)
  if (others.length === endpoints.length) return endpoints
  return others.some(({ health }) => health === 'healthy') ? others : endpoints
}

/** Whether an endpoint is of the cluster that it seems to be of. */
function belongs(world: World, { registry }: Pick<Service, 'registry'>, endpoint: Endpoint): boolean {
  if (registry === 'kubernetes' || endpoint.workload.labels[labelNames.remoteCluster] !== undefined) return true
  // An address that a ServiceEntry names may be anywhere: a gateway of another cluster, say.
  return world.lookup(clusterOfEndpoint(endpoint), podsByAddress, endpoint.address).length > 0
}
