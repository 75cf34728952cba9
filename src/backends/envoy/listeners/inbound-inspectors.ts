// Listener filters of an inbound listener: only ports whose chains depend on it are looked into, since looking waits for
// bytes, and some servers speak first.
import { create } from '@bufbuild/protobuf'
import {
  type FilterChain,
  type ListenerFilter,
  type ListenerFilterChainMatchPredicateSchema,
  ListenerFilterSchema,
} from '#gen/envoy/config/listener/v3/listener_components_pb.js'
import type { Init } from '../proto.ts'
import { httpInspector, plainHttpProtocols, tlsInspector } from './inspectors.ts'

type PredicateInit = Init<typeof ListenerFilterChainMatchPredicateSchema>

/** Stands for ports that no chain names. */
const anyPort = 0

/** The inspectors that the chains need, in the order in which they must run: TLS bytes are not looked at as HTTP. */
export function inboundInspectors(chains: readonly FilterChain[]): ListenerFilter[] {
  const needs = (test: (chain: FilterChain) => boolean): Map<number, boolean> => {
    const byPort = new Map<number, boolean>()
    for (const chain of chains) {
      const port = chain.filterChainMatch?.destinationPort ?? anyPort
      byPort.set(port, (byPort.get(port) ?? false) || test(chain))
    }
    return byPort
  }
  const tls = needs(({ filterChainMatch }) => filterChainMatch?.transportProtocol === 'tls')
  const http = needs(
    ({ filterChainMatch }) =>
      filterChainMatch?.applicationProtocols.some((p) => plainHttpProtocols.includes(p)) ?? false,
  )
  return [...inspector(tlsInspector, tls), ...inspector(httpInspector, http)]
}

function inspector(filter: ListenerFilter, needed: ReadonlyMap<number, boolean>): ListenerFilter[] {
  const named = [...needed].filter(([port]) => port !== anyPort).sort(([a], [b]) => a - b)
  const wanting = named.filter(([, need]) => need).map(([port]) => port)
  const others = named.filter(([, need]) => !need).map(([port]) => port)
  const everywhere = needed.get(anyPort) ?? false
  if (!everywhere && wanting.length === 0) return []
  if (everywhere && others.length === 0) return [filter]
  const filterDisabled = everywhere ? onPorts(others) : not(onPorts(wanting))
  return [create(ListenerFilterSchema, { name: filter.name, configType: filter.configType, filterDisabled })]
}

function onPorts(ports: readonly number[]): PredicateInit {
  const rules = ports.map(
    (port): PredicateInit => ({ rule: { case: 'destinationPortRange', value: { start: port, end: port + 1 } } }),
  )
  const [only] = rules
  return only !== undefined && rules.length === 1 ? only : { rule: { case: 'orMatch', value: { rules } } }
}

function not(value: PredicateInit): PredicateInit {
  return { rule: { case: 'notMatch', value } }
}
