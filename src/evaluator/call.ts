import type { Cluster } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import type { ClusterLoadAssignment } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js'
import type { Listener } from '#gen/envoy/config/listener/v3/listener_pb.js'
import type { RouteConfiguration } from '#gen/envoy/config/route/v3/route_pb.js'
import type { ObjectRef } from '../report/index.ts'

/** Everything that one proxy was given; names are the resources' own. */
export interface ProxyConfig {
  readonly name: string
  readonly listeners: readonly Listener[]
  readonly routes: ReadonlyMap<string, RouteConfiguration>
  readonly clusters: ReadonlyMap<string, Cluster>
  readonly endpoints: ReadonlyMap<string, ClusterLoadAssignment>
  /** The users' objects that a resource came from; none if it is not known. */
  origin?(kind: 'listener' | 'route' | 'cluster' | 'endpoints', name: string): readonly ObjectRef[]
}

/** One request, as it reaches a proxy. */
export interface Call {
  /**
   * How the connection reaches the proxy: captured on its way out or in (as real traffic is), or straight to the
   * listener that is bound to address and port (gateways; the explicit proxy of the loopback data path).
   */
  readonly direction: 'outbound' | 'inbound' | 'direct'
  /** Original destination of the connection. */
  readonly address: string
  readonly port: number
  readonly protocol: 'http' | 'http2' | 'tcp'
  /** What the connection shows before any byte of the protocol; absent = plaintext. */
  readonly tls?: {
    readonly sni: string
    readonly alpn: readonly string[]
    /** SPIFFE id of the client's certificate, with `spiffe://`; absent = it shows none. */
    readonly principal?: string
  }
  readonly sourceAddress?: string
  /** `:authority`, with its port if the client sends one. */
  readonly host: string
  readonly path: string
  readonly method: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

/** All headers as Envoy's matchers see them, pseudo-headers included. */
export function headersOf(call: Call): ReadonlyMap<string, string> {
  return new Map([
    ...Object.entries(call.headers),
    [':authority', call.host],
    [':path', call.path],
    [':method', call.method],
    [':scheme', call.tls ? 'https' : 'http'],
  ])
}
