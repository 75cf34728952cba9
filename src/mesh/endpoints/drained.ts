import {
  drainedClusters,
  type Endpoint,
  endpointsOfService,
  labelNames,
  namespaceOf,
  podsByAddress,
  type Service,
  systemNamespace,
  type World,
} from '../../discovery/index.ts'
import type { ObjectRef } from '../../report/index.ts'
import { type Drain, drainedBy } from '../../resources/fairlead/index.ts'
import { refOf } from '../../resources/index.ts'
import { clusterOfEndpoint } from '../failover/index.ts'
import { fairleadKinds } from '../kinds.ts'

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

/** What keeps requests to a service from some of its clusters: Drains, and system namespaces with the label. */
export function drainsInForce(world: World, service: Service): ObjectRef[] {
  if (world.get(drainedClusters, undefined).size === 0) return []
  const { namespace, host } = service
  const endpoints = world.get(endpointsOfService, { namespace, host })
  const left = new Set(withoutDrained(world, service, endpoints))
  const without = new Set(endpoints.filter((endpoint) => !left.has(endpoint)).map(clusterOfEndpoint))
  return world.clusters().flatMap((cluster) => {
    const drains = world.objects(cluster, fairleadKinds.drain) as readonly Drain[]
    const named = drains.filter((drain) => drainedBy(drain, cluster).some((name) => without.has(name)))
    const labelled =
      without.has(cluster) && namespaceOf(world, cluster, systemNamespace).labels[labelNames.drain] === 'true'
    const itself: ObjectRef = { cluster, apiVersion: 'v1', kind: 'Namespace', namespace: '', name: systemNamespace }
    return [...named.map((drain) => refOf(cluster, drain)), ...(labelled ? [itself] : [])]
  })
}
