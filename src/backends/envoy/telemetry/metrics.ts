// Istio's standard metrics, counted by Envoy's access logger that counts: it needs no filter that only Istio's build has.
// What is known of the other end is what certificates, clusters and endpoints say: a server knows its caller by identity.
import { create } from '@bufbuild/protobuf'
import { type AccessLog, AccessLogSchema } from '#gen/envoy/config/accesslog/v3/accesslog_pb.js'
import {
  type Config_CounterSchema,
  Config_Histogram_Unit,
  type Config_HistogramSchema,
  ConfigSchema,
} from '#gen/envoy/extensions/access_loggers/stats/v3/stats_pb.js'
import type { World } from '../../../discovery/index.ts'
import {
  type IstioMetric,
  metricsOf,
  type ProxyScope,
  type TelemetryMode,
  type WantedMetrics,
} from '../../../mesh/index.ts'
import { faultOfCel } from '../../../resources/istio/index.ts'
import { extensionConfig, type Init } from '../proto.ts'
import { providerOf } from '../providers.ts'

type Labels = Readonly<Record<string, string>>

interface Metric {
  readonly metric: IstioMetric
  readonly name: string
  /** What is added up, or spread over a histogram; undefined: one each time. */
  readonly value?: string
  readonly unit?: Config_Histogram_Unit
}

const { Bytes, Milliseconds } = Config_Histogram_Unit

const ofRequests: readonly Metric[] = [
  { metric: 'REQUEST_COUNT', name: 'requests_total' },
  { metric: 'REQUEST_DURATION', name: 'request_duration_milliseconds', value: '%DURATION%', unit: Milliseconds },
  { metric: 'REQUEST_SIZE', name: 'request_bytes', value: '%BYTES_RECEIVED%', unit: Bytes },
  { metric: 'RESPONSE_SIZE', name: 'response_bytes', value: '%BYTES_SENT%', unit: Bytes },
]

/** Counted when a connection ends. */
const ofConnections: readonly Metric[] = [
  { metric: 'TCP_OPENED_CONNECTIONS', name: 'tcp_connections_opened_total' },
  { metric: 'TCP_CLOSED_CONNECTIONS', name: 'tcp_connections_closed_total' },
  { metric: 'TCP_SENT_BYTES', name: 'tcp_sent_bytes_total', value: '%BYTES_SENT%' },
  { metric: 'TCP_RECEIVED_BYTES', name: 'tcp_received_bytes_total', value: '%BYTES_RECEIVED%' },
]

/** What one side of a proxy counts of requests and of connections. */
export interface MetricLogs {
  readonly requests: readonly AccessLog[]
  readonly connections: readonly AccessLog[]
}

export function metricLogs(world: World, { telemetry }: ProxyScope, mode: TelemetryMode): MetricLogs {
  const wanted = metricsOf(world, telemetry.objects, mode, (name) => providerOf(world, name)?.prometheus !== undefined)
  if (!wanted) return { requests: [], connections: [] }
  const common = { reporter: mode === 'CLIENT' ? 'source' : 'destination', ...own(mode), ...other(mode) }
  return {
    requests: logsOf(wanted, ofRequests, { ...common, ...requestLabels }),
    connections: logsOf(wanted, ofConnections, {
      ...common,
      request_protocol: 'tcp',
      response_flags: '%RESPONSE_FLAGS%',
    }),
  }
}

function logsOf(wanted: WantedMetrics, metrics: readonly Metric[], labels: Labels): AccessLog[] {
  const on = metrics.filter(({ metric }) => wanted.get(metric)?.disabled !== true)
  if (on.length === 0) return []
  const statOf = ({ metric, name }: Metric): Init<typeof Config_CounterSchema>['stat'] & object => ({
    name,
    tags: Object.entries({ ...labels, ...changes(wanted.get(metric)?.labels) }).flatMap(([label, format]) =>
      format === undefined ? [] : [{ name: label, valueFormat: format }],
    ),
  })
  const counters = on.flatMap((each): Init<typeof Config_CounterSchema>[] =>
    each.unit === undefined
      ? [{ stat: statOf(each), ...(each.value ? { valueFormat: each.value } : { valueFixed: 1n }) }]
      : [],
  )
  const histograms = on.flatMap((each): Init<typeof Config_HistogramSchema>[] =>
    each.unit === undefined ? [] : [{ stat: statOf(each), unit: each.unit, valueFormat: each.value ?? '' }],
  )
  const config = extensionConfig('envoy.access_loggers.stats', ConfigSchema, {
    statPrefix: 'istio',
    counters,
    histograms,
  })
  return [create(AccessLogSchema, config)]
}

/** Labels by expression; one that Envoy could not read would cost the whole listener. */
function changes(labels: Readonly<Record<string, string | undefined>> = {}): Record<string, string | undefined> {
  const known = Object.entries(labels).filter(([, expression]) => expression === undefined || !faultOfLabel(expression))
  return Object.fromEntries(known.map(([name, expression]) => [name, expression && cel(expression)]))
}

const roots =
  /^(request|response|connection|upstream|source|destination|metadata|filter_state|xds|plugin_name|plugin_root_id)$/

const functions =
  /^(size|matches|contains|startsWith|endsWith|int|uint|double|string|bytes|duration|timestamp|type|has|extract|capture)$/

/** What keeps Envoy from reading a label's expression; undefined if nothing. */
export function faultOfLabel(expression: string): string | undefined {
  const fault = faultOfCel(expression)
  if (fault !== undefined) return fault
  if (expression.includes('%')) return 'the sign % has a meaning of its own in Envoy'
  const bare = expression.replace(/"[^"]*"|'[^']*'/g, '""')
  const names = [...bare.matchAll(/(?<![\w.])([a-z_][\w]*)(?=[.[])/gi)].map(([, name]) => name ?? '')
  const unknown = names.find((name) => !roots.test(name) && name !== 're')
  if (unknown !== undefined) return `Envoy has no attribute ${unknown}`
  const called = [...bare.matchAll(/([a-z_]\w*)\s*\(/gi)].map(([, name]) => name ?? '')
  const strange = called.find((name) => !functions.test(name))
  return strange === undefined ? undefined : `Envoy has no function ${strange}`
}

function cel(expression: string): string {
  return `%CEL(${expression})%`
}

const labelsOfNode = "xds.node.metadata['LABELS']"

function nodeField(name: string): string {
  return cel(`'${name}' in xds.node.metadata ? xds.node.metadata['${name}'] : 'unknown'`)
}

/** The first of some labels that the proxy's pod has. */
function nodeLabel(names: readonly string[], otherwise: string): string {
  return names.reduceRight(
    (rest, name) => `'${name}' in ${labelsOfNode} ? ${labelsOfNode}['${name}'] : ${rest}`,
    otherwise,
  )
}

/** What the proxy knows of itself, from its node description: equal text for all proxies, so that they share listeners. */
function own(mode: TelemetryMode): Labels {
  const side = mode === 'CLIENT' ? 'source' : 'destination'
  const named = ['service.istio.io/canonical-name', 'app.kubernetes.io/name', 'app']
  const revised = ['service.istio.io/canonical-revision', 'app.kubernetes.io/version', 'version']
  return {
    [`${side}_workload`]: nodeField('WORKLOAD_NAME'),
    [`${side}_workload_namespace`]: nodeField('NAMESPACE'),
    [`${side}_principal`]: mode === 'CLIENT' ? '%UPSTREAM_LOCAL_URI_SAN%' : '%DOWNSTREAM_LOCAL_URI_SAN%',
    [`${side}_app`]: cel(nodeLabel(['app'], "'unknown'")),
    [`${side}_version`]: cel(nodeLabel(['version'], "'unknown'")),
    [`${side}_cluster`]: nodeField('CLUSTER_ID'),
    [`${side}_canonical_service`]: cel(nodeLabel(named, "'unknown'")),
    [`${side}_canonical_revision`]: cel(nodeLabel(revised, "'latest'")),
  }
}

const services = "xds.cluster_metadata.filter_metadata['istio']['services'][0]"
const workload = "xds.upstream_host_metadata.filter_metadata['istio']['workload']"

/** The other end: of a server its endpoint says which workload it is; of a caller there is its identity. */
function other(mode: TelemetryMode): Labels {
  const service = {
    destination_service: cel(`${services}['host']`),
    destination_service_name: cel(`${services}['name']`),
    destination_service_namespace: cel(`${services}['namespace']`),
  }
  if (mode === 'SERVER') {
    return {
      ...service,
      source_principal: '%DOWNSTREAM_PEER_URI_SAN%',
      source_workload_namespace: cel(identityPart('/ns/([^/]+)/.*')),
      connection_security_policy: cel("connection.mtls ? 'mutual_tls' : 'none'"),
    }
  }
  return {
    ...service,
    destination_principal: '%UPSTREAM_PEER_URI_SAN%',
    destination_workload: part(0),
    destination_workload_namespace: part(1),
    destination_canonical_service: part(2),
    destination_canonical_revision: part(3),
    destination_cluster: part(4),
  }
}

function identityPart(pattern: string): string {
  return `re.extract(connection.uri_san_peer_certificate, 'spiffe://[^/]+${pattern}', '\\\\1')`
}

/** A part of an endpoint's `name;namespace;service;revision;cluster`. */
function part(at: number): string {
  return cel(`re.extract(${workload}, '${'[^;]*;'.repeat(at)}([^;]*)(;.*)?', '\\\\1')`)
}

const requestLabels: Labels = {
  request_protocol: cel(
    "'content-type' in request.headers && request.headers['content-type'].startsWith('application/grpc') ? 'grpc' : 'http'",
  ),
  response_code: '%RESPONSE_CODE%',
  grpc_response_status: '%GRPC_STATUS_NUMBER%',
  response_flags: '%RESPONSE_FLAGS%',
}
