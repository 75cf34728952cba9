import { isTls, isWildcard, type World } from '../../../discovery/index.ts'
import {
  addressesFor,
  admits,
  type EgressView,
  type GuardedClient,
  meshGateway,
  type RouteDestination,
  type View,
  type VirtualRule,
  viewOf,
  virtualRule,
} from '../../../mesh/index.ts'
import { configPath } from '../clusters/build.ts'
import { outboundClusterName } from '../names.ts'
import type { ChainPlan, TcpTarget } from './chain-plan.ts'
import type { ListenerScope, Wanted } from './plan.ts'
import { tlsServerNames } from './server-names.ts'

const sidecars: ReadonlySet<string> = new Set([meshGateway])

/** The chains of a service's port that is not routed as HTTP: those of its routing rules, else all to the service. */
export function tcpChains(
  world: World,
  scope: ListenerScope,
  egress: EgressView,
  wanted: Wanted,
  wildcard: string,
): ChainPlan[] {
  const rules = rulesOfService(world, egress, wanted.binding.service.host)
  const client: GuardedClient = {
    labels: scope.labels,
    namespace: scope.namespace,
    port: wanted.port.number,
    gateways: sidecars,
  }
  const view = world.get(viewOf, scope.view)
  return isTls(wanted.port.protocol)
    ? tlsChains(scope, view, wanted, wildcard, rules, client)
    : plainChains(view, wanted, rules, client)
}

function rulesOfService(world: World, { rules }: EgressView, host: string): VirtualRule[] {
  const own = rules.filter(({ hosts, has }) => (has.tls || has.tcp) && hosts.some((each) => meets(each, host)))
  return own.flatMap(({ key }) => world.get(virtualRule, key) ?? [])
}

function meets(ruleHost: string, host: string): boolean {
  if (!isWildcard(ruleHost)) return isWildcard(host) ? ruleHost.endsWith(host.slice(1)) : ruleHost === host
  return isWildcard(host)
    ? ruleHost.slice(1).endsWith(host.slice(1)) || host.slice(1).endsWith(ruleHost.slice(1))
    : host.endsWith(ruleHost.slice(1))
}

/** By server name. Of matches that can meet the same connection only the first counts. */
function tlsChains(
  scope: ListenerScope,
  view: View,
  wanted: Wanted,
  wildcard: string,
  rules: readonly VirtualRule[],
  client: GuardedClient,
): ChainPlan[] {
  const chains = new Map<string, ChainPlan>()
  for (const rule of rules) {
    for (const { match = [], route = [] } of rule.tls.filter((each) => (each.route ?? []).length > 0)) {
      for (const each of match.filter((one) => admits(one, client))) {
        const { sniHosts, destinationSubnets = [] } = each
        const ranges = destinationSubnets.length > 0 && wanted.port.number > 0 ? destinationSubnets : wanted.ranges
        const key = `${sniHosts.join()}|${destinationSubnets.join()}`
        if (!chains.has(key))
          chains.set(key, { sni: sniHosts, ranges, http: false, target: ruleTarget(view, wanted, rule, route) })
      }
    }
  }
  if (chains.size > 0) return [...chains.values()]
  const bySni = !wanted.pods && needsServerName(scope, wanted, wildcard)
  const sni = bySni ? tlsServerNames(wanted.binding, scope.namespace) : []
  return [{ sni, ranges: wanted.ranges, http: false, target: serviceTarget(wanted) }]
}

/** Where the address does not tell the service, its name in the TLS hello does. */
function needsServerName(scope: ListenerScope, { binding, ranges, binds }: Wanted, wildcard: string): boolean {
  const { service } = binding
  if (ranges.length > 0) return true
  if (isWildcard(service.host) && service.resolution === 'dynamic-dns') return true
  return addressesFor(service, scope).length === 0 && binds[0] === wildcard
}

/** By destination address. The first route without one takes everything that is left. */
function plainChains(view: View, wanted: Wanted, rules: readonly VirtualRule[], client: GuardedClient): ChainPlan[] {
  const chains: ChainPlan[] = []
  for (const rule of rules) {
    for (const { match, route = [] } of rule.tcp.filter((each) => (each.route ?? []).length > 0)) {
      const target = ruleTarget(view, wanted, rule, route)
      const admitted = (match ?? []).filter((each) => admits(each, client))
      const open =
        !match ||
        match.length === 0 ||
        admitted.some(({ destinationSubnets = [] }) => destinationSubnets.length === 0 || wanted.port.number === 0)
      if (open) return [...chains, { sni: [], ranges: wanted.ranges, http: false, target }]
      const ranges = admitted.flatMap(({ destinationSubnets = [] }) => destinationSubnets)
      if (ranges.length > 0) chains.push({ sni: [], ranges, http: false, target: { ...target, config: undefined } })
    }
  }
  const own: ChainPlan = { sni: [], ranges: wanted.ranges, http: false, target: serviceTarget(wanted) }
  const covered = chains.some(
    ({ ranges }) => ranges.length > 0 && [...ranges].sort().join() === [...wanted.ranges].sort().join(),
  )
  return covered ? chains : [...chains, own]
}

/** A Sidecar's port that the service does not have means its only one. */
function serviceTarget({ binding, port }: Wanted): TcpTarget {
  const { service, rule } = binding
  const number = service.ports.length === 1 ? (service.ports[0]?.number ?? port.number) : port.number
  const name = outboundClusterName(number, '', service.host)
  const dynamic =
    service.resolution === 'dynamic-dns' && isWildcard(service.host)
      ? { host: service.host, port: port.number }
      : undefined
  return {
    kind: 'tcp',
    statPrefix: name,
    clusters: [{ name, weight: 1 }],
    rule,
    subset: '',
    sticky: service.sticky,
    config: undefined,
    dynamic,
  }
}

function ruleTarget(view: View, { port }: Wanted, rule: VirtualRule, routes: readonly RouteDestination[]): TcpTarget {
  const { source, name, namespace } = rule
  return {
    ...splitTarget(view, port.number, routes, `${name}.${namespace}`),
    config: configPath({ apiVersion: source.group, kind: source.kind, namespace, name }),
  }
}

/** Where routes of TCP or TLS lead; shared with gateways. */
export function splitTarget(
  view: Pick<View, 'byHost'>,
  port: number,
  routes: readonly RouteDestination[],
  splitName: string,
): TcpTarget {
  const named = routes.map(({ destination, weight = 0 }) => {
    const { service } = view.byHost.get(destination.host) ?? {}
    const only = service?.ports.length === 1 ? service.ports[0]?.number : undefined
    const host = service?.externalName ?? destination.host
    return {
      name: outboundClusterName(destination.port?.number ?? only ?? port, destination.subset ?? '', host),
      weight,
    }
  })
  const [first] = routes
  const binding = view.byHost.get(first?.destination.host ?? '')
  const rule = binding?.rule ?? ''
  const single = named.length === 1
  const weighted = single ? named : named.filter(({ weight }) => weight > 0)
  return {
    kind: 'tcp',
    statPrefix: single ? (named[0]?.name ?? '') : splitName,
    clusters: weighted.map((each) => ({ ...each, weight: single ? 1 : each.weight })),
    rule,
    subset: single ? (first?.destination.subset ?? '') : '',
    sticky: binding?.service.sticky ?? false,
    config: undefined,
    dynamic: undefined,
  }
}
