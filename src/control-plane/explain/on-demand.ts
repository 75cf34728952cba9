// Proxies on demand as `explain` looks at them: what they would have once a request had asked for it.
import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import { toJson } from '@bufbuild/protobuf'
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js'
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js'
import { buildProxyConfig, extensionTypes } from '../../backends/envoy/index.ts'
import { type Proxy, scopeOf, withEntry } from '../../mesh/index.ts'
import type { Engine, Query } from '../../pipeline/index.ts'
import { formatRef, type ObjectRef } from '../../report/index.ts'
import type { GivenResource, ProxyConfiguration, TrackedWorlds } from '../xds/index.ts'

/** What a proxy on demand is given when it asks. */
export type Demandable = Pick<ProxyConfiguration, 'routes' | 'clusters' | 'endpoints'>

export interface AskingProxy {
  readonly primary: string
  readonly proxy: Proxy
}

/** Everything that a proxy could ask for; undefined for proxies that are given it unasked. */
export function defineDemandable(engine: Engine, worlds: TrackedWorlds): Query<AskingProxy, Demandable | undefined> {
  return engine.define<AskingProxy, Demandable | undefined>(
    'explain/demandable',
    (read, { primary, proxy }) => {
      const world = worlds.world(read, primary)
      if (!scopeOf(world, withEntry(world, proxy)).onDemand) return undefined
      const { routes, clusters, endpoints } = buildProxyConfig(world, proxy)
      return {
        routes: routes.map((built) => shown(RouteConfigurationSchema, built.resource.name, built)),
        clusters: clusters.map((built) => shown(ClusterSchema, built.resource.name, built)),
        endpoints: endpoints.map((built) => shown(ClusterLoadAssignmentSchema, built.resource.clusterName, built)),
      }
    },
    { keyText: ({ primary, proxy }) => `${primary} ${JSON.stringify(proxy)}` },
  )
}

function shown<S extends DescMessage>(
  schema: S,
  name: string,
  { resource, origin }: { readonly resource: MessageShape<S>; readonly origin: readonly ObjectRef[] },
): GivenResource {
  const json = toJson(schema, resource, { registry: extensionTypes })
  return { name, version: '', origin: origin.map(formatRef), resource: json }
}
