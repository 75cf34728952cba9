import {
  allServices,
  parseProtocol,
  type Query,
  type Service,
  sameItems,
  servicesOfHost,
  textQuery,
  type World,
} from '../../discovery/index.ts'
import { digestOf, sameStructure } from '../../lib/index.ts'
import { aliasesByHost } from '../aliases.ts'
import { groupKey, ruleIndex, selectRule } from '../destination-rules/index.ts'
import { HostIndex } from '../host-index.ts'
import type { EgressListener } from '../istio.ts'
import { type EgressHosts, everything, importsRule, importsService, parseEgressHosts } from '../sidecar/egress-hosts.ts'
import { sidecarOf } from '../sidecar/select.ts'
import { mayDeclare } from '../tenants.ts'
import { meshRules, type RouteShape } from '../virtual-services/index.ts'
import { serviceVisible } from '../visibility.ts'
import type { Binding, EgressView, View, ViewKey } from './model.ts'

/** Services that a namespace may see, oldest first. */
const visibleServices = textQuery(
  'mesh/visible-services',
  (world, namespace): readonly Service[] => {
    const visible = world
      .get(allServices, undefined)
      .filter((service) => serviceVisible(world, service, namespace) && mayDeclare(world, service, namespace))
    // What was given to the namespace by name comes before what is for everybody.
    const rank = ({ exportTo }: Service): number => Number(exportTo.length === 0 || exportTo.includes('*'))
    return [...visible].sort((a, b) => rank(a) - rank(b))
  },
  { equals: sameItems },
)

interface BindingKey {
  readonly host: string
  readonly namespace: string
  /** Name of the object that declares the service: a namespace may have several ServiceEntries for a host. */
  readonly declaredBy: string
  readonly rule: string
  readonly ports: readonly number[] | undefined
  readonly aliases: readonly string[]
}

/** Bindings are made once each, so that equal ones are the same object. */
const bindingOf: Query<BindingKey, Binding | undefined> = {
  name: 'mesh/binding',
  keyOf: ({ host, namespace, declaredBy, rule, ports, aliases }) =>
    [host, namespace, declaredBy, rule, ports?.join() ?? '', aliases.join()].join('|'),
  compute: (world, key) => {
    const service = world
      .get(servicesOfHost, key.host)
      .find((each) => each.namespace === key.namespace && declarerOf(each) === key.declaredBy)
    if (!service) return undefined
    // The text says all that is in the binding, so that whatever is kept under it is right.
    const text = `${bindingOf.keyOf(key)}|${digestOf(service)}`
    return { key: text, service, rule: key.rule, ports: key.ports, aliases: key.aliases }
  },
  equals: (a, b) => a === b || (a?.service === b?.service && a?.key === b?.key),
}

function declarerOf({ origin }: Service): string {
  return origin[0]?.name ?? ''
}

/** What a proxy sees of the mesh. Shared by all proxies of equal key. */
export const viewOf: Query<ViewKey, View> = {
  name: 'mesh/view',
  keyOf: ({ type, namespace, sidecar, ruleLabels, eastWest }) =>
    [type, namespace, sidecar, JSON.stringify(ruleLabels), eastWest].join('|'),
  compute: computeView,
  equals: (a, b) => sameItems(a.services, b.services) && sameStructure(a.egress.map(plain), b.egress.map(plain)),
}

/** What a host means in a view. For those who ask for a few hosts: they need not look again whenever a view changes. */
export const bindingInView: Query<{ readonly view: ViewKey; readonly host: string }, Binding | undefined> = {
  name: 'mesh/binding-in-view',
  keyOf: ({ view, host }) => `${host}|${viewOf.keyOf(view)}`,
  compute: (world, { view, host }) => world.get(viewOf, view).byHost.get(host),
}

/** Bindings stand for themselves by key and service; the rest is compared as it is. */
function plain({ listener, services, rules, ruleOfService }: EgressView): unknown {
  return [listener, services.map(({ key }) => key), rules.map(({ key, hosts }) => [key, hosts]), ruleOfService]
}

function computeView(world: World, key: ViewKey): View {
  const bind = binder(world, key)
  if (key.type === 'gateway') {
    const services = oneOfEachHost(world.get(visibleServices, key.namespace), undefined).flatMap(
      (service) => bind(service) ?? [],
    )
    return { services, byHost: byHost(services), egress: [] }
  }
  const listeners = sidecarOf(world, key.sidecar)?.egress ?? []
  const egress = (listeners.length > 0 ? listeners : [undefined]).map((listener) =>
    egressView(world, key, listener, bind),
  )
  const services = importedServices(world, key, egress, bind)
  return { services, byHost: byHost(services), egress }
}

function byHost(bindings: readonly Binding[]): ReadonlyMap<string, Binding> {
  return new Map(bindings.map((binding) => [binding.service.host, binding]))
}

type Bind = (service: Service, ports?: readonly number[], aliases?: readonly string[]) => Binding | undefined

function binder(world: World, { namespace, ruleLabels }: ViewKey): Bind {
  const index = world.get(ruleIndex, undefined)
  const aliases = world.get(aliasesByHost, undefined)
  const client = { namespace, labels: ruleLabels }
  return (service, ports, ownAliases) => {
    const rule = groupKey(selectRule(index, client, service))
    const { host } = service
    return world.get(bindingOf, {
      host,
      namespace: service.namespace,
      declaredBy: declarerOf(service),
      rule,
      ports,
      aliases: ownAliases ?? aliases.get(host) ?? [],
    })
  }
}

/**
 * Of several services with one host the one in the client's namespace counts (gateways prefer none), else a Kubernetes
 * Service, else the first.
 */
function oneOfEachHost(services: readonly Service[], namespace: string | undefined): Service[] {
  const chosen = new Map<string, Service>()
  for (const service of services) {
    const known = chosen.get(service.host)
    const better =
      known === undefined ||
      (service.namespace === namespace && known.namespace !== namespace) ||
      (known.registry !== 'kubernetes' && service.registry === 'kubernetes' && known.namespace !== namespace)
    if (better) chosen.set(service.host, service)
  }
  return services.filter((service) => chosen.get(service.host) === service)
}

function egressView(world: World, key: ViewKey, listener: EgressListener | undefined, bind: Bind): EgressView {
  const hosts = listener ? parseEgressHosts(listener.hosts ?? [], key.namespace) : everything
  const visible = world.get(visibleServices, key.namespace)
  const imported = listener ? visible.filter(({ namespace, host }) => importsService(hosts, namespace, host)) : visible
  const port = matchedPort(listener)
  const wanted = port === undefined ? undefined : [port]
  const listened = imported.filter((service) => portsSeen(service, wanted) !== 'none')
  const services = oneOfEachHost(listened, key.namespace).flatMap((service) => {
    const ports = portsSeen(service, wanted)
    return ports === 'none' ? [] : (bind(service, ports, listener && importedAliases(world, service, hosts)) ?? [])
  })
  const rules = world.get(meshRules, key.namespace)
  const own = listener
    ? rules.filter((rule) => importsRule(hosts, { ...rule, gatewayApi: rule.semantics === 'gateway-api' }))
    : rules
  const ordered = consumersFirst(own, key.namespace)
  return { listener, services, rules: ordered, ruleOfService: ruleOfService(ordered, services) }
}

/** Of the Gateway API's routes those of the client's own namespace come first, within each audience. */
function consumersFirst(rules: readonly RouteShape[], namespace: string): readonly RouteShape[] {
  if (!rules.some(({ semantics }) => semantics === 'gateway-api')) return rules
  const audience = (rule: RouteShape): number => (rule.audience === 'all' ? 1 : 0)
  const own = (rule: RouteShape): number => (rule.semantics === 'gateway-api' && rule.namespace === namespace ? 0 : 1)
  return [...rules].sort((a, b) => audience(a) - audience(b) || own(a) - own(b))
}

/** The port that services must have to be seen through a listener; undefined = any. */
function matchedPort(listener: EgressListener | undefined): number | undefined {
  const number = listener?.port?.number
  return number && parseProtocol(listener.port?.protocol ?? '') !== 'HTTP_PROXY' ? number : undefined
}

function portsSeen(service: Service, wanted: readonly number[] | undefined): readonly number[] | undefined | 'none' {
  if (wanted === undefined) return undefined
  const seen = service.ports.filter(({ number }) => wanted.includes(number)).map(({ number }) => number)
  if (seen.length === 0) return 'none'
  return seen.length === service.ports.length ? undefined : seen
}

function importedAliases(world: World, service: Service, hosts: EgressHosts): readonly string[] {
  const aliases = world.get(aliasesByHost, undefined).get(service.host) ?? []
  return aliases.filter((alias) => importsService({ byNamespace: hosts.byNamespace }, service.namespace, alias))
}

/** The rule whose host fits each service best; of rules with one host the first. */
function ruleOfService(rules: readonly RouteShape[], services: readonly Binding[]): ReadonlyMap<string, string> {
  const index = new HostIndex<string>()
  for (const { hosts, key } of rules) for (const host of hosts) if (index.get(host) === undefined) index.set(host, key)
  const found = new Map<string, string>()
  for (const { service } of services) {
    const key = index.mostSpecific(service.host.toLowerCase())
    if (key !== undefined) found.set(service.host, key)
  }
  return found
}

/**
 * All services of a proxy: those of its listeners, and those that imported rules lead to, which need not be imported
 * themselves. What was asked for by name is not overridden by what a rule leads to.
 */
function importedServices(world: World, key: ViewKey, egress: readonly EgressView[], bind: Bind): Binding[] {
  const found = new Map<string, Binding>()
  for (const { services, rules, listener } of egress) {
    for (const binding of services) addBinding(found, binding, bind)
    const known = new Set<string>()
    for (const { host, port, sourceNamespace } of rules.flatMap(({ destinations }) => destinations)) {
      if (sourceNamespace !== '' && sourceNamespace !== key.namespace) continue
      if (known.has(`${host}|${port}`)) continue
      known.add(`${host}|${port}`)
      const service = destinationService(world, key.namespace, host)
      if (!service) continue
      const listened = matchedPort(listener)
      const ports = portsSeen(service, listened === undefined ? (port === 0 ? undefined : [port]) : [listened])
      const binding = ports === 'none' ? undefined : bind(service, ports)
      if (binding) addBinding(found, binding, bind)
    }
  }
  return [...found.values()]
}

function destinationService(world: World, namespace: string, host: string): Service | undefined {
  const declared = world.get(servicesOfHost, host).filter((service) => mayDeclare(world, service, namespace))
  const own = declared.find((service) => service.namespace === namespace)
  return own ?? declared.find((service) => serviceVisible(world, service, namespace))
}

/** Adds a service, or what it has more of than the one of its host that is there. */
function addBinding(found: Map<string, Binding>, binding: Binding, bind: Bind): void {
  const { host } = binding.service
  const known = found.get(host)
  if (!known) {
    found.set(host, binding)
    return
  }
  if (known.key === binding.key || known.service !== binding.service) return
  if (known.ports === undefined) return
  const all = binding.ports === undefined ? undefined : [...new Set([...known.ports, ...binding.ports])]
  const ports = portsSeen(known.service, all)
  const merged = ports === 'none' ? undefined : bind(known.service, ports, known.aliases)
  if (merged) found.set(host, merged)
}
