// What is said of connections and requests that workloads take in.
import { asInteger, asMap, asText, at, type ClusterObject, compact } from '../../shared/index.ts'
import { envoyFilter, type PatchedProxies } from '../filters/envoy-filter.ts'
import { rateLimiting } from '../filters/rate-limiting.ts'
import type { TrafficSetting } from './setting.ts'

export function inboundPatches(
  proxies: PatchedProxies,
  { inbound, rateLimiting: limits, downstreamKeepAlive }: TrafficSetting,
): ClusterObject[] {
  const keepAlive = at(inbound, 'connectionPool', 'tcp', 'keepAlive') ?? downstreamKeepAlive
  const patches = [
    ...timeouts(asMap(at(inbound, 'meshTimeout'))),
    ...(keepAlive === undefined ? [] : [probes(keepAlive)]),
  ]
  return [
    ...envoyFilter(proxies, 'inbound', patches),
    ...(limits === undefined
      ? []
      : rateLimiting(limits, proxies, { domain: undefined, stage: 0, path: 'inbound.rateLimiting' })),
  ]
}

const filters = {
  http: 'envoy.filters.network.http_connection_manager',
  tcp: 'envoy.filters.network.tcp_proxy',
} as const

const types = {
  http: 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  tcp: 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
} as const

function timeouts({
  maxConnectionDuration,
  maxDownstreamConnectionDuration,
  maxStreamDuration,
  proxyType,
}: Readonly<Record<string, unknown>>): object[] {
  // Gateways take nothing in from the side of a program.
  if (proxyType === 'GATEWAY') return []
  const http = compact({
    max_connection_duration: asText(maxConnectionDuration) || undefined,
    max_stream_duration: asText(maxStreamDuration) || undefined,
  })
  const downstream = asText(maxDownstreamConnectionDuration)
  return [
    ...(Object.keys(http).length === 0 ? [] : [merged('http', { common_http_protocol_options: http })]),
    ...(downstream === '' ? [] : [merged('tcp', { max_downstream_connection_duration: downstream })]),
  ]
}

function merged(sort: 'http' | 'tcp', fields: object): object {
  const name = filters[sort]
  return {
    applyTo: 'NETWORK_FILTER',
    match: { context: 'SIDECAR_INBOUND', listener: { filterChain: { filter: { name } } } },
    patch: { operation: 'MERGE', value: { name, typed_config: { '@type': types[sort], ...fields } } },
  }
}

/** Options of sockets by their numbers on Linux: SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT. */
function probes(said: unknown): object {
  const option = (level: number, name: number, value: number | undefined): object[] =>
    value === undefined ? [] : [{ level, name, int_value: value, state: 'STATE_PREBIND' }]
  const options = [
    ...option(1, 9, 1),
    ...option(6, 4, asInteger(at(said, 'idleTime'))),
    ...option(6, 5, asInteger(at(said, 'interval'))),
    ...option(6, 6, asInteger(at(said, 'probes'))),
  ]
  return {
    applyTo: 'LISTENER',
    match: { context: 'SIDECAR_INBOUND' },
    patch: { operation: 'MERGE', value: { socket_options: options } },
  }
}
