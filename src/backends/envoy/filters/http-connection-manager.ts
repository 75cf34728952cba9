import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf'
import type { AccessLog } from '#gen/envoy/config/accesslog/v3/accesslog_pb.js'
import { ApiVersion } from '#gen/envoy/config/core/v3/config_source_pb.js'
import { type Filter, FilterSchema } from '#gen/envoy/config/listener/v3/listener_components_pb.js'
import type { RouteConfiguration } from '#gen/envoy/config/route/v3/route_pb.js'
import { CorsSchema } from '#gen/envoy/extensions/filters/http/cors/v3/cors_pb.js'
import { HTTPFaultSchema } from '#gen/envoy/extensions/filters/http/fault/v3/fault_pb.js'
import { FilterConfigSchema as GrpcStatsSchema } from '#gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb.js'
import { GrpcWebSchema } from '#gen/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.js'
import { RouterSchema } from '#gen/envoy/extensions/filters/http/router/v3/router_pb.js'
import {
  HttpConnectionManager_CodecType,
  HttpConnectionManager_PathWithEscapedSlashesAction,
  type HttpConnectionManager_Tracing,
  HttpConnectionManagerSchema,
  type HttpFilter,
  HttpFilterSchema,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import type { MeshConfig } from '../../../discovery/index.ts'
import { extensionConfig, type Init, noTimeout } from '../proto.ts'
import { corsFilter } from './cors.ts'
import { faultFilter } from './fault.ts'
import { keptHeaderCase, managerHeaderFields, suppressesEnvoyHeaders } from './proxy-headers.ts'

type ManagerInit = Init<typeof HttpConnectionManagerSchema>

/** What differs between connection managers; everything else is the same everywhere. */
export interface HttpManagerOptions {
  readonly mesh: MeshConfig
  readonly statPrefix: string
  /** Name of a route configuration to ask for, or one that stands inside. */
  readonly routes: { readonly rds: string } | { readonly inline: RouteConfiguration }
  /** Filters by stage: those of a stage run before all of the next. */
  readonly before?: readonly HttpFilter[]
  readonly after?: readonly HttpFilter[]
  readonly accessLog?: readonly AccessLog[]
  readonly tracing?: HttpConnectionManager_Tracing | undefined
  readonly grpcWeb?: boolean
  /** Fields that go beyond: client certificates, addresses, HTTP/1.0, CONNECT. */
  readonly fields?: ManagerInit
}

/** A connection manager as the last network filter of a chain. */
export function httpConnectionManager(options: HttpManagerOptions): Filter {
  const { mesh, statPrefix, routes, fields } = options
  const http1 = keptHeaderCase(mesh)
  return create(
    FilterSchema,
    extensionConfig('envoy.filters.network.http_connection_manager', HttpConnectionManagerSchema, {
      codecType: HttpConnectionManager_CodecType.AUTO,
      statPrefix: `${statPrefix};`,
      ...pathFields(mesh),
      useRemoteAddress: false,
      streamIdleTimeout: noTimeout,
      upgradeConfigs: [{ upgradeType: 'websocket' }],
      serverName: 'istio-envoy',
      generateRequestId: true,
      accessLog: [...(options.accessLog ?? [])],
      ...(options.tracing && { tracing: options.tracing }),
      ...managerHeaderFields(mesh),
      ...fields,
      ...(http1 && {
        httpProtocolOptions: { ...http1, acceptHttp10: fields?.httpProtocolOptions?.acceptHttp10 === true },
      }),
      routeSpecifier:
        'rds' in routes
          ? { case: 'rds', value: { routeConfigName: routes.rds, configSource: adsSource } }
          : { case: 'routeConfig', value: routes.inline },
      httpFilters: httpFilters(options),
    }),
  )
}

const adsSource = {
  configSourceSpecifier: { case: 'ads', value: {} },
  initialFetchTimeout: noTimeout,
  resourceApiVersion: ApiVersion.V3,
} as const

/** Paths are brought into one form before anybody decides by them. */
function pathFields({ pathNormalization }: MeshConfig): ManagerInit {
  const { KEEP_UNCHANGED, UNESCAPE_AND_FORWARD } = HttpConnectionManager_PathWithEscapedSlashesAction
  switch (pathNormalization?.normalization) {
    case 'NONE':
      return { normalizePath: false, pathWithEscapedSlashesAction: KEEP_UNCHANGED }
    case 'MERGE_SLASHES':
      return { normalizePath: true, mergeSlashes: true, pathWithEscapedSlashesAction: KEEP_UNCHANGED }
    case 'DECODE_AND_MERGE_SLASHES':
      return { normalizePath: true, mergeSlashes: true, pathWithEscapedSlashesAction: UNESCAPE_AND_FORWARD }
    default:
      return { normalizePath: true, pathWithEscapedSlashesAction: KEEP_UNCHANGED }
  }
}

/** In order: what admits requests, what looks at them, what routes may switch on, what sends them. */
function httpFilters({ mesh, before = [], after = [], grpcWeb }: HttpManagerOptions): HttpFilter[] {
  return [
    ...before,
    ...(grpcWeb ? [httpFilter('envoy.filters.http.grpc_web', GrpcWebSchema)] : []),
    httpFilter('envoy.filters.http.grpc_stats', GrpcStatsSchema, {
      emitFilterState: true,
      perMethodStatSpecifier: { case: 'statsForAllMethods', value: { value: false } },
    }),
    httpFilter(faultFilter, HTTPFaultSchema),
    httpFilter(corsFilter, CorsSchema),
    ...after,
    httpFilter('envoy.filters.http.router', RouterSchema, { suppressEnvoyHeaders: suppressesEnvoyHeaders(mesh) }),
  ]
}

/** One HTTP filter with its configuration. */
export function httpFilter<S extends DescMessage>(name: string, schema: S, init?: MessageInitShape<S>): HttpFilter {
  return create(HttpFilterSchema, extensionConfig(name, schema, init))
}
