// Gateways, hosts and route tables as they are meant.

import type { HttpMatcher, Ref, RequestPolicy, UserObject, WeightedTarget } from '../../shared/index.ts'
import type { GatewaySelector } from '../east-west-gateway.ts'

/** Selects objects of the management cluster by place and labels. */
export interface ObjectSelector {
  /** Empty: the namespace of the selecting object. `*`: all. */
  readonly namespaces: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  readonly expressions: readonly {
    readonly key: string
    readonly operator: string
    readonly values: readonly string[]
  }[]
}

export type RouteAction =
  | { readonly kind: 'route'; readonly targets: readonly WeightedTarget[]; readonly pathRewrite?: string | undefined }
  | {
      readonly kind: 'redirect'
      readonly host?: string | undefined
      readonly path?: string | undefined
      readonly prefix?: string | undefined
      readonly code: number
      readonly https: boolean
      readonly stripQuery: boolean
    }
  | { readonly kind: 'direct'; readonly status: number; readonly body: string }
  | {
      readonly kind: 'delegate'
      readonly refs: readonly Ref[]
      readonly selector?: ObjectSelector | undefined
      readonly bySpecificity: boolean
    }

export interface Route {
  /** "" if it has none. */
  readonly name: string
  /** From the root of the object. */
  readonly path: string
  /** Any of; never empty. */
  readonly matchers: readonly HttpMatcher[]
  readonly labels: Readonly<Record<string, string>>
  readonly options: RequestPolicy
  readonly action: RouteAction
}

/** A VirtualHost, or one that is written inside a VirtualGateway. */
export interface Host extends UserObject {
  readonly labels: Readonly<Record<string, string>>
  readonly domains: readonly string[]
  readonly routes: readonly Route[]
  readonly options: RequestPolicy
  /** Name and namespace of the VirtualService. */
  readonly place: Ref
}

export interface Table extends UserObject {
  readonly labels: Readonly<Record<string, string>>
  readonly routes: readonly Route[]
  readonly weight: number
}

export interface TcpTarget {
  readonly target: WeightedTarget
  readonly path: string
}

/** What a gateway does with the connections of one port. */
export interface Handler {
  readonly path: string
  readonly serverNames: readonly string[]
  /** Undefined: not TLS. */
  readonly tls?: Readonly<Record<string, unknown>> | undefined
  readonly httpsRedirect: boolean
  readonly hosts:
    | { readonly kind: 'http'; readonly selectors: readonly ObjectSelector[]; readonly inline: readonly Host[] }
    | { readonly kind: 'tcp'; readonly targets: readonly TcpTarget[] }
}

export interface Gateway extends UserObject {
  readonly selectors: readonly GatewaySelector[]
  readonly handlers: readonly Handler[]
  readonly bindAddress: string
}

/** On which gateway routes a TrafficPolicy acts. */
export interface RouteSelector {
  readonly hostRefs: readonly Ref[]
  readonly hosts?: ObjectSelector | undefined
  readonly tableRefs: readonly Ref[]
  readonly tables?: ObjectSelector | undefined
  readonly labels: Readonly<Record<string, string>>
}
