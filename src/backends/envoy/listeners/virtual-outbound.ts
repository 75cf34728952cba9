import { create } from '@bufbuild/protobuf'
import { TrafficDirection } from '#gen/envoy/config/core/v3/base_pb.js'
import { type FilterChain, FilterChainSchema } from '#gen/envoy/config/listener/v3/listener_components_pb.js'
import { type Listener, ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js'
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js'
import { meshConfigOf, type World } from '../../../discovery/index.ts'
import { ownAddresses, type Proxy, type ProxyScope } from '../../../mesh/index.ts'
import { socketAddress } from '../address.ts'
import { dynamicForwardProxyFilter } from '../filters/dynamic-forward-proxy.ts'
import { httpConnectionManager } from '../filters/http-connection-manager.ts'
import { meshProtocols } from '../filters/mesh-protocols.ts'
import { plainTcpProxy } from '../filters/tcp-proxy.ts'
import { fixedClusters, httpProxyRoute, listenerNames, proxyPorts, virtualHostNames } from '../names.ts'
import { catchAll, egressCluster } from '../routes/catch-all.ts'
import { httpInspector, plainHttpProtocols } from './inspectors.ts'
import { type ListenerClient, listenerClient } from './outbound.ts'
import { wildcardAddresses } from './plan.ts'

/**
 * The listener that all captured connections come to: it hands them to the listener for where they were meant to go, and keeps
 * those that none is for. A connection to itself would go round in circles.
 */
export function capturingListener(world: World, scope: ProxyScope): Listener {
  const client = listenerClient(world, scope)
  const dynamic = client.policy.mode === 'ALLOW_ANY_DYNAMIC_DNS'
  const [bind, ...more] = wildcardAddresses(scope)
  return create(ListenerSchema, {
    name: listenerNames.outbound,
    address: socketAddress(bind, proxyPorts.outbound),
    additionalAddresses: more.map((each) => ({ address: socketAddress(each, proxyPorts.outbound) })),
    useOriginalDst: true,
    ...(scope.interception === 'TPROXY' && { transparent: true }),
    trafficDirection: TrafficDirection.OUTBOUND,
    listenerFilters: dynamic ? [httpInspector] : [],
    filterChains: [
      {
        name: `${listenerNames.outbound}-blackhole`,
        filterChainMatch: { destinationPort: proxyPorts.outbound },
        filters: [plainTcpProxy(fixedClusters.blackHole)],
      },
      ...(dynamic ? [unknownHttp(world, client)] : []),
      {
        name: 'virtualOutbound-catchall-tcp',
        filters: [plainTcpProxy(egressCluster(client.policy) ?? fixedClusters.blackHole)],
      },
    ],
  })
}

/** Plain HTTP to hosts that nobody knows is resolved by name. */
function unknownHttp(world: World, { policy, ipFamilies, http10 }: ListenerClient): FilterChain {
  const inline = create(RouteConfigurationSchema, {
    name: virtualHostNames.allowAnyDynamicDns,
    virtualHosts: [catchAll(meshConfigOf(world), policy)],
    validateClusters: false,
    ignorePortInHostMatching: true,
  })
  return create(FilterChainSchema, {
    name: 'virtualOutbound-catchall-tcp-http',
    filterChainMatch: { applicationProtocols: plainHttpProtocols },
    filters: [
      httpConnectionManager({
        mesh: meshConfigOf(world),
        statPrefix: `outbound_${listenerNames.outbound}_allow_any_dynamic_dns`,
        routes: { inline },
        after: [dynamicForwardProxyFilter(fixedClusters.allowAnyDynamicDns, ipFamilies)],
        ...(http10 && { fields: { httpProtocolOptions: { acceptHttp10: true } } }),
      }),
    ],
  })
}

/**
 * The explicit proxy of a pod whose traffic is not captured: programs send it requests in absolute form, or ask it for tunnels.
 * A tunnel to an HTTP port ends in `tunnelListener`, so that the requests within are routed like any other.
 */
export function explicitProxyListener(world: World, proxy: Proxy): Listener {
  return create(ListenerSchema, {
    name: listenerNames.outbound,
    address: socketAddress(ownAddresses(proxy)[0] ?? '127.0.0.1', proxyPorts.outbound),
    // A second Envoy of the same pod, left behind, would silently take half of the connections.
    enableReusePort: false,
    trafficDirection: TrafficDirection.OUTBOUND,
    filterChains: [proxyChain(world, 'explicit-proxy', `outbound_${listenerNames.outbound}`)],
  })
}

/** The port at which programs may use the sidecar as an HTTP proxy, beside what is captured; undefined: none. */
export function httpProxyPort(world: World): number | undefined {
  const { proxyHttpPort = 0 } = meshConfigOf(world)
  return proxyHttpPort > 0 ? proxyHttpPort : undefined
}

/** The HTTP proxy of `proxyHttpPort`, for programs of the pod itself. */
export function localProxyListener(world: World, scope: ProxyScope, port: number): Listener {
  const [bind = '127.0.0.1', ...more] =
    scope.ipFamilies === 'v6' ? ['::1'] : scope.ipFamilies === 'v4' ? ['127.0.0.1'] : ['127.0.0.1', '::1']
  const name = `${bind}_${port}`
  return create(ListenerSchema, {
    name,
    address: socketAddress(bind, port),
    additionalAddresses: more.map((each) => ({ address: socketAddress(each, port) })),
    trafficDirection: TrafficDirection.OUTBOUND,
    filterChains: [proxyChain(world, '', `outbound_${name}`)],
  })
}

/** Takes the requests out of tunnels. */
export function tunnelListener(world: World): Listener {
  return create(ListenerSchema, {
    name: listenerNames.httpInTunnel,
    listenerSpecifier: { case: 'internalListener', value: {} },
    trafficDirection: TrafficDirection.OUTBOUND,
    filterChains: [proxyChain(world, listenerNames.httpInTunnel, `outbound_${listenerNames.httpInTunnel}`)],
  })
}

function proxyChain(world: World, name: string, statPrefix: string): FilterChain {
  return create(FilterChainSchema, {
    name,
    filters: [
      httpConnectionManager({
        mesh: meshConfigOf(world),
        statPrefix,
        routes: { rds: httpProxyRoute },
        after: [meshProtocols],
        fields: {
          // Python's client asks for tunnels in HTTP/1.0.
          httpProtocolOptions: { allowAbsoluteUrl: true, acceptHttp10: true },
          upgradeConfigs: [{ upgradeType: 'websocket' }, { upgradeType: 'CONNECT' }],
        },
      }),
    ],
  })
}
