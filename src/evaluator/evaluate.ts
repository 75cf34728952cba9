// One hop: what a proxy does with a call, and why.
import type { FilterChain } from '#gen/envoy/config/listener/v3/listener_components_pb.js'
import type { RouteConfiguration } from '#gen/envoy/config/route/v3/route_pb.js'
import {
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import { type TcpProxy, TcpProxySchema } from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js'
import { DownstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js'
import { act, arrive, shares } from './act.ts'
import { authorize } from './authorization.ts'
import { askAboutConnection } from './authorizer.ts'
import { hashOfConnection } from './balance/hash-policy.ts'
import type { Call, Circumstances, ProxyConfig } from './call.ts'
import { type Decision, type Ending, endingStatus } from './decision.ts'
import { type Means, runFilters } from './http-filters.ts'
import { findFilterChain, findListener } from './listener.ts'
import { matchesString } from './match/string.ts'
import { originOfMetadata } from './origin.ts'
import { allowsUpgrade, connection, receive, upgradeOf } from './request.ts'
import { chooseRoute } from './route.ts'
import { unpack } from './unpack.ts'
import type { Verdict } from './verdict.ts'

/** What `proxy` does with `call`: pure, over the resources that it was given. */
export function evaluate(proxy: ProxyConfig, call: Call, circumstances: Circumstances = {}): Decision {
  const base: Decision = { proxy: proxy.name, verdicts: [], destinations: [], origin: [] }
  const listener = findListener(proxy, call)
  if (!listener) return { ...base, ending: 'no-listener' }
  const found = { ...base, listener: listener.name, origin: proxy.origin?.('listener', listener.name) ?? [] }
  const chain = findFilterChain(listener, call)
  if (!chain) return { ...found, ending: 'no-filter-chain' }
  const { refused, endsTls, identity } = handshake(chain, call)
  const here: Decision = {
    ...found,
    filterChain: chain.name,
    endsTls,
    ...(identity === undefined ? {} : { identity }),
  }
  if (refused) return { ...here, ending: refused }
  // Names in certificates are known only to who ends TLS; the server's name in the hello to whoever looks.
  const known: Call = identity !== undefined || !call.tls ? call : withoutIdentity(call)
  const { verdicts, terminal } = networkFilters(chain, known, {
    circumstances,
    hasCluster: (cluster) => proxy.clusters.has(cluster),
  })
  const judged: Decision = {
    ...here,
    verdicts,
    ...(terminal?.$typeName === TcpProxySchema.typeName && {
      routeOrigin: originOfMetadata(chain.metadata?.filterMetadata),
    }),
  }
  if (verdicts.some((verdict) => !verdict.allowed)) return { ...judged, ending: 'denied' }
  if (!terminal) return { ...judged, ending: 'protocol' }
  return terminal.$typeName === TcpProxySchema.typeName
    ? throughTcp(proxy, terminal as TcpProxy, call, judged)
    : throughHttp(proxy, terminal as HttpConnectionManager, known, circumstances, judged)
}

function withoutIdentity({ tls, ...call }: Call): Call {
  return tls ? { ...call, tls: { sni: tls.sni, alpn: tls.alpn } } : call
}

/** TLS of the chain against what the client shows, and whom it is known as then. */
function handshake(chain: FilterChain, call: Call): { refused?: Ending; endsTls: boolean; identity?: string } {
  const config = chain.transportSocket?.configType.value
  const tls = config ? unpack(config, DownstreamTlsContextSchema) : undefined
  if (!tls) return { endsTls: false }
  if (!call.tls) return { refused: 'tls-required', endsTls: true }
  const validation = tls.commonTlsContext?.validationContextType
  // Clients show a certificate only where they are asked for one.
  const isAsked = tls.requireClientCertificate === true || validation?.case !== undefined
  const identity = isAsked ? call.tls.principal : undefined
  if (identity === undefined) {
    return tls.requireClientCertificate ? { refused: 'client-certificate-required', endsTls: true } : { endsTls: true }
  }
  const context =
    validation?.case === 'combinedValidationContext'
      ? validation.value.defaultValidationContext
      : validation?.case === 'validationContext'
        ? validation.value
        : undefined
  const names = [
    ...(context?.matchTypedSubjectAltNames ?? []).map(({ matcher }) => matcher),
    ...(context?.matchSubjectAltNames ?? []),
  ]
  const fits = names.length === 0 || names.some((matcher) => matcher && matchesString(matcher, identity))
  return fits ? { endsTls: true, identity } : { refused: 'client-certificate-refused', endsTls: true }
}

function networkFilters(chain: FilterChain, call: Call, means: Pick<Means, 'circumstances' | 'hasCluster'>) {
  const verdicts: Verdict[] = []
  const seen = connection(call)
  for (const filter of chain.filters) {
    const config = filter.configType.case === 'typedConfig' ? filter.configType.value : undefined
    if (!config) continue
    const named = { name: filter.name, config }
    const verdict = authorize(named, seen) ?? askAboutConnection(named, seen, means)
    if (verdict) verdicts.push(verdict)
    const terminal = unpack(config, HttpConnectionManagerSchema) ?? unpack(config, TcpProxySchema)
    if (terminal) return { verdicts, terminal }
  }
  return { verdicts, terminal: undefined }
}

function throughTcp(proxy: ProxyConfig, tcp: TcpProxy, call: Call, here: Decision): Decision {
  const spec = tcp.clusterSpecifier
  const clusters =
    spec.case === 'weightedClusters'
      ? shares(spec.value.clusters.map(({ name, weight }) => ({ name, weight })))
      : spec.case === 'cluster'
        ? [{ name: spec.value, share: 1 }]
        : []
  const hash = hashOfConnection(tcp.hashPolicy, call.sourceAddress)
  const decision = arrive(
    proxy,
    clusters.map((each) => ({
      ...each,
      ...(hash !== undefined && { hash }),
      requestChanges: [],
      responseChanges: [],
    })),
    {
      call,
      host: call.tls?.sni ?? call.host,
      here,
      ...(tcp.hashPolicy.length > 0 && { hashed: 'the source address' }),
    },
  )
  // A connection that leads nowhere is closed: there is nobody who could answer in words.
  const { status: _, ...closed } = decision
  return decision.ending ? closed : decision
}

function throughHttp(
  proxy: ProxyConfig,
  manager: HttpConnectionManager,
  call: Call,
  circumstances: Circumstances,
  here: Decision,
): Decision {
  // Encrypted bytes are no HTTP; the answer in plain text is none for who asked.
  if (call.tls && !here.endsTls) return { ...here, ending: 'protocol' }
  if (call.protocol === 'tcp') return { ...here, ending: 'protocol', status: 400 }
  const seen = receive(manager, call, proxy.hostAddress)
  if ('refused' in seen) return { ...here, ending: 'bad-request', status: seen.refused }
  const { name, config } = routeConfigurationOf(proxy, manager)
  const named: Decision = {
    ...here,
    routeConfiguration: name,
    origin: [...here.origin, ...(proxy.origin?.('route', name) ?? [])],
  }
  if (!config) return ended(named, 'no-route-configuration')
  const upgrade = upgradeOf(seen)
  const routed = upgrade === undefined ? undefined : chooseRoute(config, seen)?.route
  // A request without a route is told that there is none.
  if (upgrade !== undefined && routed && !allowsUpgrade(manager, routed.action, upgrade))
    return ended(named, 'upgrade-refused')
  const filtered = runFilters(manager, seen, {
    choose: () => chooseRoute(config, seen),
    circumstances,
    hasCluster: (cluster) => proxy.clusters.has(cluster),
  })
  const { choice, fault, unjudged } = filtered
  const judged: Decision = {
    ...named,
    verdicts: [...here.verdicts, ...filtered.verdicts],
    ...(unjudged.length > 0 && { unjudged }),
    ...(fault && { fault }),
    ...(choice && { virtualHost: choice.virtualHost.name, nearMisses: choice.nearMisses }),
    ...(choice?.route && {
      route: choice.route.name,
      because: choice.because,
      routeOrigin: originOfMetadata(choice.route.metadata?.filterMetadata),
    }),
  }
  if (filtered.answered !== undefined) {
    const denied = filtered.verdicts.some(({ allowed }) => !allowed)
    return {
      ...judged,
      status: filtered.answered,
      responseChanges: filtered.responseChanges,
      ...(filtered.preflight && { preflight: true }),
      ...(denied && { ending: 'denied' }),
    }
  }
  if (!choice) return ended(judged, 'no-virtual-host')
  return act(proxy, config, { choice, seen, call, filtered }, judged)
}

function ended(decision: Decision, ending: Ending): Decision {
  const status = endingStatus[ending]
  return { ...decision, ending, ...(status === undefined ? {} : { status }) }
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
