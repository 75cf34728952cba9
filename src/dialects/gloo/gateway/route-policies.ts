// TrafficPolicies on gateway routes. A policy acts on a route if one of its route selectors means it, and one of the
// route's destinations is selected. What the route says itself goes first, then senior policies. Source selectors say
// nothing here, since a gateway's callers are outside; matchers make a more specific route before the plain one.
import type { HttpMatcher, Ref, RequestPolicy, Service, TrafficPolicy, WeightedTarget } from '../../shared/index.ts'
import { hasLabels, selectsService } from '../../shared/index.ts'
import type { FlatRoute } from './flatten.ts'
import type { Host, RouteSelector, Table } from './model.ts'
import { selectsObject } from './object-selector.ts'

/** A TrafficPolicy that says something of gateway routes. */
export interface RoutePolicy {
  readonly policy: TrafficPolicy
  readonly selectors: readonly RouteSelector[]
}

/** A route for some requests, with everything that is to happen to them. */
export interface DecidedRoute {
  readonly matchers: readonly HttpMatcher[]
  readonly fields: RequestPolicy
  readonly targets: readonly WeightedTarget[]
}

const isSame = (ref: Ref, { object }: Host | Table): boolean =>
  ref.name === object.name && ref.namespace === object.namespace

/** True if a policy means the route of a host. */
export function meansRoute({ policy, selectors }: RoutePolicy, host: Host, route: FlatRoute): boolean {
  const home = policy.object.namespace
  return selectors.some(({ hostRefs, hosts, tableRefs, tables, labels }) => {
    if (!hasLabels(route.labels, labels)) return false
    const anything = hostRefs.length === 0 && hosts === undefined && tableRefs.length === 0 && tables === undefined
    return (
      anything ||
      hostRefs.some((ref) => isSame(ref, host)) ||
      (hosts !== undefined && selectsObject(hosts, home, host)) ||
      route.tables.some(
        (table) =>
          tableRefs.some((ref) => isSame(ref, table)) || (tables !== undefined && selectsObject(tables, home, table)),
      )
    )
  })
}

type ServiceOf = (target: WeightedTarget) => Service | undefined

/** True if the policy selects the service of a target. A virtual destination has no service of its own. */
function selectsTarget(policy: TrafficPolicy, target: WeightedTarget, serviceOf: ServiceOf): boolean {
  if (policy.destinations.length === 0) return true
  const service = serviceOf(target)
  return service !== undefined && selectsService(policy.destinations, service)
}

export interface Decision {
  readonly routes: readonly DecidedRoute[]
  /** The policies that had a say. */
  readonly policies: readonly TrafficPolicy[]
}

/** What happens on a route. `policies`: sound ones, senior first. */
export function decideRoute(
  host: Host,
  route: FlatRoute,
  policies: readonly RoutePolicy[],
  serviceOf: ServiceOf,
): Decision {
  const { action, options } = route
  if (action.kind !== 'route')
    return { routes: [{ matchers: route.matchers, fields: options, targets: [] }], policies: [] }
  const applying = policies
    .filter(
      (each) =>
        meansRoute(each, host, route) && action.targets.some((target) => selectsTarget(each.policy, target, serviceOf)),
    )
    .map(({ policy }) => policy)
  const general = applying.filter(({ matchers }) => matchers.length === 0)
  const decide = (matchers: readonly HttpMatcher[], having: readonly TrafficPolicy[]): DecidedRoute => {
    const shift =
      options.trafficShift === undefined ? having.find(({ policy }) => policy.trafficShift !== undefined) : undefined
    const replaced = (target: WeightedTarget): boolean => shift === undefined || selectsTarget(shift, target, serviceOf)
    const shares = options.trafficShift ?? shift?.policy.trafficShift
    return {
      matchers,
      fields: having.reduce((fields, { policy }) => merged(fields, policy), options),
      targets: shares === undefined ? action.targets : shiftTargets(action.targets, shares, replaced),
    }
  }
  const special = applying.flatMap((policy) => {
    if (policy.matchers.length === 0) return []
    const both = route.matchers.flatMap((own) => policy.matchers.flatMap((other) => joined(own, other) ?? []))
    const having = applying.filter((each) => each === policy || each.matchers.length === 0)
    return both.length === 0 ? [] : [decide(both, having)]
  })
  return { routes: [...special, decide(route.matchers, general)], policies: applying }
}

/** The senior's fields, and of the junior's those that the senior leaves open. */
function merged(senior: RequestPolicy, junior: RequestPolicy): RequestPolicy {
  const open = Object.entries(junior).filter(
    ([field, value]) => value !== undefined && senior[field as keyof RequestPolicy] === undefined,
  )
  return { ...senior, ...Object.fromEntries(open) }
}

/** Both conditions together, as far as one match can say it; undefined if no request can meet both. */
function joined(route: HttpMatcher, policy: HttpMatcher): HttpMatcher | undefined {
  if (route.method !== undefined && policy.method !== undefined && route.method !== policy.method) return undefined
  const uri = narrower(route.uri, policy.uri)
  if (uri === null) return undefined
  return {
    uri,
    headers: [...route.headers, ...policy.headers],
    query: [...route.query, ...policy.query],
    method: policy.method ?? route.method,
  }
}

/** The narrower of two paths; null if they exclude each other (or cannot be compared: then nothing is claimed). */
function narrower(a: HttpMatcher['uri'], b: HttpMatcher['uri']): HttpMatcher['uri'] | null {
  if (a === undefined) return b
  if (b === undefined) return a
  const all = (uri: NonNullable<HttpMatcher['uri']>): boolean => 'prefix' in uri && uri.prefix === '/'
  if (all(a)) return b
  if (all(b)) return a
  if ('regex' in a || 'regex' in b) return null
  const [x, y] = ['exact' in a ? a.exact : a.prefix, 'exact' in b ? b.exact : b.prefix]
  if ('exact' in a) return ('exact' in b ? x === y : x.startsWith(y)) ? a : null
  if ('exact' in b) return y.startsWith(x) ? b : null
  return x.startsWith(y) ? a : y.startsWith(x) ? b : null
}

/** Replaces targets by shares of their weight: 60 of which 50/50 is shifted gives 30 and 30. */
function shiftTargets(
  targets: readonly WeightedTarget[],
  shares: readonly WeightedTarget[],
  replaced: (target: WeightedTarget) => boolean,
): WeightedTarget[] {
  if (targets.length === 1) return targets.some(replaced) ? [...shares] : [...targets]
  const whole = shares.length === 1 ? [1] : shares.map(({ weight = 0 }) => weight)
  const sum = whole.reduce((total, weight) => total + weight, 0)
  const exact = targets.every(
    (target) => !replaced(target) || whole.every((weight) => ((target.weight ?? 0) * weight) % sum === 0),
  )
  const scale = exact ? 1 : sum
  return targets.flatMap((target) => {
    const weight = (target.weight ?? 0) * scale
    if (!replaced(target)) return [{ ...target, weight }]
    return shares.map((share, index) => ({ ...share, weight: (weight * (whole[index] ?? 0)) / sum }))
  })
}
