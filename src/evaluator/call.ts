import type { Cluster } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import type { ClusterLoadAssignment } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js'
import type { Listener } from '#gen/envoy/config/listener/v3/listener_pb.js'
import type { RouteConfiguration } from '#gen/envoy/config/route/v3/route_pb.js'
import type { ObjectRef } from '../report/index.ts'

export type ResourceSort = 'listener' | 'route' | 'cluster' | 'endpoints'

/** Everything that one proxy was given; names are the resources' own. */
export interface ProxyConfig {
  readonly name: string
  readonly listeners: readonly Listener[]
  readonly routes: ReadonlyMap<string, RouteConfiguration>
  readonly clusters: ReadonlyMap<string, Cluster>
  readonly endpoints: ReadonlyMap<string, ClusterLoadAssignment>
  /** The proxy's own identity (`spiffe://…`): what its mutual TLS shows. */
  readonly principal?: string
  /** Addresses of the proxy itself, at which captured connections arrive. */
  readonly addresses?: readonly string[]
  /** Address of its machine, which it names in X-Forwarded-For for callers on loopback. */
  readonly hostAddress?: string
  /** The users' objects that a resource came from; none if it is not known. */
  origin?(sort: ResourceSort, name: string): readonly ObjectRef[]
}

/** What a connection shows in its TLS hello and handshake. */
export interface CallTls {
  readonly sni: string
  readonly alpn: readonly string[]
  /** SPIFFE id of the client's certificate, with `spiffe://`; absent = it shows none. */
  readonly principal?: string
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
  /** Absent = plaintext. */
  readonly tls?: CallTls
  readonly sourceAddress?: string
  /** `:authority`, with its port if the client sends one. */
  readonly host: string
  readonly path: string
  /** As the request itself names it: in absolute form, or in HTTP/2. Absent = by the connection. */
  readonly scheme?: string
  readonly method: string
  /** Names in lower case; several values of one name joined by a comma. */
  readonly headers: Readonly<Record<string, string>>
  /** The lines of those headers that stand in several. */
  readonly lines?: Readonly<Record<string, readonly string[]>>
}

/** What only the outside world can tell. */
export interface Circumstances {
  /** How long programs take to answer, in milliseconds; absent = no time at all. */
  readonly programMs?: number
  /** Seconds since 1970, for the life of tokens; absent = tokens do not age. */
  readonly now?: number
  /** Whether a token is signed by one of the keys (JSON Web Key Set); absent = signatures are believed. */
  verifyToken?(token: string, keySet: string): boolean
  /** What an external authorizer answers; absent, or undefined = that is not known, and the request is let go on. */
  askAuthorizer?(question: AuthorizerQuestion): AuthorizerAnswer | undefined
}

/** What a proxy asks an external authorizer. */
export interface AuthorizerQuestion {
  readonly cluster: string
  readonly host: string
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
}

/** 200 lets the request go on; a server error is no answer. */
export interface AuthorizerAnswer {
  readonly status: number
  /** For the program if the request may go on, else for the client; of an authorizer that speaks HTTP, as the proxy wants them. */
  readonly headers: Readonly<Record<string, string>>
  /** Of an authorizer that speaks gRPC, for the client if the request may go on. */
  readonly clientHeaders?: Readonly<Record<string, string>>
}
