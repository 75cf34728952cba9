// `upstreamTrafficSettings`: how the workloads of a namespace call hosts. It is said by callers, so it is a patch of their
// proxies: a DestinationRule of the service is everybody's.
import { asInteger, asMap, asText, at, type ClusterObject, compact, type Plain } from '../../shared/index.ts'
import { envoyFilter, type PatchedProxies } from '../filters/envoy-filter.ts'
import type { UpstreamSetting } from './setting.ts'

const context = 'SIDECAR_OUTBOUND'

export function upstreamPatches(proxies: PatchedProxies, upstream: readonly UpstreamSetting[]): ClusterObject[] {
  const patches = upstream.flatMap(({ hosts, settings }) =>
    hosts.flatMap((host) => hostsMeant(host, proxies).flatMap((each) => patchesOf(each, settings))),
  )
  return envoyFilter(proxies, 'upstream', patches)
}

/** Hosts that `NAMESPACE/HOST` means; undefined: all. */
function hostsMeant(text: string, { cluster, namespace: own }: PatchedProxies): (string | undefined)[] {
  if (text === '*' || text === '*/*') return [undefined]
  const [said = '', host = ''] = text.includes('/') ? text.split('/') : [own, text]
  const namespace = said === '.' ? own : said
  if (host === '*')
    return [...cluster.facts.services.values()]
      .filter((service) => service.namespace === namespace)
      .map(({ name }) => `${name}.${namespace}.svc.cluster.local`)
  return [host.includes('.') || namespace === '*' ? host : `${host}.${namespace}.svc.cluster.local`]
}

function patchesOf(host: string | undefined, settings: Plain): object[] {
  const cluster = clusterFields(settings)
  const breakers = breakersOf(asMap(at(settings, 'resilience', 'connectionPool')))
  const route = routeFields(settings)
  const onCluster = (operation: string, value: object): object => ({
    applyTo: 'CLUSTER',
    match: compact({ context, cluster: host === undefined ? undefined : { service: host } }),
    patch: { operation, value },
  })
  const vhost = compact({ domainName: host, route: { action: 'ROUTE' } })
  return [
    ...(isEmpty(cluster) ? [] : [onCluster('MERGE', cluster)]),
    // Envoy takes the first of several thresholds; so they are replaced.
    ...(isEmpty(breakers)
      ? []
      : [onCluster('MERGE_AND_REPLACE_LIST', { circuit_breakers: { thresholds: [breakers] } })]),
    ...(isEmpty(route)
      ? []
      : [
          {
            applyTo: 'HTTP_ROUTE',
            match: { context, routeConfiguration: { vhost } },
            patch: { operation: 'MERGE', value: { route } },
          },
        ]),
  ]
}

const isEmpty = (value: object): boolean => Object.keys(value).length === 0

function clusterFields(settings: Plain): object {
  const resilience = asMap(settings['resilience'])
  const tcp = asMap(at(resilience, 'connectionPool', 'tcp'))
  const perConnection = asInteger(at(resilience, 'connectionPool', 'http', 'maxRequestsPerConnection'))
  return compact({
    connect_timeout: asText(tcp['connectTimeout']) || undefined,
    upstream_connection_options:
      tcp['keepAlive'] === undefined ? undefined : { tcp_keepalive: keepAliveOf(tcp['keepAlive']) },
    outlier_detection: outlierOf(resilience),
    typed_extension_protocol_options: perConnection ? protocolOptions(perConnection) : undefined,
    ...balancing(asMap(settings['loadBalancer'])),
  })
}

export function keepAliveOf(said: unknown): object {
  return compact({
    keepalive_time: asInteger(at(said, 'idleTime')),
    keepalive_interval: asInteger(at(said, 'interval')),
    keepalive_probes: asInteger(at(said, 'probes')),
  })
}

function protocolOptions(most: number): object {
  const type = 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions'
  const options = { '@type': type, common_http_protocol_options: { max_requests_per_connection: most } }
  return { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': options }
}

const failuresBySensitivity: Readonly<Record<string, number>> = { LOW: 20, MEDIUM: 10, HIGH: 5 }

function outlierOf(resilience: Plain): object | undefined {
  const sensitivity = asText(resilience['circuitBreakerSensitivity'])
  const known = failuresBySensitivity[sensitivity]
  if (known !== undefined)
    return {
      consecutive_gateway_failure: known,
      enforcing_consecutive_gateway_failure: 100,
      enforcing_consecutive_5xx: 0,
      max_ejection_percent: 100,
    }
  if (sensitivity !== 'CUSTOM') return undefined
  const said = asMap(resilience['outlierDetection'])
  const text = (field: string, omitted: string): string => asText(said[field]) || omitted
  const number = (field: string, omitted?: number): number | undefined => asInteger(said[field]) ?? omitted
  return compact({
    interval: text('interval', '10s'),
    base_ejection_time: text('baseEjectionTime', '30s'),
    max_ejection_time: text('maxEjectionTime', '300s'),
    max_ejection_percent: number('maxEjectionPercent', 100),
    consecutive_gateway_failure: number('consecutiveGatewayFailure', 10),
    enforcing_consecutive_gateway_failure: number('enforcingConsecutiveGatewayFailure', 100),
    consecutive_5xx: number('consecutive5Xx', 5),
    enforcing_consecutive_5xx: number('enforcingConsecutive5Xx', 0),
    split_external_local_origin_errors: said['splitExternalLocalOriginErrors'] === true ? true : undefined,
    consecutive_local_origin_failure: number('consecutiveLocalOriginFailure'),
    enforcing_consecutive_local_origin_failure: number('enforcingConsecutiveLocalOriginFailure'),
  })
}

function balancing({ simple, consistentHash }: Plain): object {
  if (consistentHash !== undefined) {
    const table = asInteger(at(consistentHash, 'maglev', 'tableSize'))
    if (at(consistentHash, 'maglev') !== undefined)
      return compact({ lb_policy: 'MAGLEV', maglev_lb_config: table ? { table_size: table } : undefined })
    const size = asInteger(at(consistentHash, 'ringHash', 'minimumRingSize')) ?? 1024
    return { lb_policy: 'RING_HASH', ring_hash_lb_config: { minimum_ring_size: size } }
  }
  if (simple === 'PASSTHROUGH') return {}
  return typeof simple === 'string' && simple !== 'UNSPECIFIED' ? { lb_policy: simple } : {}
}

/** 0 means without bounds. */
function breakersOf({ tcp, http }: Plain): object {
  const most = (value: unknown): number | undefined => asInteger(value) || undefined
  const [connections, requests] = [most(at(tcp, 'maxConnections')), most(at(http, 'maxRequests'))]
  if (connections === undefined && requests === undefined) return {}
  const unlimited = 4_294_967_295
  return {
    max_connections: connections ?? unlimited,
    max_requests: requests ?? unlimited,
    max_pending_requests: requests ?? unlimited,
    max_retries: unlimited,
  }
}

function routeFields(settings: Plain): object {
  const http = asMap(at(settings, 'resilience', 'connectionPool', 'http'))
  const hash = at(settings, 'loadBalancer', 'consistentHash')
  return compact({
    timeout: asText(http['requestTimeout']) || undefined,
    retry_policy: http['retries'] === undefined ? undefined : retriesOf(asMap(http['retries'])),
    hash_policy: hash === undefined ? [] : [hashPolicy(asMap(hash))],
  })
}

function retriesOf(said: Plain): object {
  const conditions = asText(said['retryOn'])
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  const isCode = (part: string): boolean => /^[1-5]\d\d$/.test(part)
  const codes = conditions.filter(isCode).map(Number)
  const names = conditions.filter((part) => !isCode(part))
  if (codes.length > 0 && !names.includes('retriable-status-codes')) names.push('retriable-status-codes')
  const [base, most] = [
    asText(at(said, 'retryBackOff', 'baseInterval')),
    asText(at(said, 'retryBackOff', 'maxInterval')),
  ]
  return compact({
    num_retries: asInteger(said['attempts']) ?? 2,
    retry_on: names.join() || undefined,
    retriable_status_codes: codes,
    per_try_timeout: asText(said['perTryTimeout']) || undefined,
    retry_back_off: base === '' ? undefined : compact({ base_interval: base, max_interval: most || undefined }),
  })
}

function hashPolicy({ httpHeaderName, httpCookie, httpQueryParameterName }: Plain): object {
  if (httpHeaderName !== undefined) return { header: { header_name: asText(httpHeaderName) } }
  if (httpQueryParameterName !== undefined) return { query_parameter: { name: asText(httpQueryParameterName) } }
  if (httpCookie === undefined) return { connection_properties: { source_ip: true } }
  const { name, path, ttl } = asMap(httpCookie)
  return { cookie: compact({ name: asText(name), path: asText(path) || undefined, ttl: asText(ttl) || undefined }) }
}
