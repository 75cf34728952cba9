import { create } from '@bufbuild/protobuf'
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
} from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { InternalUpstreamTransportSchema } from '#gen/envoy/extensions/transport_sockets/internal_upstream/v3/internal_upstream_pb.js'
import { type MeshConfig, meshConfigOf, type World } from '../../../discovery/index.ts'
import { type EffectivePolicy, outboundPolicyOf, type ProxyScope } from '../../../mesh/index.ts'
import { internalAddress } from '../address.ts'
import { fixedClusters, listenerNames } from '../names.ts'
import { duration, extensionConfig, milliseconds } from '../proto.ts'
import { rawBuffer } from '../tls/upstream.ts'
import { connectionPoolFields, noLimits } from './connection-pool.ts'
import { dynamicForwardProxyType } from './dynamic-forward-proxy.ts'
import { emitHttpOptions, newHttpOptions } from './http-options.ts'

/** Clusters that every proxy of a scope has, whatever services there are. */
export function fixedClustersOf(world: World, scope: ProxyScope): Cluster[] {
  const connectTimeout = duration(meshConfigOf(world).connectTimeout) ?? milliseconds(10_000)
  const blackHole = create(ClusterSchema, {
    name: fixedClusters.blackHole,
    altStatName: `${fixedClusters.blackHole};`,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    connectTimeout,
    lbPolicy: Cluster_LbPolicy.ROUND_ROBIN,
  })
  if (scope.type === 'gateway') return [blackHole]
  const { mode } = outboundPolicyOf(world, scope.view)
  return [
    blackHole,
    passthrough(meshConfigOf(world)),
    ...(mode === 'ALLOW_ANY_DYNAMIC_DNS' ? [anyName(scope, meshConfigOf(world))] : []),
    ...(scope.dataPath === 'loopback' ? [tunnel(connectTimeout)] : []),
  ]
}

/** Goes where the connection was meant to go. */
function passthrough(mesh: MeshConfig): Cluster {
  return create(ClusterSchema, {
    name: fixedClusters.passthrough,
    altStatName: `${fixedClusters.passthrough};`,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.ORIGINAL_DST },
    lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
    ...connectionPoolFields(mesh, defaultPool(mesh)),
    typedExtensionProtocolOptions: emitHttpOptions(newHttpOptions('downstream')),
  })
}

/** Limits that the mesh sets for all connections, even to what nobody declared. */
export function defaultPool(mesh: MeshConfig): Pick<EffectivePolicy, 'connectionPool'> {
  const { connectionPool } = (mesh.defaultTrafficPolicy ?? {}) as EffectivePolicy
  return connectionPool ? { connectionPool } : {}
}

/** Goes to whatever the host of a request resolves to. */
function anyName({ ipFamilies }: ProxyScope, mesh: MeshConfig): Cluster {
  return create(ClusterSchema, {
    name: fixedClusters.allowAnyDynamicDns,
    altStatName: `${fixedClusters.allowAnyDynamicDns};`,
    ...dynamicForwardProxyType(fixedClusters.allowAnyDynamicDns, ipFamilies, true),
    lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
    ...connectionPoolFields(mesh, {}),
    typedExtensionProtocolOptions: emitHttpOptions(newHttpOptions('downstream')),
  })
}

/** The listener of the same Envoy that takes requests out of tunnels. */
function tunnel(connectTimeout: ReturnType<typeof milliseconds>): Cluster {
  const name = fixedClusters.httpInTunnel
  return create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    connectTimeout,
    circuitBreakers: { thresholds: [noLimits] },
    loadAssignment: {
      clusterName: name,
      endpoints: [
        {
          lbEndpoints: [
            { hostIdentifier: { case: 'endpoint', value: { address: internalAddress(listenerNames.httpInTunnel) } } },
          ],
        },
      ],
    },
    // Hands on who the caller is.
    transportSocket: extensionConfig('envoy.transport_sockets.internal_upstream', InternalUpstreamTransportSchema, {
      transportSocket: rawBuffer,
    }),
  })
}
