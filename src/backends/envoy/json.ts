import { type JsonValue, toJson } from '@bufbuild/protobuf'
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js'
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js'
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js'
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js'
import type { ProxyConfig } from './proxy-config.ts'
import { extensionTypes } from './registry.ts'

/** The resources of a proxy in canonical proto3 JSON. */
export function proxyConfigJson({
  listeners,
  routes,
  clusters,
  endpoints,
  extensions,
}: Omit<ProxyConfig, 'problems'>): Record<keyof Omit<ProxyConfig, 'problems'>, JsonValue[]> {
  const options = { registry: extensionTypes }
  return {
    listeners: listeners.map(({ resource }) => toJson(ListenerSchema, resource, options)),
    routes: routes.map(({ resource }) => toJson(RouteConfigurationSchema, resource, options)),
    clusters: clusters.map(({ resource }) => toJson(ClusterSchema, resource, options)),
    endpoints: endpoints.map(({ resource }) => toJson(ClusterLoadAssignmentSchema, resource, options)),
    extensions: extensions.map(({ resource }) => toJson(TypedExtensionConfigSchema, resource, options)),
  }
}
