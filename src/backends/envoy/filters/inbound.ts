// The filters of inbound chains: who may pass, then HTTP or plain TCP to the program.
import type { Filter } from '#gen/envoy/config/listener/v3/listener_components_pb.js'
import { meshConfigOf, type World } from '../../../discovery/index.ts'
import { metadataFlag, type Proxy } from '../../../mesh/index.ts'
import type { ObjectRef, Problem } from '../../../report/index.ts'
import { inboundRoutes } from '../routes/inbound.ts'
import { httpConnectionManager } from './http-connection-manager.ts'
import { proxyHeaderFields } from './proxy-headers.ts'
import { type SecurityOptions, securityFilters } from './security.ts'
import { plainTcpProxy } from './tcp-proxy.ts'
import { undeliveredReplies } from './undelivered.ts'

/** Where a chain leads. */
export interface InboundDestination {
  readonly cluster: string
  readonly servicePort: number
  readonly operation: string
  readonly statPrefix: string
  readonly http2: boolean
  readonly grpc: boolean
}

export interface InboundFilters {
  /** The connection manager of a chain. `fromMesh`: only peers of the mesh come here. */
  http(destination: InboundDestination, fromMesh: boolean): Filter
  tcp(destination: InboundDestination): Filter[]
  readonly problems: readonly Problem[]
  readonly origin: readonly ObjectRef[]
}

/** What all inbound chains of a workload enforce. */
export function inboundFilters(world: World, proxy: Proxy, options: SecurityOptions): InboundFilters {
  const mesh = meshConfigOf(world)
  const security = securityFilters(world, proxy, options)
  return {
    http: (destination, fromMesh) =>
      httpConnectionManager({
        mesh,
        statPrefix: destination.statPrefix,
        routes: { inline: inboundRoutes({ mesh, ...destination }) },
        before: security.http,
        fields: {
          ...proxyHeaderFields(mesh, proxy),
          ...(destination.http2 && { http2ProtocolOptions: {} }),
          ...(metadataFlag(proxy, 'HTTP10') && { httpProtocolOptions: { acceptHttp10: true } }),
          ...(fromMesh && { localReplyConfig: undeliveredReplies }),
        },
      }),
    tcp: ({ cluster }) => [...security.tcp, plainTcpProxy(cluster)],
    problems: security.problems,
    origin: security.origin,
  }
}
