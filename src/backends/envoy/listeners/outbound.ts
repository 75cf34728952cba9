import { create } from '@bufbuild/protobuf'
import { TrafficDirection } from '#gen/envoy/config/core/v3/base_pb.js'
import { type FilterChain, FilterChainSchema } from '#gen/envoy/config/listener/v3/listener_components_pb.js'
import { type Listener, ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js'
import { meshConfigOf, type Query, servicesOfHost, type World } from '../../../discovery/index.ts'
import { type OutboundPolicy, outboundPolicyOf, type ProxyScope, ruleOf } from '../../../mesh/index.ts'
import type { ObjectRef } from '../../../report/index.ts'
import { address } from '../address.ts'
import type { Built } from '../built.ts'
import { dynamicForwardProxyFilter } from '../filters/dynamic-forward-proxy.ts'
import { httpConnectionManager } from '../filters/http-connection-manager.ts'
import { meshProtocols } from '../filters/mesh-protocols.ts'
import { plainTcpProxy, tcpFilters } from '../filters/tcp-proxy.ts'
import { fixedClusters, parseOutboundName } from '../names.ts'
import { duration, type Init, noTimeout } from '../proto.ts'
import { egressCluster } from '../routes/catch-all.ts'
import { type ChainPlan, isMatchAll, parseRange } from './chain-plan.ts'
import { httpInspector, plainHttpProtocols, tlsInspector } from './inspectors.ts'
import type { ListenerPlan } from './plan.ts'

/** What of a scope goes into outbound listeners, beside what they are planned for. */
export interface ListenerClient {
  readonly policy: OutboundPolicy
  readonly ipFamilies: ProxyScope['ipFamilies']
  readonly http10: boolean
}

export interface ListenerKey {
  readonly plan: ListenerPlan
  readonly client: ListenerClient
}

export function listenerClient(world: World, scope: ProxyScope): ListenerClient {
  return { policy: outboundPolicyOf(world, scope.view), ipFamilies: scope.ipFamilies, http10: scope.http10 }
}

/** An outbound listener as planned. Shared by all proxies of equal key. */
export const outboundListener: Query<ListenerKey, Built<Listener>> = {
  name: 'envoy/outbound-listener',
  keyOf: ({ plan, client }) => JSON.stringify([plan, client]),
  compute: (world, { plan, client }) => ({
    resource: buildListener(world, plan, client),
    origin: originOf(world, plan),
  }),
}

function buildListener(world: World, plan: ListenerPlan, client: ListenerClient): Listener {
  const { name, binds, port, bindToPort, chains } = plan
  const built = chains.map((plan) => ({ plan, chain: buildChain(world, name, plan, client) }))
  const matching = built.filter((each) => !isMatchAll(each.plan)).map(({ chain }) => chain)
  const rest = built.findLast((each) => isMatchAll(each.plan))?.chain
  const looksAtHttp = chains.some(({ http }) => http)
  const looksAtTls = chains.some(({ sni, target }) => sni.length > 0 || (target.kind === 'tcp' && target.dynamic))
  const timeout = looksAtHttp ? duration(meshConfigOf(world).protocolDetectionTimeout) : undefined
  const [bind = '', ...more] = binds
  return create(ListenerSchema, {
    name,
    address: address(bind, port),
    additionalAddresses: more.map((each) => ({ address: address(each, port) })),
    trafficDirection: TrafficDirection.OUTBOUND,
    continueOnListenerFiltersTimeout: true,
    listenerFiltersTimeout: timeout ?? noTimeout,
    ...(bindToPort ? {} : { bindToPort: false }),
    listenerFilters: [...(looksAtTls ? [tlsInspector] : []), ...(looksAtHttp ? [httpInspector] : [])],
    ...(matching.length === 0 && rest
      ? { filterChains: [rest] }
      : { filterChains: matching, defaultFilterChain: rest ?? passthroughChain(client) }),
  })
}

/** What no chain is for goes on as it was, or nowhere. */
function passthroughChain({ policy }: ListenerClient): FilterChain {
  return create(FilterChainSchema, {
    name: 'PassthroughFilterChain',
    filterChainMatch: {},
    filters: [plainTcpProxy(egressCluster(policy) ?? fixedClusters.blackHole)],
  })
}

function buildChain(world: World, listener: string, plan: ChainPlan, client: ListenerClient): FilterChain {
  const { target } = plan
  const config = target.kind === 'tcp' ? target.config : undefined
  const filters =
    target.kind === 'http'
      ? [
          httpConnectionManager({
            mesh: meshConfigOf(world),
            statPrefix: `outbound_${listener}`,
            routes: { rds: target.routes },
            after: [...forwardProxyFilters(target.dynamic, client), meshProtocols],
            ...(client.http10 && { fields: { httpProtocolOptions: { acceptHttp10: true } } }),
          }),
        ]
      : tcpFilters(world, target, { accessLog: [], ipFamilies: client.ipFamilies })
  const match = chainMatch(plan)
  return create(FilterChainSchema, {
    ...(match && { filterChainMatch: match }),
    filters,
    ...(config && { metadata: { filterMetadata: { istio: { config } } } }),
  })
}

/** Filters that resolve the host of a request, for hosts that are known by pattern only. */
function forwardProxyFilters(
  dynamic: string | undefined,
  { policy, ipFamilies }: ListenerClient,
): ReturnType<typeof dynamicForwardProxyFilter>[] {
  const hosts = [
    ...(dynamic === undefined ? [] : [dynamic]),
    ...(policy.mode === 'ALLOW_ANY_DYNAMIC_DNS' ? [fixedClusters.allowAnyDynamicDns] : []),
  ]
  return hosts.map((host) => dynamicForwardProxyFilter(host, ipFamilies))
}

function chainMatch(plan: ChainPlan): Init<typeof FilterChainSchema>['filterChainMatch'] | undefined {
  if (isMatchAll(plan)) return undefined
  const { sni, ranges, http } = plan
  const prefixRanges = [...ranges].sort().flatMap((text) => {
    const range = parseRange(text)
    return range && range.address !== '0.0.0.0' ? [{ addressPrefix: range.address, prefixLen: range.length }] : []
  })
  return {
    ...(http && { applicationProtocols: plainHttpProtocols, transportProtocol: 'raw_buffer' }),
    serverNames: sni.includes('*') ? [] : [...sni].sort(),
    prefixRanges,
  }
}

/** The services and rules that a listener's TCP chains lead to. (What is routed as HTTP is the routes' affair.) */
function originOf(world: World, { chains }: ListenerPlan): ObjectRef[] {
  return chains.flatMap(({ target }) => {
    if (target.kind === 'http') return []
    const services = target.clusters.flatMap(({ name }) =>
      world.get(servicesOfHost, parseOutboundName(name)?.host ?? ''),
    )
    return [...services.flatMap(({ origin }) => origin), ...(ruleOf(world, target.rule)?.origin ?? [])]
  })
}
