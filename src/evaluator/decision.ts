import type { ObjectRef } from '../report/index.ts'
import type { HeaderChange } from './header-changes.ts'
import type { Redirect } from './rewrite.ts'
import type { NearMiss } from './route.ts'
import type { Rung } from './rungs.ts'
import type { Finding } from './upstream.ts'
import type { Verdict } from './verdict.ts'

/** Why a call ends at a proxy. Names follow what istioctl and Envoy's response flags say. */
export type Ending =
  | 'no-listener'
  | 'no-filter-chain'
  | 'tls-required'
  | 'client-certificate-required'
  | 'client-certificate-refused'
  | 'protocol'
  | 'bad-request'
  | 'upgrade-refused'
  | 'no-route-configuration'
  | 'no-virtual-host'
  | 'no-route'
  | 'denied'
  | 'no-cluster'
  | 'no-healthy-endpoint'

/** Status of Envoy's answer; undefined where the connection is closed without one. */
export const endingStatus: Readonly<Partial<Record<Ending, number>>> = {
  'bad-request': 400,
  protocol: 400,
  'upgrade-refused': 403,
  'no-route-configuration': 404,
  'no-virtual-host': 404,
  'no-route': 404,
  'no-cluster': 503,
  'no-healthy-endpoint': 503,
}

/** A request as a proxy sends it on. */
export interface SentRequest {
  /** Undefined: the name of the endpoint. */
  readonly host: string | undefined
  readonly path: string
  readonly method: string
  /** Without pseudo-headers; several lines of one name joined by commas. */
  readonly headers: Readonly<Record<string, string>>
  /** The lines of those headers that stand in several. */
  readonly lines?: Readonly<Record<string, readonly string[]>>
}

/** A cluster that a call may go to, with its share of such calls, and the odds of its endpoints. */
export interface Destination {
  readonly cluster: string
  readonly share: number
  readonly known: boolean
  readonly finding: Finding
  readonly balancer: string
  readonly rungs: readonly Rung[]
  readonly protocol: 'http' | 'http2' | 'tcp'
  /** The request as it goes on; undefined for connections. */
  readonly sent?: SentRequest
  readonly requestChanges: readonly HeaderChange[]
  readonly responseChanges: readonly HeaderChange[]
  readonly outlier?: Outlier
  readonly origin: readonly ObjectRef[]
}

/** When the endpoints of a cluster are left out for a while. */
export interface Outlier {
  readonly consecutive5xx: number | undefined
  readonly consecutiveGatewayErrors: number | undefined
  readonly intervalMs: number
  readonly baseEjectionMs: number
  readonly maxEjectionPercent: number
}

export interface Fault {
  readonly delay?: { readonly ms: number; readonly share: number }
  /** `grpcStatus`: what gRPC clients are told. */
  readonly abort?: { readonly status: number; readonly share: number; readonly grpcStatus?: number }
}

/** When a request is sent again. */
export interface Retries {
  readonly count: number
  /** Envoy's conditions, joined by commas. */
  readonly on: string
  /** Those of the condition `retriable-status-codes`. */
  readonly statuses?: readonly number[]
  readonly perTryTimeoutMs?: number
  /** Further tries go to other rungs. */
  readonly leavesRungs?: boolean
}

/** What a proxy does with a call. Fields are absent where the call did not get that far. */
export interface Decision {
  readonly proxy: string
  readonly listener?: string
  readonly filterChain?: string
  /** Whether the proxy ends TLS here. */
  readonly endsTls?: boolean
  /** Who calls, as far as the proxy has verified it. */
  readonly identity?: string
  readonly routeConfiguration?: string
  readonly virtualHost?: string
  readonly route?: string
  /** The conditions that made the route match. */
  readonly because?: readonly string[]
  readonly nearMisses?: readonly NearMiss[]
  readonly verdicts: readonly Verdict[]
  /** HTTP filters that do something that is not judged here. */
  readonly unjudged?: readonly string[]
  readonly fault?: Fault
  readonly destinations: readonly Destination[]
  /** Where copies are sent, whose answers nobody waits for; each with its share of the calls. */
  readonly mirrors?: readonly Destination[]
  readonly directResponse?: { readonly status: number; readonly body: string }
  readonly redirect?: Redirect
  /** Header changes of an answer that the proxy gives itself. */
  readonly responseChanges?: readonly HeaderChange[]
  /** 0 = none. */
  readonly timeoutMs?: number
  readonly retries?: Retries
  /** The users' objects behind listener and route configuration. */
  readonly origin: readonly ObjectRef[]
  /** The objects that the route itself was made from. */
  readonly routeOrigin?: readonly ObjectRef[]
  readonly ending?: Ending
  /** The answer is to a preflight of CORS; gRPC clients get it in plain words, too. */
  readonly preflight?: boolean
  /** Status of the answer that ends the call here. */
  readonly status?: number
}
