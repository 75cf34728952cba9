// Traces: which requests, what spans say, and where they go.
import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf'
import { HeaderValueOption_HeaderAppendAction } from '#gen/envoy/config/core/v3/base_pb.js'
import type { HttpServiceSchema } from '#gen/envoy/config/core/v3/http_service_pb.js'
import { DatadogConfigSchema } from '#gen/envoy/config/trace/v3/datadog_pb.js'
import { OpenTelemetryConfigSchema } from '#gen/envoy/config/trace/v3/opentelemetry_pb.js'
import { SkyWalkingConfigSchema } from '#gen/envoy/config/trace/v3/skywalking_pb.js'
import { ZipkinConfig_CollectorEndpointVersion, ZipkinConfigSchema } from '#gen/envoy/config/trace/v3/zipkin_pb.js'
import {
  type HttpConnectionManager_Tracing,
  HttpConnectionManager_TracingSchema,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import { EnvironmentResourceDetectorConfigSchema } from '#gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector_pb.js'
import type { CustomTagSchema } from '#gen/envoy/type/tracing/v3/custom_tag_pb.js'
import { meshConfigOf, type World } from '../../../discovery/index.ts'
import {
  type ProxyScope,
  type TelemetryMode,
  type TelemetryScope,
  tracingOf,
  type WantedTracing,
} from '../../../mesh/index.ts'
import { isObject } from '../../../resources/index.ts'
import type { ExtensionProvider } from '../../../resources/istio/index.ts'
import { duration, extension, extensionConfig, type Init, milliseconds } from '../proto.ts'
import { grpcService, type ProviderTarget, providerOf, providerTarget } from '../providers.ts'

type TagInit = Init<typeof CustomTagSchema>

/** What a connection manager traces; undefined: nothing. */
export interface Tracing {
  readonly tracing: HttpConnectionManager_Tracing
  /** Whether the decision to sample stands in the request id, so that all proxies decide alike. */
  readonly useRequestId: boolean
}

export function tracingOfSide(
  world: World,
  scope: Pick<ProxyScope, 'telemetry' | 'type'>,
  mode: TelemetryMode,
): Tracing | undefined {
  const { telemetry } = scope
  const wanted = tracingOf(world, telemetry.objects, mode)
  if (!wanted || wanted.disabled || wanted.provider === undefined || !telemetry.identity) return undefined
  const tracer = tracerOf(world, wanted.provider, telemetry.identity.service)
  if (!tracer || 'fault' in tracer) return undefined
  const percent = (value: number) => ({ value })
  return {
    useRequestId: wanted.useRequestId,
    tracing: create(HttpConnectionManager_TracingSchema, {
      clientSampling: percent(100),
      overallSampling: percent(100),
      randomSampling: percent(tracer.samples ? 100 : (wanted.sampling ?? meshSampling(world))),
      provider: tracer.provider,
      customTags: tagsOf(wanted, telemetry),
      ...((scope.type === 'gateway' || tracer.ownSpans) && { spawnUpstreamSpan: true }),
      ...(tracer.maxTagLength > 0 && { maxPathTagLength: tracer.maxTagLength }),
    }),
  }
}

const defaultSamplingPercent = 1

function meshSampling(world: World): number {
  const { tracing } = meshConfigOf(world).defaultConfig ?? {}
  const sampling = isObject(tracing) ? tracing['sampling'] : undefined
  return typeof sampling === 'number' && sampling > 0 && sampling <= 100 ? sampling : defaultSamplingPercent
}

interface Tracer {
  readonly provider: ReturnType<typeof extensionConfig>
  readonly maxTagLength: number
  /** Which spans are kept is decided behind the proxy. */
  readonly samples: boolean
  /** Requests and their calls have spans of their own. */
  readonly ownSpans: boolean
}

/** The tracer of a provider; undefined if there is no such provider; a fault if it cannot take traces. */
export function tracerOf(world: World, name: string, service: string): Tracer | { readonly fault: string } | undefined {
  const provider = providerOf(world, name)
  if (!provider) return undefined
  const { zipkin, datadog, skywalking, opentelemetry } = provider
  const said = zipkin ?? datadog ?? skywalking ?? opentelemetry
  if (!said) return { fault: 'it takes no traces' }
  const target = providerTarget(world, said)
  if ('fault' in target) return target
  const made = <S extends DescMessage>(kind: string, schema: S, init: MessageInitShape<S>): Tracer => ({
    provider: extensionConfig(`envoy.tracers.${kind}`, schema, init),
    maxTagLength: 'maxTagLength' in said ? (said.maxTagLength ?? 0) : 0,
    samples: false,
    ownSpans: kind === 'skywalking',
  })
  if (zipkin)
    return made('zipkin', ZipkinConfigSchema, {
      collectorCluster: target.cluster,
      collectorHostname: target.host,
      collectorEndpoint: zipkin.path || '/api/v2/spans',
      collectorEndpointVersion: ZipkinConfig_CollectorEndpointVersion.HTTP_JSON,
      traceId128bit: zipkin.enable64bitTraceId !== true,
      sharedSpanContext: false,
    })
  if (datadog)
    return made('datadog', DatadogConfigSchema, {
      collectorCluster: target.cluster,
      collectorHostname: target.host,
      serviceName: service,
    })
  if (skywalking) return made('skywalking', SkyWalkingConfigSchema, { grpcService: grpcService(target) })
  return made('opentelemetry', OpenTelemetryConfigSchema, openTelemetry(opentelemetry ?? {}, target, service))
}

type OpenTelemetry = NonNullable<ExtensionProvider['opentelemetry']>
type Header = { readonly name?: string; readonly value?: string }

function openTelemetry(
  { http, grpc, resourceDetectors, serviceAttributeEnrichment }: OpenTelemetry,
  target: ProviderTarget,
  serviceName: string,
): Init<typeof OpenTelemetryConfigSchema> {
  const environment = resourceDetectors?.environment ?? serviceAttributeEnrichment === 'OTEL_SEMANTIC_CONVENTIONS'
  const detectors = environment
    ? [extension('envoy.tracers.opentelemetry.resource_detectors.environment', EnvironmentResourceDetectorConfigSchema)]
    : []
  const timeout = duration(http?.timeout ?? grpc?.timeout)
  const to: Init<typeof OpenTelemetryConfigSchema> = http
    ? { httpService: httpService(target, http.path ?? '', timeout, http.headers ?? []) }
    : {
        grpcService: {
          ...grpcService(target),
          ...(timeout && { timeout }),
          initialMetadata: (grpc?.initialMetadata ?? []).map(({ name = '', value = '' }) => ({ key: name, value })),
        },
      }
  return { ...to, serviceName, resourceDetectors: detectors }
}

function httpService(
  { host, cluster }: ProviderTarget,
  path: string,
  timeout: ReturnType<typeof duration>,
  headers: readonly Header[],
): Init<typeof HttpServiceSchema> {
  return {
    httpUri: {
      uri: `${host}/${path.replace(/^\/+/, '')}`,
      httpUpstreamType: { case: 'cluster', value: cluster },
      timeout: timeout ?? milliseconds(5000),
    },
    requestHeadersToAdd: headers.map(({ name = '', value = '' }) => ({
      appendAction: HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
      header: { key: name, value },
    })),
  }
}

function tagsOf({ istioTags, customTags }: WantedTracing, { identity }: TelemetryScope): TagInit[] {
  const own = Object.entries(istioTags ? (identity?.tags ?? {}) : {}).map(
    ([tag, value]): TagInit => ({ tag, type: { case: 'literal', value: { value } } }),
  )
  const custom = Object.entries(customTags).flatMap(([tag, { literal, environment, header }]): TagInit[] => {
    if (literal) return [{ tag, type: { case: 'literal', value: { value: literal.value } } }]
    const named = environment ?? header
    if (!named) return []
    const value = { name: named.name, defaultValue: named.defaultValue ?? '' }
    return [{ tag, type: { case: environment ? 'environment' : 'requestHeader', value } as TagInit['type'] & object }]
  })
  return [...own, ...custom].sort((a, b) => ((a.tag ?? '') < (b.tag ?? '') ? -1 : 1))
}
