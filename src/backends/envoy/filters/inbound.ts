// The filters of inbound chains: who may pass, then HTTP or plain TCP to the program.
import { create } from '@bufbuild/protobuf'
import { type Filter, FilterSchema } from '#gen/envoy/config/listener/v3/listener_components_pb.js'
import { HttpFilterSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import { meshConfigOf, type World } from '../../../discovery/index.ts'
import { metadataFlag, type Proxy } from '../../../mesh/index.ts'
import type { ObjectRef, Problem } from '../../../report/index.ts'
import { inboundRoutes } from '../routes/inbound.ts'
import { authorizationFilters } from './authorization.ts'
import { httpConnectionManager } from './http-connection-manager.ts'
import { jwtFilter, type KeySource, noKeys } from './jwt.ts'
import { proxyHeaderFields } from './proxy-headers.ts'
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

/**
 * What all inbound chains of a workload enforce. `ports`: ports as policies name them → ports at which connections
 * arrive, where they differ. `keys`: where keys of tokens are read from.
 */
export function inboundFilters(
  world: World,
  proxy: Proxy,
  ports: ReadonlyMap<number, number>,
  keys: KeySource = noKeys,
): InboundFilters {
  const mesh = meshConfigOf(world)
  const http = authorizationFilters(world, proxy, 'http', ports)
  const tcp = authorizationFilters(world, proxy, 'tcp', ports)
  const jwt = jwtFilter(world, proxy, { clearRouteCache: false, keys })
  const before = [...http.custom, ...(jwt === undefined ? [] : [jwt.filter]), ...http.local].map((filter) =>
    create(HttpFilterSchema, filter),
  )
  const network = [...tcp.custom, ...tcp.local].map((filter) => create(FilterSchema, filter))
  return {
    http: (destination, fromMesh) =>
      httpConnectionManager({
        mesh,
        statPrefix: destination.statPrefix,
        routes: { inline: inboundRoutes({ mesh, ...destination }) },
        before,
        fields: {
          ...proxyHeaderFields(mesh, proxy),
          ...(destination.http2 && { http2ProtocolOptions: {} }),
          ...(metadataFlag(proxy, 'HTTP10') && { httpProtocolOptions: { acceptHttp10: true } }),
          ...(fromMesh && { localReplyConfig: undeliveredReplies }),
        },
      }),
    tcp: ({ cluster }) => [...network, plainTcpProxy(cluster)],
    problems: http.problems,
    origin: [...http.origin, ...(jwt?.origin ?? [])],
  }
}
