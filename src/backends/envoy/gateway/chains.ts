import { hostCovers, hostsOverlap, type World } from '../../../discovery/index.ts'
import {
  type GatewayPort,
  type GatewayServerPlan,
  type ProxyScope,
  passesThrough,
  ruleOf,
  rulesOfGateway,
  type ServerTls,
  sniHostsOf,
  type VirtualRule,
  viewOf,
  virtualRule,
} from '../../../mesh/index.ts'
import { configPath } from '../clusters/build.ts'
import { clustersOfBinding } from '../clusters/spec.ts'
import type { TcpTarget } from '../listeners/chain-plan.ts'
import { splitTarget } from '../listeners/tcp-plan.ts'

/** A filter chain of a gateway. */
export interface GatewayChain {
  /** Server names of TLS; empty or `*` = any. */
  readonly sni: readonly string[]
  /** Protocols of the TLS hello, one of which must be offered; empty = any. */
  readonly alpn: readonly string[]
  /** TLS that ends here. */
  readonly tls: ServerTls | undefined
  readonly target: TcpTarget | { readonly kind: 'http'; readonly routes: string; readonly statPrefix: string }
}

/** By these a sidecar says that mutual TLS of the mesh is inside. */
export const meshAlpn = ['istio', 'istio-peer-exchange', 'istio-http/1.0', 'istio-http/1.1', 'istio-h2']

/** The filter chains of a socket; none = nobody has anything to do with what comes there. */
export function gatewayChains(world: World, scope: ProxyScope, { kind, servers }: GatewayPort): GatewayChain[] {
  switch (kind) {
    case 'http':
      return servers.slice(0, 1).map(({ routes, name }) => httpChain([], undefined, routes, name))
    case 'tcp':
      return servers.flatMap((server) => tcpChain(world, scope, server) ?? [])
    case 'tls':
      return withoutRepeatedNames(servers.flatMap((server) => tlsChains(world, scope, server)))
  }
}

function httpChain(
  sni: readonly string[],
  tls: ServerTls | undefined,
  routes: string,
  statPrefix: string,
): GatewayChain {
  return { sni, alpn: [], tls, target: { kind: 'http', routes, statPrefix } }
}

function tlsChains(world: World, scope: ProxyScope, server: GatewayServerPlan): GatewayChain[] {
  if (server.tls?.mode === 'AUTO_PASSTHROUGH') return meshChains(world, scope, server)
  if (passesThrough(server)) return passingChains(world, scope, server)
  const sni = sniHostsOf(server)
  if (server.routes !== '') return [httpChain(sni, server.tls, server.routes, server.name)]
  const chain = tcpChain(world, scope, server)
  return chain ? [{ ...chain, sni, tls: server.tls }] : []
}

/** Envoy refuses two chains for the same; who comes first keeps a name. */
function withoutRepeatedNames(chains: readonly GatewayChain[]): GatewayChain[] {
  const taken = new Set<string>()
  return chains.flatMap((chain) => {
    const protocols = chain.alpn.join()
    const names = (chain.sni.length > 0 ? chain.sni : ['*']).filter((name) => !taken.has(`${name}|${protocols}`))
    for (const name of names) taken.add(`${name}|${protocols}`)
    return names.length === 0 ? [] : [{ ...chain, sni: names }]
  })
}

/** The rules bound to a server's gateway that have a host in common with it. */
function rulesFor(
  world: World,
  scope: ProxyScope,
  server: GatewayServerPlan,
  sort: 'tcp' | 'tls',
): readonly VirtualRule[] {
  return world
    .get(rulesOfGateway, { gateway: server.boundAs, namespace: scope.namespace })
    .filter(({ has, hosts, namespace }) => has[sort] && hosts.some((host) => isServed(server, host, namespace)))
    .flatMap(({ key }) => world.get(virtualRule, key) ?? [])
}

function isServed({ hosts }: GatewayServerPlan, host: string, namespace: string): boolean {
  return hosts.some((own) => (own.namespace === '' || own.namespace === namespace) && hostsOverlap(own.host, host))
}

interface PlaceMatch {
  readonly port?: number
  readonly gateways?: readonly string[]
}

/** At a gateway a match asks for a port of it, or for one of several. */
function isPlace({ port, gateways }: PlaceMatch, server: GatewayServerPlan): boolean {
  if (port && port !== server.number) return false
  return !gateways || gateways.length === 0 || gateways.includes(server.gateway)
}

/** All connections of a server, by the first route of TCP that is for it. */
function tcpChain(world: World, scope: ProxyScope, server: GatewayServerPlan): GatewayChain | undefined {
  for (const rule of rulesFor(world, scope, server, 'tcp')) {
    for (const { match = [], route = [] } of rule.tcp) {
      if (route.length === 0 || (match.length > 0 && !match.some((each) => isPlace(each, server)))) continue
      return { sni: [], alpn: [], tls: undefined, target: ruleTarget(world, scope, server, rule, route) }
    }
  }
  return undefined
}

/** TLS that goes through as it is, by server name, as rules say. */
function passingChains(world: World, scope: ProxyScope, server: GatewayServerPlan): GatewayChain[] {
  return rulesFor(world, scope, server, 'tls').flatMap((rule) =>
    rule.tls
      .filter(({ route = [] }) => route.length > 0)
      .flatMap(({ match, route = [] }) =>
        match
          .filter((each) => isPlace(each, server))
          .map(({ sniHosts }) => ({
            sni: sniHosts,
            alpn: [],
            tls: undefined,
            target: ruleTarget(world, scope, server, rule, route),
          })),
      ),
  )
}

function ruleTarget(
  world: World,
  scope: ProxyScope,
  server: GatewayServerPlan,
  { source, name, namespace }: VirtualRule,
  routes: Parameters<typeof splitTarget>[2],
): TcpTarget {
  const view = world.get(viewOf, scope.view)
  return {
    ...splitTarget(view, server.number, routes, `${name}.${namespace}`),
    config: configPath({ apiVersion: source.group, kind: source.kind, namespace, name }),
  }
}

/**
 * The way into the mesh from another network: for each port of each service (and subset) the server name that clients'
 * sidecars ask for. Only what says that it is the mesh's mutual TLS passes, so that nobody gets in without.
 */
function meshChains(world: World, scope: ProxyScope, { hosts }: GatewayServerPlan): GatewayChain[] {
  const served = new Set(hosts.map(({ host }) => host))
  const bindings = world
    .get(viewOf, scope.view)
    .services.filter(({ service }) => [...served].some((host) => hostCovers(host, service.host.toLowerCase())))
  return bindings.flatMap((binding) =>
    world.get(clustersOfBinding, { binding, mode: 'sni-dnat' }).map(({ name, subset }): GatewayChain => {
      const rule = ruleOf(world, binding.rule) ? binding.rule : ''
      const clusters = [{ name, weight: 1 }]
      const target: TcpTarget = {
        kind: 'tcp',
        statPrefix: name,
        clusters,
        rule,
        subset,
        sticky: binding.service.sticky,
        config: undefined,
        dynamic: undefined,
      }
      return { sni: [name], alpn: meshAlpn, tls: undefined, target }
    }),
  )
}
