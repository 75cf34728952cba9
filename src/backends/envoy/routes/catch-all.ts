import { create } from '@bufbuild/protobuf'
import { RouteSchema, type VirtualHost, VirtualHostSchema } from '#gen/envoy/config/route/v3/route_components_pb.js'
import type { MeshConfig } from '../../../discovery/index.ts'
import type { OutboundPolicy } from '../../../mesh/index.ts'
import { countsAttempts, withForwardedHost } from '../filters/proxy-headers.ts'
import { fixedClusters, outboundClusterName, virtualHostNames } from '../names.ts'
import { noTimeout } from '../proto.ts'
import { routeMatch } from './match.ts'

/** Where connections and requests go that are for nobody known; undefined: nowhere. */
export function egressCluster({ mode, egressProxy }: OutboundPolicy): string | undefined {
  if (mode === 'REGISTRY_ONLY') return undefined
  if (!egressProxy) return fixedClusters.passthrough
  return outboundClusterName(egressProxy.port?.number ?? 0, egressProxy.subset ?? '', egressProxy.host)
}

/** The virtual host for all hosts that no other is for. */
export function catchAll(mesh: MeshConfig, policy: OutboundPolicy): VirtualHost {
  const dynamic = policy.mode === 'ALLOW_ANY_DYNAMIC_DNS'
  const cluster = dynamic ? fixedClusters.allowAnyDynamicDns : egressCluster(policy)
  const name = dynamic
    ? virtualHostNames.allowAnyDynamicDns
    : cluster === undefined
      ? virtualHostNames.blockAll
      : virtualHostNames.allowAny
  const route = create(RouteSchema, {
    name,
    match: routeMatch(undefined, 'istio'),
    action:
      cluster === undefined
        ? { case: 'directResponse', value: { status: 502 } }
        : {
            case: 'route',
            value: {
              clusterSpecifier: { case: 'cluster', value: cluster },
              timeout: noTimeout,
              maxGrpcTimeout: noTimeout,
            },
          },
  })
  return create(VirtualHostSchema, {
    name,
    domains: ['*'],
    includeRequestAttemptCount: countsAttempts(mesh),
    routes: withForwardedHost(mesh, [route]),
  })
}
