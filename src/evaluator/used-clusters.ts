// The clusters that routes and listeners of a proxy lead to.
import type { RouteConfiguration } from '#gen/envoy/config/route/v3/route_pb.js'
import { HttpConnectionManagerSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import { TcpProxySchema } from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js'
import type { ProxyConfig } from './call.ts'
import { unpack } from './unpack.ts'

/** Names of the clusters to which a proxy may send anything; mirrors included. */
export function usedClusters({ listeners, routes }: ProxyConfig): ReadonlySet<string> {
  const used = new Set<string>()
  for (const config of routes.values()) noteRoutes(config, used)
  for (const { filterChains, defaultFilterChain } of listeners)
    for (const { filters } of [...filterChains, ...(defaultFilterChain ? [defaultFilterChain] : [])])
      for (const { configType } of filters) {
        if (configType.case !== 'typedConfig') continue
        const route = unpack(configType.value, HttpConnectionManagerSchema)?.routeSpecifier
        if (route?.case === 'routeConfig') noteRoutes(route.value, used)
        const target = unpack(configType.value, TcpProxySchema)?.clusterSpecifier
        if (target?.case === 'cluster') used.add(target.value)
        if (target?.case === 'weightedClusters') for (const { name } of target.value.clusters) used.add(name)
      }
  return used
}

function noteRoutes({ virtualHosts }: RouteConfiguration, used: Set<string>): void {
  for (const { routes } of virtualHosts)
    for (const { action } of routes) {
      if (action.case !== 'route') continue
      const { clusterSpecifier, requestMirrorPolicies } = action.value
      if (clusterSpecifier.case === 'cluster') used.add(clusterSpecifier.value)
      if (clusterSpecifier.case === 'weightedClusters')
        for (const { name } of clusterSpecifier.value.clusters) used.add(name)
      for (const { cluster } of requestMirrorPolicies) used.add(cluster)
    }
}
