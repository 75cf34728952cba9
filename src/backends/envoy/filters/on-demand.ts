// Proxies that ask for a virtual host when the first request for it comes.
// https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/on_demand_updates_filter
import { clone } from '@bufbuild/protobuf'
import { anyPack, anyUnpack } from '@bufbuild/protobuf/wkt'
import { type Listener, ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js'
import { OnDemandSchema } from '#gen/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.js'
import { HttpConnectionManagerSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import { milliseconds } from '../proto.ts'
import { httpFilter } from './http-connection-manager.ts'

/** A request for which nobody answers the proxy's question waits no longer than this. Streams that have a route have its limit. */
const longestWait = milliseconds(15_000)

/** A listener whose requests wait for virtual hosts that the proxy does not know yet, of routes that are `onDemand`. */
export function withOnDemand(listener: Listener, onDemand: (route: string) => boolean): Listener {
  const copy = clone(ListenerSchema, listener)
  const rest = copy.defaultFilterChain
  for (const { filters } of [...copy.filterChains, ...(rest ? [rest] : [])]) {
    for (const { configType } of filters) {
      if (configType.case !== 'typedConfig') continue
      const manager = anyUnpack(configType.value, HttpConnectionManagerSchema)
      if (manager?.routeSpecifier.case !== 'rds' || !onDemand(manager.routeSpecifier.value.routeConfigName)) continue
      manager.streamIdleTimeout = longestWait
      // First, so that the others find the route as if it had been there from the start.
      manager.httpFilters.unshift(httpFilter('envoy.filters.http.on_demand', OnDemandSchema))
      configType.value = anyPack(HttpConnectionManagerSchema, manager)
    }
  }
  return copy
}
