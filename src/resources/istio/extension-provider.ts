// Services that proxies ask or report to, named in the MeshConfig and referred to by policies.
import {
  anyObject,
  boolean,
  duration,
  integer,
  list,
  map,
  object,
  oneOf,
  type Static,
  string,
  uint32,
} from '../schema.ts'

const timeout = duration({ minimum: '1ms' })
const names = list(string())

const requestBody = object({ maxRequestBytes: uint32(), allowPartialMessage: boolean(), packAsBytes: boolean() })

export const extAuthzHttp = object({
  service: string(),
  port: uint32(),
  timeout,
  pathPrefix: string(),
  failOpen: boolean(),
  clearRouteCache: boolean(),
  statusOnError: string(),
  includeHeadersInCheck: names,
  includeRequestHeadersInCheck: names,
  includeAdditionalHeadersInCheck: map(string()),
  includeRequestBodyInCheck: requestBody,
  headersToUpstreamOnAllow: names,
  headersToDownstreamOnDeny: names,
  headersToDownstreamOnAllow: names,
})

export const extAuthzGrpc = object({
  service: string(),
  port: uint32(),
  timeout,
  failOpen: boolean(),
  clearRouteCache: boolean(),
  statusOnError: string(),
  includeRequestBodyInCheck: requestBody,
})

const header = object({ name: string(), value: string(), envName: string() })
const service = { service: string(), port: uint32() }
const tracer = { ...service, maxTagLength: uint32() }
const httpService = object({ path: string(), timeout, headers: list(header) })

const openTelemetryTracing = object({
  ...tracer,
  http: httpService,
  grpc: object({ timeout, initialMetadata: list(header) }),
  resourceDetectors: object({ environment: anyObject(), dynatrace: anyObject() }),
  serviceAttributeEnrichment: oneOf(['ISTIO_CANONICAL', 'OTEL_SEMANTIC_CONVENTIONS']),
  dynatraceSampler: object({
    tenant: string(),
    clusterId: integer(),
    rootSpansPerMinute: uint32(),
    httpService: object({ ...service, http: httpService }),
  }),
})

const logFormat = object({ text: string(), labels: anyObject() }, { atMostOne: [['text', 'labels']] })

const grpcLog = { ...service, logName: string(), filterStateObjectsToLog: names }

const providers = {
  envoyExtAuthzHttp: extAuthzHttp,
  envoyExtAuthzGrpc: extAuthzGrpc,
  zipkin: object({
    ...tracer,
    enable64bitTraceId: boolean(),
    path: string(),
    traceContextOption: oneOf(['USE_B3', 'USE_B3_WITH_W3C_PROPAGATION']),
    timeout,
    headers: list(header),
  }),
  lightstep: object({ ...tracer, accessToken: string() }),
  datadog: object(tracer),
  stackdriver: anyObject(),
  opencensus: anyObject(),
  skywalking: object({ ...service, accessToken: string() }),
  opentelemetry: openTelemetryTracing,
  prometheus: anyObject(),
  envoyFileAccessLog: object({ path: string(), logFormat, omitEmptyValues: boolean() }),
  envoyHttpAls: object({
    ...grpcLog,
    additionalRequestHeadersToLog: names,
    additionalResponseHeadersToLog: names,
    additionalResponseTrailersToLog: names,
  }),
  envoyTcpAls: object(grpcLog),
  envoyOtelAls: object({ ...service, logName: string(), logFormat }),
  sds: object({ name: string(), ...service }),
}

export const extensionProvider = object(
  { name: string(), ...providers },
  { atMostOne: [Object.keys(providers) as (keyof typeof providers)[]] },
)

export type ExtAuthzHttp = Static<typeof extAuthzHttp>
export type ExtAuthzGrpc = Static<typeof extAuthzGrpc>
export type ExtensionProvider = Static<typeof extensionProvider>
