// What a feature of a TrafficPolicy is: one field of the policy, checked and turned into a part of an Istio route.
import type { Fleet } from '../../fleet.ts'
import type { ClusterRef, Ref, RequestPolicy, Service } from '../../model.ts'

/** A part of Istio's HTTPRoute. */
export type HttpRoute = Readonly<Record<string, unknown>>

/** By what name the callers of one cluster reach a service; undefined if they cannot. */
export type HostOn = (service: Service, cluster: string) => string | undefined

/** For whom a route is made: the service that is called, and the cluster of the callers (or of the gateway). */
export interface RouteContext {
  readonly fleet: Fleet
  /** Undefined at a gateway, where no service is called before a route has chosen one. */
  readonly service: Service | undefined
  readonly cluster: string
  readonly hostOn: HostOn
  /** Whether they will reach it once both clusters have the shared root. */
  readonly isAwaited: (service: Service, cluster: string) => boolean
  /** Name of the subset of a service with these labels. */
  readonly subsetName: (labels: Readonly<Record<string, string>>) => string
  /** A virtual destination, and the clusters that know it; undefined if there is none. */
  readonly virtualDestination: (ref: Ref) => VirtualTarget | undefined
  /** Hosts of an external service; undefined if there is none. */
  readonly externalService: (ref: Ref) => { readonly host: string; readonly ports: readonly number[] } | undefined
}

/** A virtual destination as the target of routes. */
export interface VirtualTarget {
  readonly host: string
  readonly port: number
  readonly clusters: readonly string[]
  /** The services that back it. */
  readonly services: readonly ClusterRef[]
}

/** One thing that is wrong with a field. `path` goes on from the field. */
export interface FieldError {
  readonly code: 'reference-not-found' | 'invalid-value' | 'not-supported' | 'required'
  readonly path: string
  readonly message: string
}

type Value<F extends keyof RequestPolicy> = NonNullable<RequestPolicy[F]>

/** A field that changes the route. */
export interface RouteFeature<F extends keyof RequestPolicy = keyof RequestPolicy> {
  readonly field: F
  /** What is wrong with the value for the callers of the context's cluster. */
  readonly check: (value: Value<F>, context: RouteContext) => readonly FieldError[]
  /** The part of the route. Only called if `check` found nothing. */
  readonly emit: (value: Value<F>, context: RouteContext, port: number | undefined) => HttpRoute
}

/** A field that changes the DestinationRule: the part of its `trafficPolicy`. */
export interface RuleFeature<F extends keyof RequestPolicy = keyof RequestPolicy> {
  readonly field: F
  readonly emit: (value: Value<F>) => Readonly<Record<string, unknown>>
}
