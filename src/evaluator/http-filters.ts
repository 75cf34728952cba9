// What the HTTP filters of a connection manager do with a request, in their order.
import { type Any, durationMs } from '@bufbuild/protobuf/wkt'
import type { HeaderMutation as OneMutation } from '#gen/envoy/config/common/mutation_rules/v3/mutation_rules_pb.js'
import { CorsPolicySchema } from '#gen/envoy/extensions/filters/http/cors/v3/cors_pb.js'
import { HTTPFaultSchema } from '#gen/envoy/extensions/filters/http/fault/v3/fault_pb.js'
import {
  type HeaderMutation,
  HeaderMutationSchema,
} from '#gen/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb.js'
import { JwtAuthenticationSchema } from '#gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js'
import { ConfigSchema as SetFilterStateSchema } from '#gen/envoy/extensions/filters/http/set_filter_state/v3/set_filter_state_pb.js'
import type { HttpConnectionManager } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import { authorize } from './authorization.ts'
import { askAuthorizer } from './authorizer.ts'
import type { Circumstances } from './call.ts'
import type { Fault } from './decision.ts'
import { addition, change, type HeaderChange } from './header-changes.ts'
import { percentOf } from './match/route.ts'
import { matchesString } from './match/string.ts'
import type { Seen } from './request.ts'
import type { RouteChoice } from './route.ts'
import { checkTokens } from './tokens.ts'
import { unpack } from './unpack.ts'
import type { Verdict } from './verdict.ts'

/** What the filters did. They stop at the first that answers. */
export interface Filtered {
  readonly verdicts: readonly Verdict[]
  readonly unjudged: readonly string[]
  readonly choice: RouteChoice | undefined
  readonly fault: Fault | undefined
  /** Status of an answer that a filter gave. */
  readonly answered: number | undefined
  /** The answer is to a preflight of CORS. */
  readonly preflight: boolean
  readonly responseChanges: readonly HeaderChange[]
  /** ALPN that a filter asks for towards endpoints. */
  readonly alpn: readonly string[] | undefined
}

/** Filters that change nothing that is told here. */
const quiet = new Set([
  'envoy.filters.http.grpc_stats',
  'envoy.filters.http.grpc_web',
  // Requests wait until the route that is looked at here is there.
  'envoy.filters.http.on_demand',
  'envoy.filters.http.router',
])

interface State {
  verdicts: Verdict[]
  unjudged: string[]
  choice: RouteChoice | undefined
  fault: Fault | undefined
  answered: number | undefined
  preflight: boolean
  responseChanges: HeaderChange[]
  alpn: readonly string[] | undefined
}

export function runFilters(manager: HttpConnectionManager, seen: Seen, means: Means): Filtered {
  const state: State = {
    verdicts: [],
    unjudged: [],
    choice: means.choose(),
    fault: undefined,
    answered: undefined,
    preflight: false,
    responseChanges: [],
    alpn: undefined,
  }
  for (const filter of manager.httpFilters) {
    const config = filter.configType.case === 'typedConfig' ? filter.configType.value : undefined
    if (filter.disabled || !config || quiet.has(filter.name)) continue
    // Answers go through the filters the other way round.
    const behind = state.responseChanges
    state.responseChanges = []
    apply(state, { name: filter.name, config }, seen, means)
    state.responseChanges.push(...behind)
    if (state.answered !== undefined) break
  }
  return state
}

export interface Means {
  readonly choose: () => RouteChoice | undefined
  readonly circumstances: Circumstances
  /** Whether the proxy knows a cluster of that name. */
  readonly hasCluster: (name: string) => boolean
}

function apply(state: State, filter: { name: string; config: Any }, seen: Seen, means: Means): void {
  const { name, config } = filter
  const own = unpack(config, JwtAuthenticationSchema)
  const verdict = own ? checkTokens(name, own, seen, means.circumstances) : authorize(filter, seen)
  if (verdict) {
    state.verdicts.push(verdict)
    if (!verdict.allowed) state.answered = verdict.status ?? 403
  }
  if (own) {
    // Routes may ask for claims: they are chosen again once these are known, and only then.
    const known = seen.metadata.find(name, ['payload']) !== undefined
    if (known && Object.values(own.providers).some(({ clearRouteCache }) => clearRouteCache))
      state.choice = means.choose()
    return
  }
  if (verdict) return
  // Envoy asks nobody about a request that has no route.
  const routed = state.choice?.route !== undefined || state.choice?.toTls === true
  const asked = askAuthorizer(filter, seen, means, routed)
  if (asked) {
    state.responseChanges.push(...asked.responseChanges)
    if (asked.verdict) state.verdicts.push(asked.verdict)
    if (asked.verdict?.allowed === false) state.answered = asked.verdict.status ?? 403
    if (asked.clearRouteCache) state.choice = means.choose()
    return
  }
  const mutation = unpack(config, HeaderMutationSchema)
  if (mutation) {
    mutateHeaders(state, mutation, seen)
    return
  }
  const routeConfig = configOfRoute(state.choice, name)
  switch (name) {
    case 'envoy.filters.http.fault':
      state.fault = faultOf(routeConfig ?? config)
      if (state.fault?.abort?.share === 1) state.answered = state.fault.abort.status
      return
    case 'envoy.filters.http.cors':
      crossOrigin(state, routeConfig, seen)
      return
    case filterStateFilter:
      state.alpn = protocolsOf(routeConfig ?? config) ?? state.alpn
      return
    default:
      state.unjudged.push(name)
  }
}

/** A filter's configuration at the route; else at its virtual host. */
function configOfRoute(choice: RouteChoice | undefined, filter: string): Any | undefined {
  if (choice?.toTls) return undefined
  return choice?.route?.typedPerFilterConfig[filter] ?? choice?.virtualHost.typedPerFilterConfig[filter]
}

/** Source: Envoy's fault filter. A gRPC status is told in an answer of status 200. */
function faultOf(config: Any): Fault | undefined {
  const fault = unpack(config, HTTPFaultSchema)
  const delay = fault?.delay
  const abort = fault?.abort
  const delayMs = delay?.faultDelaySecifier.case === 'fixedDelay' ? durationMs(delay.faultDelaySecifier.value) : 0
  const delayShare = delay?.percentage ? percentOf(delay.percentage) : 0
  const abortShare = abort?.percentage ? percentOf(abort.percentage) : 0
  const status = abort?.errorType.case === 'httpStatus' ? abort.errorType.value : 200
  const grpcStatus = abort?.errorType.case === 'grpcStatus' ? abort.errorType.value : undefined
  if (delayShare * delayMs + abortShare === 0) return undefined
  return {
    ...(delayShare * delayMs > 0 && { delay: { ms: delayMs, share: delayShare } }),
    ...(abortShare > 0 && { abort: { status, share: abortShare, ...(grpcStatus !== undefined && { grpcStatus }) } }),
  }
}

/** Source: header_mutation.proto; changes come in their order. What routes say of them is left out. */
function mutateHeaders(state: State, { mutations }: HeaderMutation, seen: Seen): void {
  const steps = (list: readonly OneMutation[]): HeaderChange[] =>
    list.flatMap(({ action }) =>
      action.case === 'remove'
        ? [{ remove: action.value.toLowerCase() }]
        : action.case === 'append'
          ? addition(action.value)
          : [],
    )
  change(seen.headers, steps(mutations?.requestMutations ?? []))
  state.responseChanges.push(...steps(mutations?.responseMutations ?? []))
}

/** Source: Envoy's CORS filter: preflights of known origins are answered; answers to others get headers. */
function crossOrigin(state: State, config: Any | undefined, seen: Seen): void {
  // It has no say in answers that routes give themselves.
  const policy = config && state.choice?.route?.action.case === 'route' ? unpack(config, CorsPolicySchema) : undefined
  const origin = seen.headers.get('origin') ?? ''
  if (!policy || origin === '') return
  const allowed = policy.allowOriginStringMatch.some((matcher) => matchesString(matcher, origin))
  const preflight =
    seen.headers.get(':method') === 'OPTIONS' && (seen.headers.get('access-control-request-method') ?? '') !== ''
  if (preflight && (allowed || policy.forwardNotMatchingPreflights === false)) {
    state.answered = 200
    state.preflight = true
  }
  if (!allowed) return
  state.responseChanges.push({ set: 'access-control-allow-origin', value: origin })
  if (policy.allowCredentials) state.responseChanges.push({ set: 'access-control-allow-credentials', value: 'true' })
  const say = (name: string, value: string): void => {
    if (value !== '') state.responseChanges.push({ set: name, value })
  }
  if (preflight) {
    say('access-control-allow-methods', policy.allowMethods)
    say('access-control-allow-headers', policy.allowHeaders)
    say('access-control-max-age', policy.maxAge)
  } else say('access-control-expose-headers', policy.exposeHeaders)
}

export const filterStateFilter = 'envoy.filters.http.set_filter_state'

/** The application protocols that a route, or one of its destinations, asks for in TLS hellos. */
export function protocolsOf(config: Any): string[] | undefined {
  for (const { key, value } of unpack(config, SetFilterStateSchema)?.onRequestHeaders ?? []) {
    if (key.case !== 'objectKey' || key.value !== 'envoy.network.application_protocols') continue
    const format = value.case === 'formatString' ? value.value.format : undefined
    const source = format?.case === 'textFormatSource' ? format.value.specifier : undefined
    if (source?.case === 'inlineString') return source.value.split(',')
  }
  return undefined
}
