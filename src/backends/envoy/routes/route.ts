import { create } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import {
  type RetryPolicy,
  type Route,
  RouteAction_ClusterNotFoundResponseCode,
  type RouteActionSchema,
  type RouteMatch,
  RouteSchema,
  type WeightedCluster_ClusterWeightSchema,
} from '#gen/envoy/config/route/v3/route_components_pb.js'
import {
  admits,
  type Destination,
  type FailoverRetry,
  type HttpMatch,
  type HttpRoute,
  type VirtualRule,
} from '../../../mesh/index.ts'
import { configPath } from '../clusters/build.ts'
import { corsConfig, corsFilter } from '../filters/cors.ts'
import { faultConfig, faultFilter } from '../filters/fault.ts'
import { meshProtocolsConfig } from '../filters/mesh-protocols.ts'
import { parseOutboundName } from '../names.ts'
import { duration, type Init, noTimeout } from '../proto.ts'
import { defaultRetries, destinationCluster, destinationHash, destinationPort, type RouteContext } from './context.ts'
import { hashPolicy } from './hash-policy.ts'
import { headerChanges } from './headers.ts'
import { matchesEverything, routeMatch, withMethods } from './match.ts'
import { mirrorPolicies } from './mirror.ts'
import { redirectAction } from './redirect.ts'
import { decidesRetries, decidingRetries, failoverRetryPolicies, retryPolicy } from './retry.ts'
import { plannedRetries } from './rungs.ts'
import { servedOf } from './served.ts'

type RouteInit = Init<typeof RouteSchema>
type ActionInit = Init<typeof RouteActionSchema>

/** The routes of a rule, in its order, up to the first that leaves nothing to those after it. */
export function routesOfRule(rule: VirtualRule, context: RouteContext): Route[] {
  const routes: Route[] = []
  for (const route of rule.http) {
    for (const match of route.match && route.match.length > 0 ? route.match : [undefined]) {
      if (match && !admits(match, context.client)) continue
      const made = translateRoute(rule, route, match, context)
      routes.push(...made)
      if (made.some((each) => matchesEverything(each.match ?? routeMatch(undefined, 'istio')))) return routes
    }
  }
  return routes
}

/** One route; two where failing over needs to tell requests apart that may be repeated. */
function translateRoute(
  rule: VirtualRule,
  route: HttpRoute,
  match: HttpMatch | undefined,
  context: RouteContext,
): Route[] {
  const name = match?.name ? `${route.name ?? ''}.${match.name}` : (route.name ?? '')
  const common = {
    name,
    match: routeMatch(match, context.semantics),
    metadata: { filterMetadata: { istio: { config: originPath(rule) } } },
    ...(match?.statPrefix && { statPrefix: match.statPrefix }),
    typedPerFilterConfig: filterConfigs(route),
  }
  const { authority, ...changes } = headerChanges(route.headers)
  if (route.redirect) {
    const redirect = redirectAction(route.redirect, { port: context.client.port, tls: context.tls })
    return [
      finish(rule, context, {
        ...common,
        ...changes,
        ...(redirect && { action: { case: 'redirect', value: redirect } }),
      }),
    ]
  }
  if (route.directResponse) {
    const action: RouteInit['action'] = { case: 'directResponse', value: directResponse(route.directResponse) }
    return [finish(rule, context, { ...common, ...changes, action })]
  }
  return forwardingRoutes(rule, route, context, { ...common, ...changes }, authority)
}

function originPath({ source, name, namespace }: VirtualRule): string {
  return configPath({ apiVersion: source.group, kind: source.kind, namespace, name })
}

function finish(rule: VirtualRule, { client }: RouteContext, route: RouteInit): Route {
  const made = create(RouteSchema, route)
  made.decorator = {
    $typeName: 'envoy.config.route.v3.Decorator',
    operation: operationOf(made, rule.name, client.port),
  }
  return made
}

/** Name of a route's span: where it leads if that is certain, else the rule; then the path. */
function operationOf(route: Route, ruleName: string, port: number): string {
  const path = route.match?.pathSpecifier
  const text =
    path?.case === 'prefix'
      ? `${path.value}*`
      : path?.case === 'path'
        ? path.value
        : path?.case === 'safeRegex'
          ? path.value.regex
          : '/*'
  const specifier = route.action.case === 'route' ? route.action.value.clusterSpecifier : undefined
  const target = specifier?.case === 'cluster' ? parseOutboundName(specifier.value) : undefined
  return target ? `${target.host}:${target.port}${text}` : `${ruleName}:${port}${text}`
}

function filterConfigs({ fault, corsPolicy }: HttpRoute): NonNullable<RouteInit['typedPerFilterConfig']> {
  const faults = fault && faultConfig(fault)
  return { ...(faults && { [faultFilter]: faults }), ...(corsPolicy && { [corsFilter]: corsConfig(corsPolicy) }) }
}

function directResponse({ status, body }: NonNullable<HttpRoute['directResponse']>): {
  status: number
  body?: { specifier: { case: 'inlineString'; value: string } | { case: 'inlineBytes'; value: Uint8Array } }
} {
  if (body?.string !== undefined) return { status, body: { specifier: { case: 'inlineString', value: body.string } } }
  if (body?.bytes === undefined) return { status }
  return {
    status,
    body: {
      specifier: { case: 'inlineBytes', value: Uint8Array.from(atob(body.bytes), (char) => char.charCodeAt(0)) },
    },
  }
}

function forwardingRoutes(
  rule: VirtualRule,
  route: HttpRoute,
  context: RouteContext,
  common: RouteInit & { match: RouteMatch },
  authority: string,
): Route[] {
  const targets = targetsOf(route, context)
  if (!targets) {
    // Envoy would refuse a split in which nobody has a share, and with it the whole route configuration.
    return [finish(rule, context, { ...common, action: { case: 'directResponse', value: { status: 503 } } })]
  }
  const action: ActionInit = {
    ...timeouts(route.timeout),
    ...rewrites(route, common, context, authority || targets.authority),
    ...(context.semantics === 'gateway-api' && {
      clusterNotFoundResponseCode: RouteAction_ClusterNotFoundResponseCode.INTERNAL_SERVER_ERROR,
    }),
    requestMirrorPolicies: mirrorPolicies(route, (destination) => destinationCluster(context, destination)),
    hashPolicy: targets.hashPolicies,
    clusterSpecifier: targets.specifier,
  }
  const changed = {
    ...common,
    ...addChanges(common, targets.changes),
    typedPerFilterConfig: { ...common.typedPerFilterConfig, ...targets.filterConfigs },
  }
  const withRetries = (retries: RetryPolicy | undefined, only?: RouteInit['match']): Route =>
    finish(rule, context, {
      ...changed,
      ...(only && { match: only }),
      action: { case: 'route', value: { ...action, ...(retries && { retryPolicy: retries }) } },
    })
  const said = decidingRetries(route.retries, targets.planned, defaultRetries(context.world))
  const single = (route.route ?? []).length === 1
  const sticky = single && targets.hashPolicies.length > 0
  if (decidesRetries(said) || !targets.hasRungs) return [withRetries(retryPolicy(said, sticky))]
  const retries = failoverRetryPolicies(sticky, said, targets.planned)
  if (!retries) return [withRetries(undefined)]
  return [withRetries(retries.idempotent, withMethods(common.match)), withRetries(retries.any)]
}

/** Unset means none: a timeout is the user's choice, for plain requests and gRPC alike. */
export function timeouts(text: string | undefined): Pick<ActionInit, 'timeout' | 'maxGrpcTimeout'> {
  const timeout = duration(text) ?? noTimeout
  return { timeout, maxGrpcTimeout: timeout }
}

interface Targets {
  readonly specifier: NonNullable<ActionInit['clusterSpecifier']>
  readonly hashPolicies: NonNullable<ActionInit['hashPolicy']>
  /** Of a single destination: they join those of the route. */
  readonly changes: Omit<ReturnType<typeof headerChanges>, 'authority'> | undefined
  readonly authority: string
  readonly hasRungs: boolean
  /** What a Failover says of requests that are sent again: that of the first destination that has one. */
  readonly planned: FailoverRetry | undefined
  /** Of a single destination. */
  readonly filterConfigs: Record<string, Any>
}

/** Undefined if no destination gets any request. */
function targetsOf(route: HttpRoute, context: RouteContext): Targets | undefined {
  const destinations = route.route ?? []
  const shared = destinations.length === 1 ? destinations : destinations.filter(({ weight = 0 }) => weight > 0)
  const counted = servedOf(shared, context)
  if (counted.length === 0) return undefined
  const hashPolicies = counted.flatMap(({ destination }) => hashPolicy(destinationHash(context, destination)) ?? [])
  const hasRungs = counted.some(({ destination }) => {
    const binding = context.destinations.get(destination.host)
    return (
      binding !== undefined &&
      context.hasRungs(binding, destinationPort(context, destination), destination.subset ?? '')
    )
  })
  const planned = counted
    .flatMap(({ destination }) => context.destinations.get(destination.host) ?? [])
    .map((binding) => plannedRetries(context.world, binding))
    .find((each) => each !== undefined)
  const [only] = counted
  if (destinations.length === 1 && only) {
    const { authority, ...changes } = headerChanges(only.headers)
    const specifier = { case: 'cluster', value: destinationCluster(context, only.destination) } as const
    const filterConfigs = destinationFilterConfigs(context, only.destination)
    const own = only.headers ? changes : undefined
    return { specifier, hashPolicies, changes: own, authority, hasRungs, planned, filterConfigs }
  }
  const clusters = counted.map(({ destination, weight = 0, headers }) =>
    clusterWeight(context, destination, weight, headers),
  )
  return {
    specifier: { case: 'weightedClusters', value: { clusters } },
    hashPolicies,
    changes: undefined,
    authority: '',
    hasRungs,
    planned,
    filterConfigs: {},
  }
}

function destinationFilterConfigs(context: RouteContext, destination: Destination): Record<string, Any> {
  const binding = context.destinations.get(destination.host)
  return meshProtocolsConfig(context.world, binding, destinationPort(context, destination))
}

function clusterWeight(
  context: RouteContext,
  destination: Destination,
  weight: number,
  headers: Parameters<typeof headerChanges>[0],
): Init<typeof WeightedCluster_ClusterWeightSchema> {
  const { authority, ...changes } = headerChanges(headers)
  return {
    name: destinationCluster(context, destination),
    weight,
    ...changes,
    typedPerFilterConfig: destinationFilterConfigs(context, destination),
    ...(authority && { hostRewriteSpecifier: { case: 'hostRewriteLiteral', value: authority } }),
  }
}

function addChanges(common: RouteInit, changes: Targets['changes']): Targets['changes'] | object {
  if (!changes) return {}
  return {
    requestHeadersToAdd: [...(common.requestHeadersToAdd ?? []), ...changes.requestHeadersToAdd],
    requestHeadersToRemove: [...(common.requestHeadersToRemove ?? []), ...changes.requestHeadersToRemove],
    responseHeadersToAdd: [...(common.responseHeadersToAdd ?? []), ...changes.responseHeadersToAdd],
    responseHeadersToRemove: [...(common.responseHeadersToRemove ?? []), ...changes.responseHeadersToRemove],
  }
}

function rewrites(
  { rewrite }: HttpRoute,
  common: RouteInit,
  { semantics }: RouteContext,
  authority: string,
): Partial<ActionInit> {
  const host = rewrite?.authority || authority
  return {
    ...pathRewrite(rewrite, common, semantics),
    ...(host && { hostRewriteSpecifier: { case: 'hostRewriteLiteral', value: host } as const }),
  }
}

function pathRewrite(
  rewrite: HttpRoute['rewrite'],
  { match }: RouteInit,
  semantics: RouteContext['semantics'],
): Partial<ActionInit> {
  const { uriRegexRewrite: regex, uri } = rewrite ?? {}
  if (regex) return { regexRewrite: { pattern: { regex: regex.match ?? '' }, substitution: regex.rewrite ?? '' } }
  if (!uri) return {}
  const prefix = match?.pathSpecifier
  if (semantics === 'gateway-api' && uri === '/' && prefix?.case === 'pathSeparatedPrefix') {
    // Removing the whole prefix must leave a path: a plain rewrite would leave two slashes, or none.
    return { regexRewrite: { pattern: { regex: `^${escapeRegex(prefix.value)}(/?)(.*)` }, substitution: '/\\2' } }
  }
  return { prefixRewrite: uri }
}

function escapeRegex(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
