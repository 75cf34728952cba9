import type { Cluster } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { Cluster_DiscoveryType } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import type { TypedExtensionConfig } from '#gen/envoy/config/core/v3/extension_pb.js'
import type { ClusterLoadAssignment } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js'
import type { Listener } from '#gen/envoy/config/listener/v3/listener_pb.js'
import type { RouteConfiguration } from '#gen/envoy/config/route/v3/route_pb.js'
import type { World } from '../../discovery/index.ts'
import { type Proxy, scopeOf, withEntry } from '../../mesh/index.ts'
import type { Problem } from '../../report/index.ts'
import { type Built, isBuilt } from './built.ts'
import { gatewayListeners } from './gateway/listeners.ts'
import { inboundListeners } from './listeners/inbound.ts'
import { extensionsAdded, unusedPatches } from './patches/apply.ts'
import {
  clusterNames,
  clusterOf,
  endpointsOf,
  outboundListeners,
  outboundRouteNames,
  ownClusters,
  ownListeners,
  routesOf,
} from './resources.ts'
import { worldProblems } from './world-problems.ts'

/** Everything that one proxy is given. */
export interface ProxyConfig {
  readonly listeners: readonly Built<Listener>[]
  readonly routes: readonly Built<RouteConfiguration>[]
  readonly clusters: readonly Built<Cluster>[]
  readonly endpoints: readonly Built<ClusterLoadAssignment>[]
  /** Settings of filters that filters ask for by name. */
  readonly extensions: readonly Built<TypedExtensionConfig>[]
  /** What is wrong with objects, as far as only translation can tell. */
  readonly problems: readonly Problem[]
}

/** All resources of a proxy at once: for commands on files, and to compare incremental results with. */
export function buildProxyConfig(world: World, described: Proxy): ProxyConfig {
  const proxy = withEntry(world, described)
  const scope = scopeOf(world, proxy)
  const inbound = inboundListeners(world, proxy)
  const gateway = gatewayListeners(world, scope, proxy)
  const shared = clusterNames(world, scope).flatMap((name) => clusterOf(world, scope, name) ?? [])
  const byEds = shared.filter(({ resource }) => {
    const type = resource?.clusterDiscoveryType
    return type?.case === 'type' && type.value === Cluster_DiscoveryType.EDS
  })
  const listeners = [...outboundListeners(world, scope, proxy), ...ownListeners(world, scope, proxy)]
  const clusters = [...shared, ...ownClusters(world, scope, proxy)]
  const routes = outboundRouteNames(world, scope).flatMap((name) => routesOf(world, scope, name) ?? [])
  const extensions = extensionsAdded(world, scope)
  const all = [...listeners, ...clusters, ...routes, ...extensions]
  const used = new Set(all.flatMap(({ patches = [] }) => patches))
  return {
    listeners: listeners.filter(isBuilt),
    routes,
    clusters: clusters.filter(isBuilt),
    extensions,
    endpoints: byEds.filter(isBuilt).flatMap(({ resource }) => endpointsOf(world, scope, resource.name) ?? []),
    problems: [
      ...inbound.problems,
      ...gateway.problems,
      ...world.get(worldProblems, undefined),
      ...unusedPatches(world, scope, used, 'the proxy'),
    ],
  }
}
