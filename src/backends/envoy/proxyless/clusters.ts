import { create } from '@bufbuild/protobuf'
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
} from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { ApiVersion, type ConfigSourceSchema } from '#gen/envoy/config/core/v3/config_source_pb.js'
import { HealthStatus } from '#gen/envoy/config/core/v3/health_check_pb.js'
import type { LocalityLbEndpoints } from '#gen/envoy/config/endpoint/v3/endpoint_components_pb.js'
import { type ClusterLoadAssignment, ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js'
import { UpstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js'
import { isIpAddress, type World } from '../../../discovery/index.ts'
import { serviceIdentities } from '../../../mesh/index.ts'
import type { Built } from '../built.ts'
import { type ClusterKey, outboundCluster } from '../clusters/build.ts'
import { clusterEndpoints, type EndpointsKey } from '../endpoints/build.ts'
import { policyOf } from '../endpoints/client.ts'
import { fixedClusters } from '../names.ts'
import { extensionConfig, type Init, noTimeout } from '../proto.ts'
import { exactNames } from '../tls/upstream.ts'
import { providerInstance } from './names.ts'

const adsSource: Init<typeof ConfigSourceSchema> = {
  configSourceSpecifier: { case: 'ads', value: {} },
  initialFetchTimeout: noTimeout,
  resourceApiVersion: ApiVersion.V3,
}

const balancers: readonly Cluster_LbPolicy[] = [Cluster_LbPolicy.ROUND_ROBIN, Cluster_LbPolicy.RING_HASH]

/** A cluster that nobody serves: what a rule answers in place of a service, clients see as a failure. */
export const nowhere: { readonly cluster: Cluster; readonly endpoints: ClusterLoadAssignment } = {
  cluster: create(ClusterSchema, {
    name: fixedClusters.blackHole,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { serviceName: fixedClusters.blackHole, edsConfig: adsSource },
  }),
  endpoints: create(ClusterLoadAssignmentSchema, { clusterName: fixedClusters.blackHole }),
}

/** A cluster as gRPC clients understand it. Undefined if it has no endpoints by discovery: they resolve no names here. */
export function clientCluster(world: World, key: ClusterKey): Built<Cluster> | undefined {
  const built = outboundCluster.compute(world, key)
  const type = built?.resource.clusterDiscoveryType
  if (!built || type?.case !== 'type' || type.value !== Cluster_DiscoveryType.EDS) return undefined
  const { name, edsClusterConfig, lbPolicy, lbConfig, circuitBreakers, outlierDetection } = built.resource
  const resource = create(ClusterSchema, {
    name,
    clusterDiscoveryType: type,
    edsClusterConfig: {
      serviceName: edsClusterConfig?.serviceName ?? name,
      edsConfig: adsSource,
    },
    // Others are refused, and the cluster with them.
    lbPolicy: balancers.includes(lbPolicy) ? lbPolicy : Cluster_LbPolicy.ROUND_ROBIN,
    ...(lbConfig.case === 'ringHashLbConfig' && { lbConfig }),
    ...(circuitBreakers && { circuitBreakers }),
    ...(outlierDetection && { outlierDetection }),
    ...tlsFields(world, key),
  })
  return { resource, origin: built.origin }
}

/**
 * TLS only where a rule asks for the mesh's: a program is told nothing of single endpoints, so it cannot choose by them.
 */
function tlsFields(
  world: World,
  { spec }: ClusterKey,
): Pick<Parameters<typeof create<typeof ClusterSchema>>[1] & object, 'transportSocket'> {
  const { tls } = policyOf(world, spec)
  if (tls?.mode !== 'ISTIO_MUTUAL') return {}
  const { namespace, host } = spec.binding.service
  const names = tls.subjectAltNames ?? world.get(serviceIdentities, { namespace, host })
  const transportSocket = extensionConfig('envoy.transport_sockets.tls', UpstreamTlsContextSchema, {
    commonTlsContext: {
      tlsCertificateProviderInstance: { instanceName: providerInstance, certificateName: 'default' },
      validationContextType: {
        case: 'combinedValidationContext',
        value: {
          defaultValidationContext: {
            caCertificateProviderInstance: { instanceName: providerInstance, certificateName: 'ROOTCA' },
            matchSubjectAltNames: exactNames(names),
          },
        },
      },
    },
  })
  return { transportSocket }
}

/**
 * Endpoints as gRPC clients understand them: each locality of a priority once and named, with its weight; priorities without
 * gaps; addresses only.
 */
export function clientEndpoints(world: World, key: EndpointsKey): Built<ClusterLoadAssignment> {
  const { resource, origin } = clusterEndpoints.compute(world, key)
  const merged = new Map<string, LocalityLbEndpoints[]>()
  for (const group of resource.endpoints) {
    const { region = '', zone = '', subZone = '' } = group.locality ?? {}
    const place = JSON.stringify([group.priority, region, zone, subZone])
    merged.set(place, [...(merged.get(place) ?? []), group])
  }
  const groups = [...merged.values()].flatMap((parts) => {
    const [first] = parts
    const endpoints = parts.flatMap(({ lbEndpoints }) => lbEndpoints).filter(isUsable)
    if (!first || endpoints.length === 0) return []
    const own = parts.reduce((sum, { loadBalancingWeight = 0 }) => sum + loadBalancingWeight, 0)
    const counted = endpoints.reduce((sum, { loadBalancingWeight = 1 }) => sum + loadBalancingWeight, 0)
    return [{ priority: first.priority, locality: first.locality ?? {}, weight: own || counted, endpoints }]
  })
  const priorities = [...new Set(groups.map(({ priority }) => priority))].sort((a, b) => a - b)
  return {
    resource: create(ClusterLoadAssignmentSchema, {
      clusterName: resource.clusterName,
      endpoints: groups.map(({ priority, locality, weight, endpoints }) => ({
        priority: priorities.indexOf(priority),
        locality,
        loadBalancingWeight: weight,
        lbEndpoints: endpoints,
      })),
    }),
    origin,
  }
}

function isUsable({ healthStatus, hostIdentifier }: LocalityLbEndpoints['lbEndpoints'][number]): boolean {
  if (healthStatus === HealthStatus.UNHEALTHY || hostIdentifier.case !== 'endpoint') return false
  const socket = hostIdentifier.value.address?.address
  return socket?.case === 'socketAddress' && isIpAddress(socket.value.address)
}
