import type { ObjectRef } from '../../report/index.ts'
import type { HttpRoute, TcpRoute, TlsRoute } from '../istio.ts'
import type { Audience } from '../visibility.ts'

/** The part of a match that is decided when a proxy is configured. */
export interface Guard {
  readonly port: number | undefined
  readonly sourceLabels: Readonly<Record<string, string>>
  readonly sourceNamespace: string
  /** Empty = all of the rule. */
  readonly gateways: readonly string[]
}

/**
 * Whose rules of the game hold. `gateway-api`: prefixes are of path segments, only routes of the client's or the service's namespace
 * count, an unknown backend is a 500. `ingress`: path-segment prefixes.
 */
export type RouteSemantics = 'istio' | 'gateway-api' | 'ingress'

/** What of a routing rule decides where it applies. Its routes may change without anything being selected anew. */
export interface RouteShape {
  /** Names the rule for `virtualRule`. */
  readonly key: string
  readonly namespace: string
  readonly name: string
  readonly createdAt: string
  readonly semantics: RouteSemantics
  /** Fully qualified, lower case; may be wildcards. */
  readonly hosts: readonly string[]
  /** `mesh`, or `namespace/name` of gateways. */
  readonly gateways: readonly string[]
  readonly audience: Audience
  /** Hosts that any of its routes leads to, with the ports named (0 = whichever is right). */
  readonly destinations: readonly { readonly host: string; readonly port: number; readonly sourceNamespace: string }[]
  /** Names of labels of the caller that its matches ask for. */
  readonly sourceLabels: readonly string[]
  /** For whom its HTTP routes are, each different one once: none of them fits = the rule does not apply. */
  readonly guards: readonly Guard[]
  /** Whether it has routes of the sort. */
  readonly has: { readonly http: boolean; readonly tls: boolean; readonly tcp: boolean }
}

/** A VirtualService with all names made whole and delegates put in place; or what counts as one. */
export interface VirtualRule extends RouteShape {
  readonly http: readonly HttpRoute[]
  readonly tls: readonly TlsRoute[]
  readonly tcp: readonly TcpRoute[]
  /** The object that routes are said to come from (`/apis/…` path), and all that were read. */
  readonly source: { readonly group: string; readonly kind: string }
  readonly origin: readonly ObjectRef[]
}

export const meshGateway = 'mesh'
