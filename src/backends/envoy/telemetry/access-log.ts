// Access logs: which, where to, and in which form.
import { create, type JsonObject } from '@bufbuild/protobuf'
import { anyUnpack } from '@bufbuild/protobuf/wkt'
import {
  type AccessLog,
  type AccessLogFilter,
  AccessLogFilterSchema,
  AccessLogSchema,
} from '#gen/envoy/config/accesslog/v3/accesslog_pb.js'
import { ApiVersion } from '#gen/envoy/config/core/v3/config_source_pb.js'
import type { SubstitutionFormatStringSchema } from '#gen/envoy/config/core/v3/substitution_format_string_pb.js'
import { FileAccessLogSchema } from '#gen/envoy/extensions/access_loggers/file/v3/file_pb.js'
import { ExpressionFilterSchema } from '#gen/envoy/extensions/access_loggers/filters/cel/v3/cel_pb.js'
import {
  type CommonGrpcAccessLogConfigSchema,
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
} from '#gen/envoy/extensions/access_loggers/grpc/v3/als_pb.js'
import { OpenTelemetryAccessLogConfigSchema } from '#gen/envoy/extensions/access_loggers/open_telemetry/v3/logs_service_pb.js'
import { StdoutAccessLogSchema } from '#gen/envoy/extensions/access_loggers/stream/v3/stream_pb.js'
import { ReqWithoutQuerySchema } from '#gen/envoy/extensions/formatter/req_without_query/v3/req_without_query_pb.js'
import { meshConfigOf, type World } from '../../../discovery/index.ts'
import {
  accessLogsOf,
  type ProxyScope,
  type TelemetryMode,
  type TelemetryScope,
  type WantedLog,
} from '../../../mesh/index.ts'
import { isObject } from '../../../resources/index.ts'
import type { ExtensionProvider } from '../../../resources/istio/index.ts'
import { extension, extensionConfig, type Init } from '../proto.ts'
import { grpcService, providerOf, providerTarget } from '../providers.ts'
import { jsonFormat, textFormat } from './log-format.ts'

type Format = Init<typeof SubstitutionFormatStringSchema>
type LogConfig = ReturnType<typeof extensionConfig>

/** The access logs of one side of a proxy: what Telemetry objects say, else what the MeshConfig says. */
export function accessLogs(world: World, scope: ProxyScope, mode: TelemetryMode): AccessLog[] {
  const logs = writtenLogs(world, scope.telemetry, mode)
  return scope.dataPath === 'loopback' ? logs.map(toOwnOutput) : logs
}

/** Where a proxy is a process of a program, its standard output is no file that could be opened. */
function toOwnOutput(log: AccessLog): AccessLog {
  const file = log.configType.value && anyUnpack(log.configType.value, FileAccessLogSchema)
  if (file?.path !== '/dev/stdout' || file.accessLogFormat.case !== 'logFormat') return log
  const accessLogFormat = { case: 'logFormat', value: file.accessLogFormat.value } as const
  const own = extensionConfig('envoy.access_loggers.stdout', StdoutAccessLogSchema, { accessLogFormat })
  return create(AccessLogSchema, { ...own, ...(log.filter && { filter: log.filter }) })
}

function writtenLogs(world: World, { objects }: TelemetryScope, mode: TelemetryMode): AccessLog[] {
  const wanted = accessLogsOf(world, objects, mode)
  const known = (wanted ?? []).flatMap((log) => {
    const config = configOf(world, log.provider)
    return config && !('fault' in config) ? [{ log, config }] : []
  })
  if (known.length === 0) return meshLogs(world)
  return known
    .filter(({ log }) => !log.disabled)
    .map(({ log, config }) => create(AccessLogSchema, { ...config, ...celFilter(log) }))
}

function celFilter({ filter }: WantedLog): { filter?: AccessLogFilter } {
  if (filter === undefined) return {}
  const value = extensionConfig('envoy.access_loggers.extension_filters.cel', ExpressionFilterSchema, {
    expression: filter,
  })
  return { filter: create(AccessLogFilterSchema, { filterSpecifier: { case: 'extensionFilter', value } }) }
}

/** The same logs for what no filter chain is for; the rest is logged where it is handled. */
export function listenerLogs(logs: readonly AccessLog[]): AccessLog[] {
  const noRoute: Init<typeof AccessLogFilterSchema> = {
    filterSpecifier: { case: 'responseFlagFilter', value: { flags: ['NR'] } },
  }
  return logs.map(({ filter, ...log }) => {
    const both = filter && { filterSpecifier: { case: 'andFilter' as const, value: { filters: [noRoute, filter] } } }
    return create(AccessLogSchema, { ...log, filter: create(AccessLogFilterSchema, both ?? noRoute) })
  })
}

/** `accessLogFile` of the MeshConfig. */
function meshLogs(world: World): AccessLog[] {
  const path = meshConfigOf(world).accessLogFile ?? ''
  return path === '' ? [] : [create(AccessLogSchema, fileLog(path, meshFormat(world)))]
}

function meshFormat(world: World): Format {
  const { accessLogFormat = '', accessLogEncoding } = meshConfigOf(world)
  if (accessLogEncoding !== 'JSON') return textFormatOf(accessLogFormat)
  return jsonFormatOf(parsedFormat(accessLogFormat))
}

/** A format that is no JSON object says nothing. */
function parsedFormat(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? (value as JsonObject) : {}
  } catch {
    return {}
  }
}

function fileLog(path: string, format: Format): LogConfig {
  return extensionConfig('envoy.access_loggers.file', FileAccessLogSchema, {
    path,
    accessLogFormat: { case: 'logFormat', value: format },
  })
}

function textFormatOf(text: string): Format {
  const ended = text === '' ? textFormat : text.endsWith('\n') ? text : `${text}\n`
  return {
    format: { case: 'textFormatSource', value: { specifier: { case: 'inlineString', value: ended } } },
    formatters: formattersOf(ended),
  }
}

function jsonFormatOf(labels: JsonObject): Format {
  const value = Object.keys(labels).length === 0 ? jsonFormat : labels
  return {
    format: { case: 'jsonFormat', value },
    jsonFormatOptions: { sortProperties: false },
    formatters: formattersOf(JSON.stringify(value)),
  }
}

function formattersOf(text: string) {
  return text.includes('%REQ_WITHOUT_QUERY')
    ? [extension('envoy.formatter.req_without_query', ReqWithoutQuerySchema)]
    : []
}

/** The logger of a provider; undefined if there is no such provider; a fault if it cannot write logs. */
export function configOf(world: World, name: string): LogConfig | { readonly fault: string } | undefined {
  const provider = providerOf(world, name)
  if (!provider) return undefined
  const { envoyFileAccessLog: file, envoyHttpAls: http, envoyTcpAls: tcp, envoyOtelAls: otel } = provider
  if (file) return fileLog(file.path || '/dev/stdout', fileFormat(world, name, file))
  const service = http ?? tcp ?? otel
  if (!service) return { fault: 'it writes no access logs' }
  const target = providerTarget(world, service)
  if ('fault' in target) return target
  const common = (logName: string, objects: readonly string[] = []): Init<typeof CommonGrpcAccessLogConfigSchema> => ({
    logName: service.logName || logName,
    grpcService: grpcService(target),
    transportApiVersion: ApiVersion.V3,
    filterStateObjectsToLog: objects.length > 0 ? [...objects] : ['upstream_peer', 'downstream_peer'],
  })
  if (http)
    return extensionConfig('envoy.access_loggers.http_grpc', HttpGrpcAccessLogConfigSchema, {
      commonConfig: common('http_envoy_accesslog', http.filterStateObjectsToLog),
      additionalRequestHeadersToLog: http.additionalRequestHeadersToLog ?? [],
      additionalResponseHeadersToLog: http.additionalResponseHeadersToLog ?? [],
      additionalResponseTrailersToLog: http.additionalResponseTrailersToLog ?? [],
    })
  if (tcp)
    return extensionConfig('envoy.tcp_grpc_access_log', TcpGrpcAccessLogConfigSchema, {
      commonConfig: common('tcp_envoy_accesslog', tcp.filterStateObjectsToLog),
    })
  return openTelemetryLog(common('otel_envoy_accesslog'), otel?.logFormat)
}

type FileProvider = NonNullable<ExtensionProvider['envoyFileAccessLog']>

/** The provider that every mesh has follows the MeshConfig, unless it says something itself. */
function fileFormat(world: World, name: string, { logFormat, omitEmptyValues = false }: FileProvider): Format {
  if (name.toLowerCase() === 'envoy' && !logFormat && !omitEmptyValues) return meshFormat(world)
  const format = logFormat?.labels ? jsonFormatOf(logFormat.labels as JsonObject) : textFormatOf(logFormat?.text ?? '')
  return { ...format, omitEmptyValues }
}

function openTelemetryLog(
  commonConfig: Init<typeof CommonGrpcAccessLogConfigSchema>,
  format: { readonly text?: string; readonly labels?: Readonly<Record<string, unknown>> } = {},
): LogConfig {
  const { text = '', labels = {} } = format
  const stringValue = (value: string) => ({ value: { case: 'stringValue' as const, value } })
  const values = Object.entries(labels).map(([key, value]) => ({
    key,
    value: stringValue(typeof value === 'string' ? value : JSON.stringify(value)),
  }))
  return extensionConfig('envoy.access_loggers.open_telemetry', OpenTelemetryAccessLogConfigSchema, {
    commonConfig,
    disableBuiltinLabels: true,
    body: stringValue(text === '' ? textFormat : text),
    ...(values.length > 0 && { attributes: { values } }),
    formatters: formattersOf(text + JSON.stringify(labels)),
  })
}
