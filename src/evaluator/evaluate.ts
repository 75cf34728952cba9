// One hop: what a proxy does with a call, and why.
import { anyUnpack, durationMs } from '@bufbuild/protobuf/wkt'
import type { FilterChain } from '#gen/envoy/config/listener/v3/listener_components_pb.js'
import type { RetryPolicy, Route, RouteAction, VirtualHost } from '#gen/envoy/config/route/v3/route_components_pb.js'
import type { RouteConfiguration } from '#gen/envoy/config/route/v3/route_pb.js'
import {
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import { type TcpProxy, TcpProxySchema } from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js'
import { DownstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js'
import type { ObjectRef } from '../report/index.ts'
import { type Verdict, verdictOf } from './authorization.ts'
import type { Call, ProxyConfig } from './call.ts'
import { findFilterChain, findListener } from './listener.ts'
import { chooseRoute, type RouteChoice } from './route.ts'
import { assignmentOf, type Rung, rungsOf } from './rungs.ts'

/** Why a call ends at a proxy. Names follow what istioctl and Envoy's response flags say. */
export type Ending =
  | 'no-listener'
  | 'no-filter-chain'
  | 'tls-required'
  | 'client-certificate-required'
  | 'protocol'
  | 'no-route-configuration'
  | 'no-virtual-host'
  | 'no-route'
  | 'denied'
  | 'no-cluster'
  | 'no-healthy-endpoint'

/** A cluster that a call may go to, with its share of such calls, and the odds of its endpoints. */
export interface Destination {
  readonly cluster: string
  readonly share: number
  readonly known: boolean
  readonly rungs: readonly Rung[]
  readonly origin: readonly ObjectRef[]
}

/** What a proxy does with a call. Fields are absent where the call did not get that far. */
export interface Decision {
  readonly proxy: string
  readonly listener?: string
  readonly filterChain?: string
  readonly routeConfiguration?: string
  readonly virtualHost?: string
  readonly route?: string
  readonly because?: readonly string[]
  readonly nearMisses?: RouteChoice['nearMisses']
  readonly verdicts: readonly Verdict[]
  readonly destinations: readonly Destination[]
  readonly directResponse?: number
  readonly redirect?: number
  readonly timeoutMs?: number
  readonly retries?: { readonly count: number; readonly on: string; readonly perTryTimeoutMs?: number }
  /** The users' objects behind listener and route configuration. */
  readonly origin: readonly ObjectRef[]
  readonly ending?: Ending
}

/** What `proxy` does with `call`: pure, over the resources that it was given. */
export function evaluate(proxy: ProxyConfig, call: Call): Decision {
  const base: Decision = { proxy: proxy.name, verdicts: [], destinations: [], origin: [] }
  const listener = findListener(proxy, call)
  if (!listener) return { ...base, ending: 'no-listener' }
  const found = { ...base, listener: listener.name, origin: proxy.origin?.('listener', listener.name) ?? [] }
  const chain = findFilterChain(listener, call)
  if (!chain) return { ...found, ending: 'no-filter-chain' }
  const here: Decision = { ...found, filterChain: chain.name }
  const refused = refusedByTls(chain, call)
  if (refused) return { ...here, ending: refused }
  const { verdicts, terminal } = networkFilters(chain, call)
  const judged = { ...here, verdicts }
  if (verdicts.some((verdict) => !verdict.allowed)) return { ...judged, ending: 'denied' }
  if (!terminal) return { ...judged, ending: 'protocol' }
  return terminal.$typeName === TcpProxySchema.typeName
    ? throughTcp(proxy, terminal as TcpProxy, judged)
    : throughHttp(proxy, terminal as HttpConnectionManager, call, judged)
}

/** TLS of the chain against what the client shows. */
function refusedByTls(chain: FilterChain, call: Call): Ending | undefined {
  const config = chain.transportSocket?.configType.value
  const tls = config ? anyUnpack(config, DownstreamTlsContextSchema) : undefined
  if (!tls) return undefined
  if (!call.tls) return 'tls-required'
  if (tls.requireClientCertificate && call.tls.principal === undefined) return 'client-certificate-required'
  return undefined
}

function networkFilters(chain: FilterChain, call: Call) {
  const verdicts: Verdict[] = []
  for (const filter of chain.filters) {
    const config = filter.configType.case === 'typedConfig' ? filter.configType.value : undefined
    if (!config) continue
    const verdict = verdictOf({ name: filter.name, config }, call)
    if (verdict) verdicts.push(verdict)
    const terminal = anyUnpack(config, HttpConnectionManagerSchema) ?? anyUnpack(config, TcpProxySchema)
    if (terminal) return { verdicts, terminal }
  }
  return { verdicts, terminal: undefined }
}

function throughTcp(proxy: ProxyConfig, tcp: TcpProxy, here: Decision): Decision {
  const spec = tcp.clusterSpecifier
  const clusters =
    spec.case === 'weightedClusters'
      ? shares(spec.value.clusters.map(({ name, weight }) => ({ name, weight })))
      : spec.case === 'cluster'
        ? [{ name: spec.value, share: 1 }]
        : []
  return arrive(proxy, clusters, here)
}

function throughHttp(proxy: ProxyConfig, manager: HttpConnectionManager, call: Call, here: Decision): Decision {
  if (call.protocol === 'tcp') return { ...here, ending: 'protocol' }
  const { name, config } = routeConfigurationOf(proxy, manager)
  const named: Decision = {
    ...here,
    routeConfiguration: name,
    origin: [...here.origin, ...(proxy.origin?.('route', name) ?? [])],
  }
  if (!config) return { ...named, ending: 'no-route-configuration' }
  const verdicts = [...here.verdicts]
  for (const filter of manager.httpFilters) {
    const typed = filter.configType.case === 'typedConfig' ? filter.configType.value : undefined
    const verdict = filter.disabled ? undefined : verdictOf({ name: filter.name, config: typed }, call)
    if (verdict) verdicts.push(verdict)
  }
  const judged: Decision = { ...named, verdicts }
  if (verdicts.some((verdict) => !verdict.allowed)) return { ...judged, ending: 'denied' }
  const choice = chooseRoute(config, call)
  if (!choice) return { ...judged, ending: 'no-virtual-host' }
  const hosted: Decision = { ...judged, virtualHost: choice.virtualHost.name, nearMisses: choice.nearMisses }
  if (!choice.route) return { ...hosted, ending: 'no-route' }
  return act(proxy, choice.route, choice.virtualHost, { ...hosted, route: choice.route.name, because: choice.because })
}

function routeConfigurationOf(
  proxy: ProxyConfig,
  manager: HttpConnectionManager,
): { name: string; config: RouteConfiguration | undefined } {
  const spec = manager.routeSpecifier
  if (spec.case === 'routeConfig') return { name: spec.value.name, config: spec.value }
  if (spec.case === 'rds')
    return { name: spec.value.routeConfigName, config: proxy.routes.get(spec.value.routeConfigName) }
  return { name: '', config: undefined }
}

function act(proxy: ProxyConfig, route: Route, virtualHost: VirtualHost, here: Decision): Decision {
  const action = route.action
  switch (action.case) {
    case 'directResponse':
      return { ...here, directResponse: action.value.status }
    case 'redirect':
      return { ...here, redirect: [301, 302, 303, 307, 308][action.value.responseCode] ?? 301 }
    case 'route':
      return arrive(proxy, clustersOf(action.value), { ...here, ...patience(action.value, virtualHost) })
    default:
      return { ...here, ending: 'protocol' }
  }
}

function clustersOf(action: RouteAction): { name: string; share: number }[] {
  const spec = action.clusterSpecifier
  if (spec.case === 'cluster') return [{ name: spec.value, share: 1 }]
  if (spec.case !== 'weightedClusters') return []
  return shares(spec.value.clusters.map(({ name, weight }) => ({ name, weight: weight ?? 0 })))
}

/** Timeout and retries of a route; those of the virtual host hold where the route says nothing. */
function patience(action: RouteAction, virtualHost: VirtualHost): Pick<Decision, 'timeoutMs' | 'retries'> {
  const policy: RetryPolicy | undefined = action.retryPolicy ?? virtualHost.retryPolicy
  const perTry = policy?.perTryTimeout ? { perTryTimeoutMs: durationMs(policy.perTryTimeout) } : {}
  return {
    // Envoy's own default is 15 s; 0 is no timeout.
    timeoutMs: action.timeout ? durationMs(action.timeout) : 15_000,
    ...(policy ? { retries: { count: policy.numRetries ?? 1, on: policy.retryOn, ...perTry } } : {}),
  }
}

function shares(weighted: readonly { name: string; weight: number }[]): { name: string; share: number }[] {
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0)
  return weighted.map(({ name, weight }) => ({ name, share: total === 0 ? 0 : weight / total }))
}

function arrive(proxy: ProxyConfig, clusters: readonly { name: string; share: number }[], here: Decision): Decision {
  const destinations = clusters.map(({ name, share }): Destination => {
    const cluster = proxy.clusters.get(name)
    const assignment = cluster && assignmentOf(cluster, proxy.endpoints)
    return {
      cluster: name,
      share,
      known: cluster !== undefined,
      rungs: cluster ? rungsOf(cluster, assignment) : [],
      origin: proxy.origin?.('cluster', name) ?? [],
    }
  })
  const used = destinations.filter(({ share }) => share > 0)
  const arrived: Decision = { ...here, destinations }
  if (used.every(({ known }) => !known)) return { ...arrived, ending: 'no-cluster' }
  const reachable = used.some(({ cluster, rungs }) => {
    const definition = proxy.clusters.get(cluster)
    // Clusters that find their hosts by themselves (DNS, original destination) are not judged here.
    if (definition && assignmentOf(definition, proxy.endpoints) === undefined) return true
    return rungs.some((rung) => rung.endpoints.some((endpoint) => endpoint.share > 0))
  })
  return reachable ? arrived : { ...arrived, ending: 'no-healthy-endpoint' }
}
