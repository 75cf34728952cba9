// Which TrafficPolicies are in force for a service: the senior ones claim their fields first; a later policy that would
// change a claimed field has a conflict, and then no effect on this service at all (half a policy is worse than none).
import type { Code, ObjectRef } from '../../../report/index.ts'
import { formatRef } from '../../../report/index.ts'
import type { RequestPolicy, Service, TrafficPolicy } from '../model.ts'
import { canonical } from '../plain.ts'
import { sourcesOn } from '../selectors.ts'
import { type RouteContext, routeFeatures, ruleFeatures } from './features/index.ts'
import { type Atom, atomsOn } from './route-match.ts'

export interface Claim {
  readonly value: unknown
  readonly owner: TrafficPolicy
}

/** Callers for whom one set of routes is made: those of some clusters, which are alike; the context is of the first. */
export interface RouteScope {
  readonly clusters: readonly string[]
  readonly context: RouteContext
}

/** The fields of the routes, and of the DestinationRule, for the callers of one cluster. */
export interface ClusterRoutes extends RouteScope {
  readonly rule: ReadonlyMap<string, Claim>
  readonly routes: ReadonlyMap<string, { readonly atom: Atom; readonly claims: ReadonlyMap<string, Claim> }>
}

/** Why a policy has no effect on a service. */
export interface PolicyError {
  readonly code: Code
  /** From the root of the policy. */
  readonly path: string
  readonly message: string
  /** Owner of the field that the policy would change. */
  readonly conflictsWith?: ObjectRef
}

export interface PolicyResult {
  readonly policy: TrafficPolicy
  readonly errors: readonly PolicyError[]
  readonly warnings: readonly PolicyError[]
}

export interface AppliedPolicies {
  readonly service: Service
  /** For the service's own cluster, then for those to which it is federated. */
  readonly clusters: readonly ClusterRoutes[]
  readonly results: readonly PolicyResult[]
}

interface Draft extends RouteScope {
  readonly rule: Map<string, Claim>
  readonly routes: Map<string, { readonly atom: Atom; readonly claims: Map<string, Claim> }>
}

/**
 * Applies policies, in order of seniority, to a service. The first of the scopes is the service's own cluster.
 * `occupant` tells of a user's own object for the service's host.
 */
export function applyPolicies(
  service: Service,
  policies: readonly TrafficPolicy[],
  scopes: readonly RouteScope[],
  occupant: Occupant,
): AppliedPolicies {
  const drafts: Draft[] = scopes.map((scope) => ({ ...scope, rule: new Map(), routes: new Map() }))
  const results = policies.map((policy) => {
    const { errors, warnings, usable } = examine(policy, drafts)
    const conflicts =
      errors.length > 0
        ? []
        : [...ruleConflicts(policy, usable), ...routeConflicts(policy, usable), ...intersections(policy, occupant)]
    if (errors.length === 0 && conflicts.length === 0) claim(policy, usable)
    return { policy, errors: [...errors, ...conflicts], warnings }
  })
  return { service, clusters: drafts, results }
}

/** Checks the fields. What is wrong on the service's own cluster is an error; elsewhere the copy is left out. */
function examine(policy: TrafficPolicy, drafts: readonly Draft[]) {
  const errors: PolicyError[] = []
  const warnings: PolicyError[] = []
  const usable: Draft[] = []
  for (const [index, draft] of drafts.entries()) {
    const found = routeFeatures.flatMap(({ field, check }) => {
      const value = policy.policy[field]
      if (value === undefined) return []
      return check(value as never, draft.context).map(({ code, path, message }) => ({
        code: code as Code,
        path: `${field}${path}`,
        message,
      }))
    })
    if (found.length === 0) usable.push(draft)
    else if (index === 0) errors.push(...found)
    else warnings.push(...found)
  }
  return { errors, warnings: errors.length > 0 ? [] : warnings, usable }
}

/** A user's object that decides the routes, or the rules, of the service's host. */
type Occupant = (kind: 'VirtualService' | 'DestinationRule') => ObjectRef | undefined

function intersections({ policy }: TrafficPolicy, occupant: Occupant): PolicyError[] {
  const parts = [
    { kind: 'VirtualService', features: routeFeatures },
    { kind: 'DestinationRule', features: ruleFeatures },
  ] as const
  return parts.flatMap(({ kind, features }) => {
    const field = features.map((feature) => feature.field).find((each) => policy[each] !== undefined)
    const user = field === undefined ? undefined : occupant(kind)
    if (field === undefined || user === undefined) return []
    const message = `applies to a host that is already configured by the existing ${formatRef(user)}`
    return [{ code: 'conflict', path: field, message, conflictsWith: user }]
  })
}

function ruleConflicts({ policy, sources }: TrafficPolicy, drafts: readonly Draft[]): PolicyError[] {
  const found = drafts
    .filter(({ context }) => sourcesOn(context.cluster, sources) !== undefined)
    .flatMap(({ rule }) => ruleFeatures.flatMap(({ field }) => conflict(field, policy, rule)))
  return [...new Map(found.map((error) => [error.message, error])).values()]
}

function routeConflicts(policy: TrafficPolicy, drafts: readonly Draft[]): PolicyError[] {
  const found = new Map<string, PolicyError>()
  for (const { context, routes } of drafts)
    for (const { key } of atomsOn(context.cluster, policy.sources, policy.matchers))
      for (const { field } of routeFeatures)
        for (const error of conflict(field, policy.policy, routes.get(key)?.claims)) found.set(error.message, error)
  return [...found.values()]
}

function conflict(
  field: keyof RequestPolicy,
  policy: RequestPolicy,
  claims: ReadonlyMap<string, Claim> | undefined,
): PolicyError[] {
  const [value, claimed] = [policy[field], claims?.get(field)]
  if (value === undefined || claimed === undefined || canonical(value) === canonical(claimed.value)) return []
  const { object } = claimed.owner
  const message = `field ${field} is already owned by ${formatRef(object)} [${object.name}.${object.namespace}], which says otherwise for the same callers and requests`
  return [{ code: 'conflict', path: field, message, conflictsWith: object }]
}

function claim(policy: TrafficPolicy, drafts: readonly Draft[]): void {
  for (const { context, rule, routes } of drafts) {
    // A DestinationRule cannot tell callers apart, but clusters have their own.
    if (sourcesOn(context.cluster, policy.sources) === undefined) continue
    for (const { field } of ruleFeatures) take(field, policy, rule)
    for (const atom of atomsOn(context.cluster, policy.sources, policy.matchers)) {
      const route = routes.get(atom.key) ?? { atom, claims: new Map<string, Claim>() }
      for (const { field } of routeFeatures) take(field, policy, route.claims)
      // A route on which nothing is set would only hide less specific ones.
      if (route.claims.size > 0) routes.set(atom.key, route)
    }
  }
}

function take(field: keyof RequestPolicy, policy: TrafficPolicy, claims: Map<string, Claim>): void {
  const value = policy.policy[field]
  if (value !== undefined && !claims.has(field)) claims.set(field, { value, owner: policy })
}
