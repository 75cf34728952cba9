// Which listener takes a connection, and which of its filter chains.

import type {
  FilterChain,
  FilterChainMatch,
  ListenerFilter,
} from '#gen/envoy/config/listener/v3/listener_components_pb.js'
import type { Listener } from '#gen/envoy/config/listener/v3/listener_pb.js'
import { inRange } from './address.ts'
import type { Call, ProxyConfig } from './call.ts'

const inboundPort = 15006
const outboundPort = 15001

/**
 * The listener of a call: by original destination, then the wildcard address with that port, then the capture listener.
 * Source: Envoy's original_dst listener filter and use_original_dst hand-over.
 */
export function findListener(proxy: ProxyConfig, call: Call): Listener | undefined {
  const bound = (address: string | undefined, port: number): Listener | undefined =>
    proxy.listeners.find((listener) =>
      addressesOf(listener).some((own) => own.port === port && (address === undefined || own.address === address)),
    )
  if (call.direction === 'inbound') return bound(undefined, inboundPort)
  const wildcard = call.address.includes(':') ? '::' : '0.0.0.0'
  const own = bound(call.address, call.port) ?? bound(wildcard, call.port)
  if (own || call.direction === 'direct') return own
  return bound(undefined, outboundPort)
}

/** Whether a proxy has a socket of its own at an address and port. */
export function listenerAt(proxy: ProxyConfig, address: string, port: number): Listener | undefined {
  return proxy.listeners.find(
    (listener) =>
      listener.bindToPort !== false &&
      addressesOf(listener).some((own) => own.port === port && (own.address === address || own.address === '0.0.0.0')),
  )
}

function addressesOf(listener: Listener): { address: string; port: number }[] {
  return [listener.address, ...listener.additionalAddresses.map((extra) => extra.address)].flatMap((address) => {
    if (address?.address.case !== 'socketAddress') return []
    const { address: ip, portSpecifier } = address.address.value
    return portSpecifier.case === 'portValue' ? [{ address: ip, port: portSpecifier.value }] : []
  })
}

/** What the listener filters learn from the first bytes of a connection. */
interface Facts {
  readonly transport: 'tls' | 'raw_buffer'
  readonly sni: string
  readonly protocols: readonly string[]
}

function inspect(listener: Listener, call: Call): Facts {
  const sees = (name: string): boolean =>
    listener.listenerFilters.some((filter) => filter.name.includes(name) && !isDisabled(filter, call.port))
  if (call.tls) {
    if (!sees('tls_inspector')) return { transport: 'raw_buffer', sni: '', protocols: [] }
    return { transport: 'tls', sni: call.tls.sni.toLowerCase(), protocols: call.tls.alpn }
  }
  const protocol = { http: ['http/1.1'], http2: ['h2c'], tcp: [] }[call.protocol]
  return { transport: 'raw_buffer', sni: '', protocols: sees('http_inspector') ? protocol : [] }
}

function isDisabled(filter: ListenerFilter, port: number): boolean {
  type Predicate = NonNullable<ListenerFilter['filterDisabled']>
  const holds = (predicate: Predicate): boolean => {
    const rule = predicate.rule
    switch (rule.case) {
      case 'anyMatch':
        return rule.value
      case 'notMatch':
        return !holds(rule.value)
      case 'orMatch':
        return rule.value.rules.some(holds)
      case 'andMatch':
        return rule.value.rules.every(holds)
      case 'destinationPortRange':
        return port >= rule.value.start && port < rule.value.end
      default:
        return false
    }
  }
  return filter.filterDisabled !== undefined && holds(filter.filterDisabled)
}

/** One criterion of a chain match: how well it fits (0 = not), or undefined if the chain does not name it. */
type Criterion = (match: FilterChainMatch, call: Call, facts: Facts) => number | undefined

const ranges = (list: FilterChainMatch['prefixRanges'], address: string | undefined): number | undefined => {
  if (list.length === 0) return undefined
  const fitting = list.filter((range) => address !== undefined && inRange(range, address))
  return Math.max(0, ...fitting.map((range) => (range.prefixLen ?? 0) + 1))
}

// The order of the criteria is Envoy's (listener_components.proto, FilterChainMatch); it never goes back to an earlier one.
const criteria: readonly Criterion[] = [
  (match, call) => (match.destinationPort === undefined ? undefined : match.destinationPort === call.port ? 1 : 0),
  (match, call) => ranges(match.prefixRanges, call.address),
  (match, _call, facts) =>
    match.serverNames.length === 0
      ? undefined
      : Math.max(...match.serverNames.map((name) => serverNameFit(name, facts.sni))),
  (match, _call, facts) =>
    match.transportProtocol === '' ? undefined : match.transportProtocol === facts.transport ? 1 : 0,
  (match, _call, facts) => {
    if (match.applicationProtocols.length === 0) return undefined
    return facts.protocols.some((protocol) => match.applicationProtocols.includes(protocol)) ? 1 : 0
  },
  (match, call) => ranges(match.directSourcePrefixRanges, call.sourceAddress),
  (match, call) => ranges(match.sourcePrefixRanges, call.sourceAddress),
]

function serverNameFit(name: string, sni: string): number {
  if (name === sni) return Number.MAX_SAFE_INTEGER
  return name.startsWith('*.') && sni.endsWith(name.slice(1)) ? name.length : 0
}

/** The filter chain of a connection; undefined if Envoy would close it. */
export function findFilterChain(listener: Listener, call: Call): FilterChain | undefined {
  const facts = inspect(listener, call)
  let left: readonly FilterChain[] = listener.filterChains
  for (const criterion of criteria) {
    const rated = left.map((chain) => ({
      chain,
      fit: chain.filterChainMatch ? criterion(chain.filterChainMatch, call, facts) : undefined,
    }))
    const best = Math.max(0, ...rated.map(({ fit }) => fit ?? 0))
    left = rated.filter(({ fit }) => (best > 0 ? fit === best : fit === undefined)).map(({ chain }) => chain)
  }
  return left[0] ?? listener.defaultFilterChain
}
