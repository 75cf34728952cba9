// Patches of listeners and of what is in them.
import { clone } from '@bufbuild/protobuf'
import { anyPack, anyUnpack } from '@bufbuild/protobuf/wkt'
import type { TransportSocket } from '#gen/envoy/config/core/v3/base_pb.js'
import {
  type Filter,
  type FilterChain,
  FilterChainSchema,
  type ListenerFilter,
} from '#gen/envoy/config/listener/v3/listener_components_pb.js'
import { type Listener, ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js'
import {
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
  type HttpFilter,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import { listenerNames } from '../names.ts'
import { extensionTypes } from '../registry.ts'
import { mergeInto, mergePacked } from './merge.ts'
import { type ApplyTo, mergeOf, type Patch, type Patches, valueOf } from './patch.ts'
import { patchRoutes, type RoutePorts } from './routes.ts'
import { changed } from './sequence.ts'

/** What is known of a listener beside its name. */
export interface ListenerPlace {
  readonly listener: Listener
  readonly patches: Patches
  /** Patches of the routes that stand inside; undefined: those are not patched. */
  readonly routes: Patches | undefined
  /** Ports as the pod declares them → ports that connections arrive at, where they differ. */
  readonly arrivals: ReadonlyMap<number, number>
}

const virtualNames: readonly string[] = [listenerNames.inbound, listenerNames.outbound]
const managerName = 'envoy.filters.network.http_connection_manager'
const inside: readonly ApplyTo[] = ['LISTENER_FILTER', 'FILTER_CHAIN', 'NETWORK_FILTER', 'HTTP_FILTER']

/** A listener after its patches; undefined if one removes it. */
export function patchListener(given: ListenerPlace): Listener | undefined {
  const { patches, routes } = given
  if (!patches.has('LISTENER', ...inside) && !routes?.has('ROUTE_CONFIGURATION', 'VIRTUAL_HOST', 'HTTP_ROUTE'))
    return given.listener
  const listener = clone(ListenerSchema, given.listener)
  const place = { ...given, listener }
  for (const patch of patches.of('LISTENER')) {
    if (!isListener(place, patch)) continue
    const lists = mergeOf(patch)
    if (patch.operation !== 'REMOVE' && !lists) continue
    patches.applied(patch)
    if (!lists) return undefined
    for (const value of valueOf(patch)) mergeInto(ListenerSchema, listener, value, lists)
  }
  for (const patch of patches.of('LISTENER_FILTER')) if (isListener(place, patch)) patchListenerFilters(place, patch)
  patchChains(place)
  return listener
}

/** The listeners that patches add. */
export function addedListeners(patches: Patches): Listener[] {
  return patches
    .of('LISTENER')
    .filter((patch) => patch.operation === 'ADD' && patches.adds(patch))
    .flatMap((patch) => {
      patches.applied(patch)
      return valueOf(patch)
    })
}

function isListener({ listener }: ListenerPlace, { match, applyTo }: Patch): boolean {
  const { name = '', portNumber = 0 } = match.listener ?? {}
  if (name !== '' && name !== listener.name) return false
  // The listeners that captured connections come to have the port in their chains.
  if (portNumber === 0 || (applyTo !== 'LISTENER' && virtualNames.includes(listener.name))) return true
  const at = listener.address?.address
  return at?.case === 'socketAddress' && at.value.portSpecifier.value === portNumber
}

function patchListenerFilters({ listener, patches }: ListenerPlace, patch: Patch<'LISTENER_FILTER'>): void {
  const name = patch.match.listener?.listenerFilter ?? ''
  const isNamed = (filter: ListenerFilter): boolean => filter.name === name
  const lists = mergeOf(patch)
  if (lists) {
    const [value] = valueOf(patch)
    const own = name === '' ? undefined : listener.listenerFilters.find(isNamed)
    if (own && value && mergeExtension(own, value, lists)) patches.applied(patch)
    return
  }
  const { operation } = patch
  const named = name === '' ? undefined : isNamed
  const after = changed(listener.listenerFilters, { operation, named, make: () => valueOf(patch) })
  if (!after) return
  listener.listenerFilters = after
  patches.applied(patch)
}

function patchChains(place: ListenerPlace): void {
  const { listener, patches } = place
  listener.filterChains = listener.filterChains.filter((chain) => patchChain(place, chain))
  const rest = listener.defaultFilterChain
  if (rest && !patchChain(place, rest)) delete listener.defaultFilterChain
  for (const patch of patches.of('FILTER_CHAIN')) {
    if (patch.operation !== 'ADD' || !isListener(place, patch)) continue
    listener.filterChains.push(...valueOf(patch))
    patches.applied(patch)
  }
}

/** False if a patch removes the chain. */
function patchChain(place: ListenerPlace, chain: FilterChain): boolean {
  const { patches } = place
  for (const patch of patches.of('FILTER_CHAIN')) {
    if (!isListener(place, patch) || !isChain(place, chain, patch)) continue
    const lists = mergeOf(patch)
    if (patch.operation !== 'REMOVE' && !lists) continue
    patches.applied(patch)
    if (!lists) return false
    for (const value of valueOf(patch)) {
      if (mergeSocket(chain.transportSocket, value.transportSocket, lists)) delete value.transportSocket
      mergeInto(FilterChainSchema, chain, value, lists)
    }
  }
  for (const patch of patches.of('NETWORK_FILTER'))
    if (isListener(place, patch) && isChain(place, chain, patch)) patchNetworkFilters(patches, chain, patch)
  for (const filter of chain.filters) if (filter.name === managerName) patchManager(place, chain, filter)
  return true
}

function isChain({ listener, arrivals }: ListenerPlace, chain: FilterChain, { match }: Patch): boolean {
  const { portNumber = 0, filterChain } = match.listener ?? {}
  const {
    destinationPort,
    serverNames = [],
    transportProtocol,
    applicationProtocols = [],
  } = chain.filterChainMatch ?? {}
  const isPort = (port: number): boolean => destinationPort === (arrivals.get(port) ?? port)
  if (virtualNames.includes(listener.name) && portNumber > 0 && !isPort(portNumber)) return false
  if (!filterChain) return true
  const { name = '', sni = '', transportProtocol: transport = '', applicationProtocols: protocols = '' } = filterChain
  return (
    (name === '' || name === chain.name) &&
    (sni === '' || serverNames.includes(sni)) &&
    (transport === '' || transport === transportProtocol) &&
    (protocols === '' || protocols.split(',').every((each) => applicationProtocols.includes(each))) &&
    (!filterChain.destinationPort || isPort(filterChain.destinationPort))
  )
}

/** Sockets of one kind are merged, whatever else the patch says; false if there is nothing to merge into. */
export function mergeSocket(
  own: TransportSocket | undefined,
  patch: TransportSocket | undefined,
  lists: 'append' | 'replace',
): boolean {
  if (!own || !patch || own.name !== patch.name) return false
  if (own.configType.case !== 'typedConfig' || patch.configType.case !== 'typedConfig') return false
  const merged = mergePacked(own.configType.value, patch.configType.value, extensionTypes, lists)
  if (merged) own.configType = { case: 'typedConfig', value: merged }
  return merged !== undefined
}

function patchNetworkFilters(patches: Patches, chain: FilterChain, patch: Patch<'NETWORK_FILTER'>): void {
  const wanted = patch.match.listener?.filterChain?.filter
  const isNamed = ({ name }: Filter): boolean => name === wanted?.name
  const lists = mergeOf(patch)
  if (lists) {
    for (const filter of chain.filters.filter((each) => !wanted || isNamed(each)))
      for (const value of valueOf(patch)) if (mergeExtension(filter, value, lists)) patches.applied(patch)
    return
  }
  const { operation } = patch
  const after = changed(chain.filters, { operation, named: wanted && isNamed, make: () => valueOf(patch) })
  if (!after) return
  chain.filters = after
  patches.applied(patch)
}

/** Merges a filter's settings, and its name. False if they are of another type, or none of these. */
function mergeExtension<T extends Filter | ListenerFilter | HttpFilter>(
  own: T,
  patch: T,
  lists: 'append' | 'replace',
): boolean {
  if (own.configType.case !== 'typedConfig') return false
  if (patch.configType.case === 'typedConfig') {
    const merged = mergePacked(own.configType.value, patch.configType.value, extensionTypes, lists)
    if (!merged) return false
    own.configType = { case: 'typedConfig', value: merged }
  }
  if (patch.name !== '') own.name = patch.name
  return true
}

/** The filters of an HTTP connection manager, and the routes that stand in it. */
function patchManager(place: ListenerPlace, chain: FilterChain, filter: Filter): void {
  const { patches, routes } = place
  const fitting = patches
    .of('HTTP_FILTER')
    .filter((patch) => isListener(place, patch) && isChain(place, chain, patch) && isManager(patch))
  if (fitting.length === 0 && !routes) return
  if (filter.configType.case !== 'typedConfig') return
  const manager = anyUnpack(filter.configType.value, HttpConnectionManagerSchema)
  if (!manager) return
  for (const patch of fitting) patchHttpFilters(patches, manager, patch)
  if (routes && manager.routeSpecifier.case === 'routeConfig')
    manager.routeSpecifier.value = patchRoutes(routes, manager.routeSpecifier.value, insideRoutes)
  filter.configType = { case: 'typedConfig', value: anyPack(HttpConnectionManagerSchema, manager) }
}

/** Routes of ports of the workload: `inbound|8080||`. */
const insideRoutes: RoutePorts = { portOf: (name) => Number(/^inbound\|(\d+)\|/.exec(name)?.[1] ?? 0) }

function isManager({ match }: Patch): boolean {
  const wanted = match.listener?.filterChain?.filter
  return !wanted || wanted.name === managerName
}

function patchHttpFilters(patches: Patches, manager: HttpConnectionManager, patch: Patch<'HTTP_FILTER'>): void {
  const wanted = patch.match.listener?.filterChain?.filter?.subFilter
  const isNamed = ({ name }: HttpFilter): boolean => name === wanted?.name
  const lists = mergeOf(patch)
  if (lists) {
    for (const filter of manager.httpFilters.filter((each) => !wanted || isNamed(each)))
      for (const value of valueOf(patch)) if (mergeExtension(filter, value, lists)) patches.applied(patch)
    return
  }
  const { operation } = patch
  const after = changed(manager.httpFilters, { operation, named: wanted && isNamed, make: () => valueOf(patch) })
  if (!after) return
  manager.httpFilters = after
  patches.applied(patch)
}
