// What proxies are given, as the evaluator reads it.
import { fromJson, type JsonValue } from '@bufbuild/protobuf'
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js'
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js'
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js'
import { type ProxyConfig as BuiltConfig, extensionTypes } from '../../backends/envoy/index.ts'
import type { ProxyConfig, ResourceSort } from '../../evaluator/index.ts'
import type { ObjectRef } from '../../report/index.ts'

export interface ProxyFacts {
  readonly name: string
  readonly addresses: readonly string[]
  readonly principal?: string
}

/** What translation made for a proxy. */
export function evaluated(config: Omit<BuiltConfig, 'problems'>, facts: ProxyFacts): ProxyConfig {
  const { listeners, routes, clusters, endpoints } = config
  const origins = new Map<string, readonly ObjectRef[]>()
  const note = (sort: ResourceSort, name: string, origin: readonly ObjectRef[]): void =>
    void origins.set(`${sort} ${name}`, origin)
  for (const { resource, origin } of listeners) note('listener', resource.name, origin)
  for (const { resource, origin } of routes) note('route', resource.name, origin)
  for (const { resource, origin } of clusters) note('cluster', resource.name, origin)
  for (const { resource, origin } of endpoints) note('endpoints', resource.clusterName, origin)
  return {
    ...facts,
    listeners: listeners.map(({ resource }) => resource),
    routes: new Map(routes.map(({ resource }) => [resource.name, resource])),
    clusters: new Map(clusters.map(({ resource }) => [resource.name, resource])),
    endpoints: new Map(endpoints.map(({ resource }) => [resource.clusterName, resource])),
    origin: (sort, name) => origins.get(`${sort} ${name}`) ?? [],
  }
}

/** Resources in canonical JSON, by sort, as `fairlead envoy` and `fairlead config` show them. */
export interface JsonResources {
  readonly listeners: readonly JsonValue[]
  readonly routes: readonly JsonValue[]
  readonly clusters: readonly JsonValue[]
  readonly endpoints: readonly JsonValue[]
}

/** Throws if a resource is not what it should be. */
export function evaluatedJson(resources: JsonResources, facts: ProxyFacts): ProxyConfig {
  const options = { registry: extensionTypes, ignoreUnknownFields: true }
  const clusters = resources.clusters.map((json) => fromJson(ClusterSchema, json, options))
  const routes = resources.routes.map((json) => fromJson(RouteConfigurationSchema, json, options))
  const endpoints = resources.endpoints.map((json) => fromJson(ClusterLoadAssignmentSchema, json, options))
  return {
    ...facts,
    listeners: resources.listeners.map((json) => fromJson(ListenerSchema, json, options)),
    routes: new Map(routes.map((each) => [each.name, each])),
    clusters: new Map(clusters.map((each) => [each.name, each])),
    endpoints: new Map(endpoints.map((each) => [each.clusterName, each])),
  }
}
