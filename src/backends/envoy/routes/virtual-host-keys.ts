import { isHttpOrAuto, parseProtocol, type Query, type ServicePort, sameItems } from '../../../discovery/index.ts'
import {
  addressesFor,
  anyAdmits,
  type Binding,
  type EgressView,
  type GuardedClient,
  meshGateway,
  type ProxyScope,
  type RouteShape,
  type View,
  viewOf,
} from '../../../mesh/index.ts'
import { portsOf } from '../clusters/spec.ts'
import { hostPort } from '../names.ts'
import { type DomainNames, serviceDomains } from './domains.ts'

/** Names a virtual host as some proxies get it: all that its content depends on, but the content of its rules. */
export interface VirtualHostKey {
  readonly kind: 'sidecar'
  readonly name: string
  readonly domains: readonly string[]
  /** Key of the routing rule; '' = none, all goes to the service. */
  readonly rule: string
  readonly binding: Binding | undefined
  readonly port: number
  readonly client: Pick<GuardedClient, 'labels' | 'namespace'>
  /** Services that the rule leads to, by host. */
  readonly destinations: ReadonlyMap<string, Binding>
  /** Whether it also takes tunnels (explicit proxy): `http` opens them here, `tcp` connects them through. */
  readonly tunnel: 'none' | 'http' | 'tcp'
}

/** What of a scope decides over the virtual hosts of a route configuration. */
export type RouteScope = Pick<
  ProxyScope,
  'namespace' | 'cluster' | 'labels' | 'view' | 'autoAddresses' | 'ipFamilies' | 'dataPath'
>

export function routeScopeKey(scope: RouteScope): string {
  const { namespace, cluster, labels, view, autoAddresses, ipFamilies, dataPath } = scope
  return JSON.stringify([namespace, cluster, labels, viewOf.keyOf(view), autoAddresses, ipFamilies, dataPath])
}

/** A listing in the making: names and domains are given to whom comes first. */
interface Draft {
  readonly name: string
  readonly names: DomainNames
  readonly rule: RouteShape | undefined
  readonly binding: Binding | undefined
  readonly port: number
}

/** Virtual hosts of the route configuration of a port (capture), in the order of their names. */
export const portVirtualHosts: Query<{ scope: RouteScope; port: number; bind: string }, readonly VirtualHostKey[]> = {
  name: 'envoy/port-virtual-hosts',
  keyOf: ({ scope, port, bind }) => `${port}|${bind}|${routeScopeKey(scope)}`,
  compute: (world, { scope, port, bind }) => {
    const view = world.get(viewOf, scope.view)
    const egress = egressOfPort(view, port, bind)
    if (!egress) return []
    const anyPort = port === 0 || parseProtocol(egress.listener?.port?.protocol ?? '') === 'HTTP_PROXY'
    const drafts = draftsOf(egress, scope, anyPort ? undefined : port)
    const keys = finishDrafts(view, scope, drafts, 'none')
    return anyPort ? keys.map(withoutUsualPort) : keys
  },
  equals: sameKeys,
}

/** Clients leave out port 80, so names on it stand with and without. */
export function withoutUsualPort(key: VirtualHostKey): VirtualHostKey {
  if (key.port !== 80) return key
  return { ...key, domains: key.domains.flatMap((domain) => [domain, domain.replace(/:80$/, '')]) }
}

export function virtualHostKeyText(key: VirtualHostKey): string {
  const { name, domains, rule, binding, port, client, destinations, tunnel } = key
  const bindings = [...destinations.values()].map((each) => each.key)
  return JSON.stringify([name, domains, rule, binding?.key, port, client, bindings, tunnel])
}

export function sameKeys(a: readonly VirtualHostKey[], b: readonly VirtualHostKey[]): boolean {
  return a.length === b.length && a.every((key, at) => sameKey(key, b[at]))
}

function sameKey(a: VirtualHostKey, b: VirtualHostKey | undefined): boolean {
  if (a === b) return true
  return b !== undefined && a.binding === b.binding && virtualHostKeyText(a) === virtualHostKeyText(b)
}

/**
 * The egress listener that routes of a port belong to: one for that port, or socket (port 0, by path), else the one for
 * all. Listeners on sockets are for no port.
 */
export function egressOfPort({ egress }: View, port: number, bind: string): EgressView | undefined {
  return egress.find(({ listener }) => {
    if (!listener?.port) return true
    return (listener.port.number ?? 0) === port && (port !== 0 || (listener.bind ?? '') === bind)
  })
}

/** Services of a listener that have a port for HTTP, with that port; `undefined` = on all ports. */
function servicesOnPort(
  { services }: EgressView,
  port: number | undefined,
): { binding: Binding; ports: readonly ServicePort[] }[] {
  return services.flatMap((binding) => {
    const own = portsOf(binding)
    if (port === undefined) return [{ binding, ports: own }]
    const found = own.find(({ number }) => number === port)
    return found ? [{ binding, ports: [found] }] : []
  })
}

/**
 * Drafts in the order in which they may take names: hosts of rules, oldest rule first, then services without rule.
 * Hosts that no service has are served on port 80 only, or together with a service of their rule.
 */
export function draftsOf(egress: EgressView, scope: RouteScope, port: number | undefined): Draft[] {
  const onPort = servicesOnPort(egress, port)
  const byHost = new Map(onPort.map((each) => [each.binding.service.host.toLowerCase(), each]))
  const namesOf = (binding: Binding, own: number): DomainNames =>
    serviceDomains(binding.service, {
      aliases: binding.aliases,
      namespace: scope.namespace,
      anyPod: scope.dataPath === 'loopback',
      addresses: addressesFor(binding.service, scope).filter((address) => !address.includes('/')),
      ...(port === undefined && { port: own }),
    })
  const drafts: Draft[] = []
  const ruled = new Set<Binding>()
  for (const rule of egress.rules.filter(({ has }) => has.http)) {
    const found = servicesOfRule(rule, egress, byHost, onPort)
    const semantic =
      rule.semantics !== 'gateway-api' || found.services.some((each) => ownsRoute(rule, each.binding, scope))
    if (!semantic) continue
    const ports = new Set(
      found.services.flatMap((each) =>
        each.ports.filter(({ protocol }) => isHttpOrAuto(protocol)).map(({ number }) => number),
      ),
    )
    if (ports.size === 0 && (port === 80 || port === undefined)) ports.add(80)
    for (const own of ports) {
      const client = { labels: scope.labels, namespace: scope.namespace, port: own, gateways: sidecars }
      if (!anyAdmits(rule.guards, client)) continue
      for (const host of found.hosts) {
        const domain = port === undefined ? hostPort(host, own) : host
        drafts.push({
          name: hostPort(host, own),
          names: { domains: [domain], lower: [domain.toLowerCase()], expanded: none },
          rule,
          binding: undefined,
          port: own,
        })
      }
      for (const { binding, ports: has } of found.services) {
        const routed = has.some(({ number, protocol }) => number === own && isHttpOrAuto(protocol))
        if (!routed || !ownsRoute(rule, binding, scope)) continue
        ruled.add(binding)
        drafts.push({
          name: hostPort(binding.service.host, own),
          names: namesOf(binding, own),
          rule,
          binding,
          port: own,
        })
      }
    }
  }
  for (const { binding, ports } of onPort) {
    if (ruled.has(binding) || binding.service.resolution === 'alias') continue
    for (const { number, protocol } of ports)
      if (isHttpOrAuto(protocol))
        drafts.push({
          name: hostPort(binding.service.host, number),
          names: namesOf(binding, number),
          rule: undefined,
          binding,
          port: number,
        })
  }
  return drafts
}

const sidecars: ReadonlySet<string> = new Set([meshGateway])
const none: ReadonlySet<string> = new Set()

/** Routes of the Gateway API count for clients of their own namespace, or if they are of the service's. */
function ownsRoute(rule: RouteShape, { service }: Binding, scope: RouteScope): boolean {
  return rule.semantics !== 'gateway-api' || rule.namespace === service.namespace || rule.namespace === scope.namespace
}

type OnPort = ReturnType<typeof servicesOnPort>[number]

/** Which services, and which other hosts, a rule is for. A wildcard is for services that no other rule fits better. */
function servicesOfRule(
  rule: RouteShape,
  { ruleOfService }: EgressView,
  byHost: ReadonlyMap<string, OnPort>,
  onPort: readonly OnPort[],
): { hosts: string[]; services: OnPort[] } {
  const hosts: string[] = []
  const services: OnPort[] = []
  for (const host of rule.hosts) {
    const exact = host.startsWith('*') ? undefined : byHost.get(host)
    if (exact) services.push(exact)
    else if (!host.startsWith('*') || rule.semantics === 'gateway-api') hosts.push(host)
  }
  for (const host of rule.semantics === 'gateway-api' ? [] : rule.hosts.filter((each) => each.startsWith('*'))) {
    const covered = onPort.filter(({ binding }) => wildcardsMeet(binding.service.host.toLowerCase(), host))
    if (covered.length === 0) hosts.push(host)
    services.push(...covered.filter(({ binding }) => ruleOfService.get(binding.service.host) === rule.key))
  }
  return { hosts, services: [...new Set(services)] }
}

function wildcardsMeet(service: string, wildcard: string): boolean {
  const suffix = wildcard.slice(1)
  if (!service.startsWith('*')) return service.endsWith(suffix)
  return service.slice(1).endsWith(suffix) || suffix.endsWith(service.slice(1))
}

/** Gives names and domains to those that come first, and looks up where rules lead. */
export function finishDrafts(
  view: View,
  scope: RouteScope,
  drafts: readonly Draft[],
  tunnel: VirtualHostKey['tunnel'],
): VirtualHostKey[] {
  const known = new Set(drafts.flatMap(({ binding, name }) => (binding ? [name, binding.service.host] : [])))
  const names = new Set<string>()
  const taken = new Set<string>()
  const finished = drafts.flatMap((draft): VirtualHostKey[] => {
    if (names.has(draft.name)) return []
    names.add(draft.name)
    const { domains: all, lower, expanded } = draft.names
    const free = all.filter((domain, at) => {
      const text = lower[at] ?? domain
      if (taken.has(text) || (known.has(domain) && expanded.has(domain))) return false
      taken.add(text)
      return true
    })
    if (free.length === 0) return []
    return [keyOfDraft(draft, free.length === all.length ? all : free, view, scope, tunnel)]
  })

  return finished.sort((a, b) => (a.name < b.name ? -1 : 1))
}

function keyOfDraft(
  { name, rule, binding, port }: Draft,
  domains: readonly string[],
  view: View,
  scope: RouteScope,
  tunnel: VirtualHostKey['tunnel'],
): VirtualHostKey {
  const destinations = rule ? destinationsOf(rule, view) : noDestinations
  const byNamespace = rule?.guards.some(({ sourceNamespace }) => sourceNamespace !== '') ?? false
  const byLabels = rule !== undefined && rule.sourceLabels.length > 0
  return sharedKey({
    kind: 'sidecar',
    name,
    domains,
    rule: rule?.key ?? '',
    binding,
    port,
    client: { labels: byLabels ? scope.labels : noLabels, namespace: byNamespace ? scope.namespace : '' },
    destinations,
    tunnel,
  })
}

const noLabels = {}
const noDestinations: ReadonlyMap<string, Binding> = new Map()

function destinationsOf(rule: RouteShape, view: View): ReadonlyMap<string, Binding> {
  const hosts = new Set(rule.destinations.map(({ host }) => host))
  return new Map(
    [...hosts].flatMap((host) => {
      const found = view.byHost.get(host)
      return found ? [[host, found] as const] : []
    }),
  )
}

/** Keys made lately, by service. Scopes differ in a few services only: of the others they have the same keys. */
const lately = new WeakMap<Binding, VirtualHostKey[]>()
const keptKeys = 16

/** The one object for equal keys, so that thousands of hosts in hundreds of scopes are kept once. */
function sharedKey(key: VirtualHostKey): VirtualHostKey {
  const { binding } = key
  if (!binding) return key
  const known = lately.get(binding) ?? []
  lately.set(binding, known)
  const same = known.find((each) => isEqual(each, key))
  if (same) return same
  if (known.length >= keptKeys) known.shift()
  known.push(key)
  return key
}

function isEqual(a: VirtualHostKey, b: VirtualHostKey): boolean {
  return (
    a.port === b.port &&
    a.name === b.name &&
    a.rule === b.rule &&
    a.tunnel === b.tunnel &&
    a.binding === b.binding &&
    a.client.labels === b.client.labels &&
    a.client.namespace === b.client.namespace &&
    sameItems(a.domains, b.domains) &&
    // In the same order too: the text of a key names them so.
    (a.destinations === b.destinations || sameItems([...a.destinations.values()], [...b.destinations.values()]))
  )
}
