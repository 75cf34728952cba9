import {
  type Endpoint,
  endpointsOfService,
  isHttp,
  isIpAddress,
  isTcp,
  type Protocol,
  parseProtocol,
  type Query,
  type Service,
  type ServicePort,
  type World,
} from '../../../discovery/index.ts'
import { sameStructure } from '../../../lib/index.ts'
import { addressesFor, type Binding, type EgressView, mayListen, type ProxyScope, viewOf } from '../../../mesh/index.ts'
import { portsOf } from '../clusters/spec.ts'
import { hostPort, proxyPorts } from '../names.ts'
import { type RouteScope, routeScopeKey } from '../routes/virtual-host-keys.ts'
import { type ChainPlan, isMatchAll, mergeChains } from './chain-plan.ts'
import { tcpChains } from './tcp-plan.ts'

/** A listener for outbound connections that were meant for an address and port. */
export interface ListenerPlan {
  readonly name: string
  readonly binds: readonly string[]
  readonly port: number
  /** A socket of its own, instead of connections handed over by the one that captures all. */
  readonly bindToPort: boolean
  readonly chains: readonly ChainPlan[]
}

/** A plan in the making. */
interface Entry extends ListenerPlan {
  /** Of what comes: declared HTTP, some TCP, or looked at. */
  readonly protocol: Protocol
  /** Made by a Sidecar's listener with this port: nothing may be added. */
  locked: boolean
}

/**
 * The outbound listeners of a sidecar whose traffic is captured, in the order of their names. HTTP services of a port share a
 * listener; others have one at each virtual address. Where both meet, the first bytes are looked at.
 */
export const listenerPlans: Query<ListenerScope, readonly ListenerPlan[]> = {
  name: 'envoy/listener-plans',
  keyOf: (scope) => `${scope.interception}|${JSON.stringify(scope.closedPorts)}|${routeScopeKey(scope)}`,
  compute: (world, scope) => {
    const entries = new Map<string, Entry>()
    for (const egress of world.get(viewOf, scope.view).egress) {
      const port = egress.listener?.port
      if (port?.number || (port && egress.listener?.bind)) addDeclared(world, scope, entries, egress)
      else {
        for (const entry of entries.values()) entry.locked = true
        addServices(world, scope, entries, egress)
      }
    }
    return [...entries.values()]
      .map(({ protocol: _p, locked: _l, ...plan }) => plan)
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  },
  equals: sameStructure,
}

export type ListenerScope = RouteScope & Pick<ProxyScope, 'interception' | 'closedPorts'>

/** A service's port, and where its listener is to be. */
interface Wanted {
  readonly binding: Binding
  readonly port: ServicePort
  readonly binds: readonly string[]
  readonly bindToPort: boolean
  /** Ranges of addresses that the service has in place of single ones. */
  readonly ranges: readonly string[]
  /** The ranges are single pods of a headless service. */
  readonly pods: boolean
}

/** All addresses of the families that a proxy has; the first names listeners. */
export function wildcardAddresses({ ipFamilies }: Pick<ProxyScope, 'ipFamilies'>): [string, ...string[]] {
  if (ipFamilies === 'both') return ['0.0.0.0', '::']
  return [ipFamilies === 'v6' ? '::' : '0.0.0.0']
}

function ownSocket({ listener }: EgressView, scope: ListenerScope): boolean {
  return (
    scope.interception === 'NONE' || listener?.captureMode === 'NONE' || (listener?.bind ?? '').startsWith('unix://')
  )
}

function bindsOf(egress: EgressView, scope: ListenerScope): string[] {
  if (egress.listener?.bind) return [egress.listener.bind]
  if (!ownSocket(egress, scope)) return []
  return [scope.ipFamilies === 'v6' ? '::1' : '127.0.0.1']
}

/** An egress listener with a port of its own: all its services answer there. */
function addDeclared(world: World, scope: ListenerScope, entries: Map<string, Entry>, egress: EgressView): void {
  const declared = egress.listener?.port
  const port: ServicePort = {
    number: declared?.number ?? 0,
    name: declared?.name ?? '',
    protocol: parseProtocol(declared?.protocol ?? ''),
  }
  const [binds, bindToPort] = [bindsOf(egress, scope), ownSocket(egress, scope)]
  for (const binding of egress.services)
    addListener(world, scope, entries, egress, { binding, port, binds, bindToPort, ranges: [], pods: false })
}

/** A listener for each port of each service. */
function addServices(world: World, scope: ListenerScope, entries: Map<string, Entry>, egress: EgressView): void {
  const [binds, bindToPort] = [bindsOf(egress, scope), ownSocket(egress, scope)]
  for (const binding of egress.services) {
    for (const port of portsOf(binding)) {
      const wanted: Wanted = { binding, port, binds, bindToPort, ranges: [], pods: false }
      const pods = binds.length === 0 ? headlessPods(world, scope, binding.service, port) : undefined
      if (pods === undefined) addListener(world, scope, entries, egress, wanted)
      // Ranges take precedence over what the bytes tell, so ports that are looked at need a listener for each pod.
      for (const { address } of pods ?? [])
        addListener(
          world,
          scope,
          entries,
          egress,
          isTcp(port.protocol)
            ? { ...wanted, binds: wildcardAddresses(scope), ranges: [address], pods: true }
            : { ...wanted, binds: [address] },
        )
    }
  }
}

/**
 * Endpoints of a headless service whose port is not declared as HTTP: programs dial them by address. Undefined if the port has
 * one listener like others: HTTP finds its service by host, and a plain range of outside addresses by nothing at all.
 */
function headlessPods(world: World, scope: ListenerScope, service: Service, port: ServicePort): Endpoint[] | undefined {
  if (service.resolution !== 'passthrough' || addressesFor(service, scope).length > 0) return undefined
  if (!isTcp(port.protocol) && port.protocol !== 'auto') return undefined
  const endpoints = world
    .get(endpointsOfService, { namespace: service.namespace, host: service.host })
    .filter(({ portName }) => portName === port.name)
  if (service.registry !== 'kubernetes' && endpoints.length === 0 && service.selector === undefined) return undefined
  return endpoints.filter(({ address }) => isIpAddress(address))
}

/** Adds a service's port to the listener that is for it, or makes one. */
function addListener(
  world: World,
  scope: ListenerScope,
  entries: Map<string, Entry>,
  egress: EgressView,
  wanted: Wanted,
): void {
  const { binding, port } = wanted
  if (binding.service.resolution === 'alias' || port.protocol === 'UDP') return
  const wildcards = wildcardAddresses(scope)
  const [wildcard] = wildcards
  const http = isHttp(port.protocol)
  const placed = http
    ? { ...wanted, binds: wanted.binds.length > 0 ? wanted.binds : wildcards }
    : placeAtAddress(scope, wanted)
  const shared = placed.binds[0] === wildcard
  if (!hasPlace(scope, placed, shared)) return
  const key = `${placed.binds[0]}|${port.number}`
  const known = entries.get(key)
  if (known?.locked) return
  const chains = (): ChainPlan[] => tcpChains(world, scope, egress, placed, wildcard)
  const route = routeName(binding.service, port, placed, shared)
  const asHttp = (looked: boolean): ChainPlan => ({
    sni: [],
    ranges: [],
    http: looked,
    target: { kind: 'http', routes: route, dynamic: dynamicHost(binding.service) },
  })
  const make = (protocol: Protocol, own: readonly ChainPlan[]): void =>
    void entries.set(key, { ...entryAt(placed), protocol, chains: own, locked: false })
  const merge = (protocol: Protocol, own: readonly ChainPlan[]): void => {
    if (known && !serverSpeaksFirst(port.protocol, known.protocol))
      entries.set(key, { ...known, protocol, chains: mergeChains(known.chains, own) })
  }
  if (port.protocol === 'HTTP_PROXY') {
    if (!known) make('HTTP_PROXY', [asHttp(false)])
  } else if (http) {
    if (!known) make(shared ? 'auto' : port.protocol, [asHttp(shared)])
    else if (isTcp(known.protocol)) merge('auto', [asHttp(true)])
  } else if (isTcp(port.protocol)) {
    if (!known) make(port.protocol, chains())
    else merge(isTcp(known.protocol) ? known.protocol : 'auto', chains())
  } else if (!known || isHttp(known.protocol)) make('auto', [...chains(), asHttp(true)])
  else merge('auto', isTcp(known.protocol) ? [...chains(), asHttp(true)] : chains())
}

/** Whether the proxy can listen there: it has listeners of its own, and may not open every port. */
function hasPlace({ closedPorts }: ListenerScope, { port, bindToPort }: Wanted, everywhere: boolean): boolean {
  if ((everywhere || bindToPort) && Object.values<number>(proxyPorts).includes(port.number)) return false
  return mayListen(closedPorts, port.number, { socket: bindToPort, everywhere })
}

/** Servers of these protocols speak first, so nothing else can share their port. */
function serverSpeaksFirst(incoming: Protocol, existing: Protocol): boolean {
  return incoming !== existing && [incoming, existing].some((protocol) => protocol === 'Mongo' || protocol === 'MySQL')
}

function entryAt({ binds, port, bindToPort }: Wanted): Omit<ListenerPlan, 'chains'> {
  return { name: listenerName(binds[0] ?? '', port.number), binds, port: port.number, bindToPort }
}

export function listenerName(bind: string, port: number): string {
  return `${bind}_${port}`
}

/** Listens at the virtual address of a service; where it has ranges, or none, for all addresses. */
function placeAtAddress(scope: ListenerScope, wanted: Wanted): Wanted {
  if (wanted.binds.length > 0) return wanted
  const addresses = addressesFor(wanted.binding.service, scope)
  if (addresses.some((address) => address.includes('/')))
    return { ...wanted, binds: wildcardAddresses(scope), ranges: addresses }
  return { ...wanted, binds: addresses.length > 0 ? addresses : wildcardAddresses(scope) }
}

/** The port's shared route configuration; one of its own for a service whose protocol is looked at, at its own address. */
function routeName(service: Service, port: ServicePort, { binds }: Wanted, shared: boolean): string {
  if (port.number === 0) return binds[0] ?? ''
  return port.protocol === 'auto' && !shared ? hostPort(service.host, port.number) : String(port.number)
}

function dynamicHost(service: Service): string | undefined {
  return service.resolution === 'dynamic-dns' && service.host.startsWith('*') ? service.host : undefined
}

/** Names of the route configurations that the listeners ask for, each once. */
export function plannedRoutes(plans: readonly ListenerPlan[]): string[] {
  const names = plans.flatMap(({ chains }) =>
    chains.flatMap(({ target }) => (target.kind === 'http' ? [target.routes] : [])),
  )
  return [...new Set(names)].sort()
}

export { isMatchAll, type Wanted }
