import type { Cluster } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { Cluster_DiscoveryType } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import type { ClusterLoadAssignment } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js'
import type { Listener } from '#gen/envoy/config/listener/v3/listener_pb.js'
import type { RouteConfiguration } from '#gen/envoy/config/route/v3/route_pb.js'
import type { World } from '../../discovery/index.ts'
import { type Proxy, scopeOf } from '../../mesh/index.ts'
import type { Problem } from '../../report/index.ts'
import type { Built } from './built.ts'
import { inboundClusters } from './clusters/inbound.ts'
import { gatewayListeners } from './gateway/listeners.ts'
import { inboundListeners } from './listeners/inbound.ts'
import { clusterNames, clusterOf, endpointsOf, outboundListeners, outboundRouteNames } from './resources.ts'
import { buildOutboundRoutes } from './routes/route-configuration.ts'
import { objectsWithoutEffect } from './world-problems.ts'

/** Everything that one proxy is given. */
export interface ProxyConfig {
  readonly listeners: readonly Built<Listener>[]
  readonly routes: readonly Built<RouteConfiguration>[]
  readonly clusters: readonly Built<Cluster>[]
  readonly endpoints: readonly Built<ClusterLoadAssignment>[]
  /** What is wrong with objects, as far as only translation can tell. */
  readonly problems: readonly Problem[]
}

/** All resources of a proxy at once: for commands on files, and to compare incremental results with. */
export function buildProxyConfig(world: World, proxy: Proxy): ProxyConfig {
  const scope = scopeOf(world, proxy)
  const inbound = inboundListeners(world, proxy)
  const gateway = gatewayListeners(world, scope, proxy)
  const clusters = clusterNames(world, scope).flatMap((name) => clusterOf(world, scope, name) ?? [])
  const byEds = clusters.filter(
    ({ resource: { clusterDiscoveryType: type } }) => type.case === 'type' && type.value === Cluster_DiscoveryType.EDS,
  )
  return {
    listeners: [...outboundListeners(world, scope, proxy), ...inbound.listeners, ...gateway.listeners],
    routes: outboundRouteNames(world, scope).flatMap((name) => buildOutboundRoutes(world, scope, name) ?? []),
    clusters: [...clusters, ...inboundClusters(world, proxy)],
    endpoints: byEds.flatMap(({ resource }) => endpointsOf(world, scope, resource.name) ?? []),
    problems: [...inbound.problems, ...gateway.problems, ...objectsWithoutEffect(world)],
  }
}
