import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import { type Cluster, Cluster_DiscoveryType, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { type Listener, ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js'
import { typeUrls } from '../../../ads/index.ts'
import { type Built, clustersNamed, isBuilt, type Removed, sharedListener } from '../../../backends/envoy/index.ts'
import type { World } from '../../../discovery/index.ts'
import type { ProxyScope } from '../../../mesh/index.ts'
import { encodeResource } from '../encode.ts'
import { Removal, type XdsResource } from '../xds-resource.ts'

export function encodeShared(world: World, scope: ProxyScope, built: Built<Listener>): XdsResource | Removal {
  return encodeListener(sharedListener(world, scope, built), scope)
}

export function encodeCluster(built: Built<Cluster> | Removed, scope: ProxyScope): XdsResource | Removal {
  if (!isBuilt(built)) return new Removal(built.name, built.patches)
  const { name } = built.resource
  const endpointSet = endpointSetOf(built.resource)
  return encodeResource(ClusterSchema, typeUrls.cluster, name, built, {
    ...(endpointSet !== undefined && { endpointSet }),
    ...leads(ClusterSchema, built, scope, name),
  })
}

/** What a resource leads to, for proxies that are given no clusters but those that something leads to. */
export function leads<S extends DescMessage>(
  schema: S,
  { resource }: Built<MessageShape<S>>,
  scope: ProxyScope,
  but?: string,
): { refersTo?: readonly string[] } {
  if (!scope.onDemand) return {}
  const refersTo = clustersNamed(schema, resource).filter((name) => name !== but)
  return refersTo.length === 0 ? {} : { refersTo }
}

function endpointSetOf({ name, clusterDiscoveryType, edsClusterConfig }: Cluster): string | undefined {
  const isEds = clusterDiscoveryType.case === 'type' && clusterDiscoveryType.value === Cluster_DiscoveryType.EDS
  return isEds ? edsClusterConfig?.serviceName || name : undefined
}

export function encodeListener(built: Built<Listener> | Removed, scope: ProxyScope): XdsResource | Removal {
  if (!isBuilt(built)) return new Removal(built.name, built.patches)
  const { name } = built.resource
  return encodeResource(ListenerSchema, typeUrls.listener, name, built, leads(ListenerSchema, built, scope))
}
