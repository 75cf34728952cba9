import { create } from '@bufbuild/protobuf'
import { TrafficDirection } from '#gen/envoy/config/core/v3/base_pb.js'
import {
  type Filter,
  type FilterChain,
  FilterChainSchema,
  ListenerFilterSchema,
} from '#gen/envoy/config/listener/v3/listener_components_pb.js'
import { type Listener, ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js'
import { ProxyProtocolSchema } from '#gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.js'
import { meshConfigOf, type World } from '../../../discovery/index.ts'
import {
  type GatewayPort,
  gatewayPlan,
  metadataFlag,
  ownAddresses,
  type Proxy,
  type ProxyScope,
} from '../../../mesh/index.ts'
import type { Problem } from '../../../report/index.ts'
import { address } from '../address.ts'
import type { Built } from '../built.ts'
import { httpConnectionManager } from '../filters/http-connection-manager.ts'
import { meshProtocols } from '../filters/mesh-protocols.ts'
import { securityFilters } from '../filters/security.ts'
import { tcpFilters } from '../filters/tcp-proxy.ts'
import { tlsInspector } from '../listeners/inspectors.ts'
import { listenerName, wildcardAddresses } from '../listeners/plan.ts'
import { extensionConfig, milliseconds } from '../proto.ts'
import { httpAlpn, serverTlsSocket } from '../tls/downstream.ts'
import { type GatewayChain, gatewayChains, meshAlpn } from './chains.ts'
import { edgeFields, type GatewayTopology, gatewayTopology } from './edge.ts'

/** Listeners of a gateway, and what is wrong with the objects that they are made from. */
export interface GatewayListeners {
  readonly listeners: readonly Built<Listener>[]
  readonly problems: readonly Problem[]
}

/** What all chains of a gateway have in common. */
interface Edge {
  readonly world: World
  readonly scope: ProxyScope
  readonly proxy: Proxy
  readonly topology: GatewayTopology
  /** Who may pass, for requests and for connections. */
  readonly http: NonNullable<Parameters<typeof httpConnectionManager>[0]['before']>
  readonly network: readonly Filter[]
}

export function gatewayListeners(world: World, scope: ProxyScope, proxy: Proxy): GatewayListeners {
  if (scope.type !== 'gateway') return { listeners: [], problems: [] }
  const plan = world.get(gatewayPlan, scope)
  // Claims of tokens may decide routes, so these are chosen again behind the policies of the gateway's own workload.
  const policies = securityFilters(world, proxy, { routesByClaims: true })
  const { http, tcp: network } = policies
  const edge: Edge = { world, scope, proxy, topology: gatewayTopology(world, proxy), http, network }
  const origin = [...plan.origin, ...policies.origin]
  const unprivileged = metadataFlag(proxy, 'UNPRIVILEGED_POD')
  const listeners = plan.ports
    .filter(({ port }) => !unprivileged || port >= 1024)
    .flatMap((port) => listenerOf(edge, port) ?? [])
  return {
    listeners: listeners.map((resource) => ({ resource, origin })),
    problems: [...policies.problems, ...gatewayProblems(world, scope)],
  }
}

/** What of Gateways cannot be on one proxy together. */
export function gatewayProblems(world: World, scope: ProxyScope): Problem[] {
  if (scope.type !== 'gateway') return []
  return world.get(gatewayPlan, scope).conflicts.map(
    ({ origin: object, path, message }): Problem => ({
      code: 'conflict',
      severity: 'warning',
      object,
      path,
      message,
    }),
  )
}

/** Envoy waits this long for the handshake, so that clients who never finish it do not pile up. */
const handshakeTimeout = milliseconds(15_000)

function listenerOf(edge: Edge, port: GatewayPort): Listener | undefined {
  const { world, scope, proxy, topology } = edge
  const [wildcard] = wildcardAddresses(scope)
  const name = listenerName(port.bind || wildcard, port.port)
  const chains = gatewayChains(world, scope, port)
  if (chains.length === 0) return undefined
  const [bind = wildcard, ...more] = bindsOf(scope, proxy, port)
  return create(ListenerSchema, {
    name,
    address: address(bind, port.port),
    additionalAddresses: more.map((each) => ({ address: address(each, port.port) })),
    // A second Envoy of the same pod, left behind, would silently take half of the connections.
    ...(scope.dataPath === 'loopback' && { enableReusePort: false }),
    trafficDirection: TrafficDirection.OUTBOUND,
    listenerFilters: [
      ...(topology.proxyProtocol ? [proxyProtocol] : []),
      ...(port.kind === 'tls' ? [tlsInspector] : []),
    ],
    filterChains: chains.map((chain) => chainOf(edge, name, chain)),
  })
}

const proxyProtocol = create(
  ListenerFilterSchema,
  extensionConfig('envoy.filters.listener.proxy_protocol', ProxyProtocolSchema),
)

/** Where traffic is not captured, several gateways stand on one host: each has the ports of its own address only. */
function bindsOf(scope: ProxyScope, proxy: Proxy, { bind }: GatewayPort): readonly string[] {
  if (bind !== '') return [bind]
  const own = ownAddresses(proxy)
  return scope.dataPath === 'loopback' && own.length > 0 ? own : wildcardAddresses(scope)
}

function chainOf(edge: Edge, listener: string, chain: GatewayChain): FilterChain {
  const { world, scope } = edge
  const { sni, alpn, tls, target } = chain
  const mesh = meshConfigOf(world)
  const config = target.kind === 'tcp' ? target.config : undefined
  const protocols = target.kind === 'tcp' && tls?.mode === 'ISTIO_MUTUAL' ? meshAlpn : httpAlpn
  const names = sni.includes('*') ? [] : [...sni].sort()
  return create(FilterChainSchema, {
    ...(names.length + alpn.length > 0 && {
      filterChainMatch: { serverNames: names, applicationProtocols: [...alpn] },
    }),
    ...(tls && {
      transportSocket: serverTlsSocket(tls, { mesh, secrets: scope.secrets, alpn: protocols }),
      transportSocketConnectTimeout: handshakeTimeout,
    }),
    filters: filtersOf(edge, listener, chain),
    ...(config && { metadata: { filterMetadata: { istio: { config } } } }),
  })
}

function filtersOf(edge: Edge, listener: string, { target, alpn }: GatewayChain): Filter[] {
  const { world, scope, proxy, topology, http, network } = edge
  if (target.kind === 'tcp') {
    // What passes into the mesh is encrypted for the workload behind, whose own policies decide.
    const policies = alpn.length > 0 ? [] : network
    return [...policies, ...tcpFilters(world, target, { accessLog: [], ipFamilies: scope.ipFamilies })]
  }
  return [
    httpConnectionManager({
      mesh: meshConfigOf(world),
      statPrefix: target.statPrefix || `outbound_${listener}`,
      routes: { rds: target.routes },
      before: http,
      after: [meshProtocols],
      fields: edgeFields(topology, metadataFlag(proxy, 'HTTP10')),
    }),
  ]
}
