import { meshConfigOf, type World } from '../../../discovery/index.ts'
import {
  type Binding,
  type ConsistentHash,
  type Destination,
  effectivePolicy,
  type GuardedClient,
  type MergedRule,
  type RouteSemantics,
  ruleOf,
  sessionAffinity,
  type TrafficPolicy,
} from '../../../mesh/index.ts'
import { outboundClusterName } from '../names.ts'

/** In whose name, and for whom, routes are made. */
export interface RouteContext {
  readonly world: World
  readonly client: GuardedClient
  readonly semantics: RouteSemantics
  /** Whether clients come by TLS that ends here. */
  readonly tls: boolean
  /** Services that rules lead to, by host; those not seen are missing. */
  readonly destinations: ReadonlyMap<string, Binding>
  /** Whether a destination has other places to go (`failover.ts`). */
  readonly hasRungs: (binding: Binding, port: number, subset: string) => boolean
}

/** The port that a destination means: the one named, else the service's only one, else that of the listener. */
export function destinationPort({ client, destinations }: RouteContext, destination: Destination): number {
  const named = destination.port?.number
  if (named) return named
  const ports = destinations.get(destination.host)?.service.ports ?? []
  return ports.length === 1 ? (ports[0]?.number ?? client.port) : client.port
}

/** Name of a destination's cluster, whether or not there is one: requests to a missing one are answered with 503. */
export function destinationCluster(context: RouteContext, destination: Destination): string {
  if (!destination.host) return 'UnknownService'
  const { service } = context.destinations.get(destination.host) ?? {}
  const host = service?.externalName ?? destination.host
  return outboundClusterName(destinationPort(context, destination), destination.subset ?? '', host)
}

/** How a destination's rule wants endpoints chosen by request. Subset before service, port level before the rest. */
export function destinationHash(
  { world, destinations }: RouteContext,
  destination: Destination,
): ConsistentHash | undefined {
  const binding = destinations.get(destination.host)
  if (!binding) return undefined
  const rule = ruleOf(world, binding.rule)
  const port = destination.port?.number
  const ofPort = (policy: TrafficPolicy | undefined): ConsistentHash | undefined =>
    port === undefined
      ? undefined
      : policy?.portLevelSettings?.find((each) => each.port?.number === port)?.loadBalancer?.consistentHash
  const subset = rule?.subsets.find(({ name }) => name === destination.subset)?.trafficPolicy
  return (
    ofPort(subset) ??
    subset?.loadBalancer?.consistentHash ??
    ofPort(rule?.policy) ??
    rule?.policy?.loadBalancer?.consistentHash ??
    affinityHash(binding, rule, destination.subset ?? '', port ?? 0)
  )
}

/** The same for a service that no routing rule is for. */
export function serviceHash(world: World, binding: Binding, port: number): ConsistentHash | undefined {
  const rule = ruleOf(world, binding.rule)
  const policy = rule?.policy
  const level = policy?.portLevelSettings?.find((each) => each.port?.number === port)
  return (
    level?.loadBalancer?.consistentHash ?? policy?.loadBalancer?.consistentHash ?? affinityHash(binding, rule, '', port)
  )
}

function affinityHash(
  { service }: Binding,
  rule: MergedRule | undefined,
  subset: string,
  port: number,
): ConsistentHash | undefined {
  return sessionAffinity(service, effectivePolicy(rule, subset, port).loadBalancer)
}

export function defaultRetries(world: World): ReturnType<typeof meshConfigOf>['defaultHttpRetryPolicy'] {
  return meshConfigOf(world).defaultHttpRetryPolicy
}
