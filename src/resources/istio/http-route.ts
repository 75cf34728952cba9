// The HTTP part of a VirtualService.
import {
  boolean,
  duration,
  int32,
  list,
  map,
  number,
  object,
  oneOf,
  required,
  type Static,
  string,
  uint32,
} from '../schema.ts'

/** One way to compare a text; a regular expression has to match the whole of it (RE2). */
export const stringMatch = object(
  {
    exact: string(),
    prefix: string(),
    regex: string({ description: 'RE2; must match the whole text.' }),
  },
  { atMostOne: [['exact', 'prefix', 'regex']] },
)

export const httpMatch = object({
  name: string({ description: 'Appended to the name of the route.' }),
  uri: stringMatch,
  scheme: stringMatch,
  method: stringMatch,
  authority: stringMatch,
  headers: map(stringMatch, { description: 'By lower-case name; an empty match asks for presence.' }),
  port: uint32({ description: 'Port of the host that is called.' }),
  sourceLabels: map(string(), {
    description: 'Labels of the calling workload; evaluated when the proxy is configured.',
  }),
  gateways: list(string(), { description: "Overrides the VirtualService's own gateways." }),
  queryParams: map(stringMatch),
  ignoreUriCase: boolean({ description: 'Only with exact and prefix matches of uri.' }),
  withoutHeaders: map(stringMatch, { description: 'Headers that must not match.' }),
  sourceNamespace: string(),
  statPrefix: string(),
})

export const portSelector = object({ number: uint32() })

export const destination = object({
  host: required(string({ description: 'Name of a service; short names are of the namespace of the rule.' })),
  subset: string({ description: 'Subset of a DestinationRule for that host.' }),
  port: portSelector,
})

const headerOperations = object({
  set: map(string(), { description: 'Replaces.' }),
  add: map(string(), { description: 'Appends.' }),
  remove: list(string()),
})

export const headers = object({ request: headerOperations, response: headerOperations })

export const httpRouteDestination = object({
  destination: required(destination),
  weight: int32({ description: 'Share of the requests, relative to the sum of all weights.' }),
  headers,
})

const httpRedirect = object(
  {
    uri: string(),
    authority: string(),
    port: uint32(),
    derivePort: oneOf(['FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT']),
    scheme: string(),
    redirectCode: uint32({ description: '301 if not given.' }),
    prefixRewrite: string({ description: 'Replaces the matched prefix.' }),
  },
  { atMostOne: [['port', 'derivePort']] },
)

const base64 = string({
  pattern: '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$',
  description: 'base64.',
})

const httpDirectResponse = object({
  status: required(uint32()),
  body: object({ string: string(), bytes: base64 }, { atMostOne: [['string', 'bytes']] }),
})

const httpRewrite = object({
  uri: string(),
  authority: string(),
  uriRegexRewrite: object({ match: string(), rewrite: string() }),
})

export const httpRetry = object({
  attempts: int32({ description: 'Retries beside the first try; 0 = none.' }),
  perTryTimeout: duration({ minimum: '1ms' }),
  retryOn: string({ description: 'Conditions and status codes, separated by commas.' }),
  retryRemoteLocalities: boolean({ nullable: true }),
  retryIgnorePreviousHosts: boolean({ nullable: true }),
  backoff: duration({ minimum: '1ms' }),
})

/** `value` is percent, 0 to 100, with fractions down to 0.0001. */
export const percent = object({ value: number({ minimum: 0, maximum: 100 }) })

const httpFaultInjection = object({
  delay: object(
    {
      percent: int32({ description: 'Deprecated: use percentage.' }),
      fixedDelay: duration({ minimum: '1ms' }),
      exponentialDelay: duration({ minimum: '1ms', description: 'Not supported.' }),
      percentage: percent,
    },
    { atMostOne: [['fixedDelay', 'exponentialDelay']] },
  ),
  abort: object(
    {
      httpStatus: int32(),
      grpcStatus: string(),
      http2Error: string({ description: 'Not supported.' }),
      percentage: percent,
    },
    { atMostOne: [['httpStatus', 'grpcStatus', 'http2Error']] },
  ),
})

const httpMirror = object({ destination: required(destination), percentage: percent })

const corsPolicy = object({
  allowOrigin: list(string(), { description: 'Deprecated: use allowOrigins.' }),
  allowOrigins: list(stringMatch),
  allowMethods: list(string()),
  allowHeaders: list(string()),
  exposeHeaders: list(string()),
  maxAge: duration({ minimum: '1ms' }),
  allowCredentials: boolean({ nullable: true }),
  unmatchedPreflights: oneOf(['UNSPECIFIED', 'FORWARD', 'IGNORE']),
})

/** One rule: where requests that match go, and what is done to them on the way. */
export const httpRoute = object({
  name: string({ description: 'Shown in access logs.' }),
  match: list(httpMatch, { description: 'Any of these; none = every request.' }),
  route: list(httpRouteDestination),
  redirect: httpRedirect,
  directResponse: httpDirectResponse,
  delegate: object(
    { name: string(), namespace: string() },
    { description: 'A VirtualService without hosts that goes on.' },
  ),
  rewrite: httpRewrite,
  timeout: duration({ minimum: '1ms', description: 'None if not given.' }),
  retries: httpRetry,
  fault: httpFaultInjection,
  mirror: destination,
  mirrors: list(httpMirror),
  mirrorPercent: uint32({ nullable: true, description: 'Deprecated: use mirrorPercentage.' }),
  mirror_percent: uint32({ nullable: true, description: 'Deprecated: use mirrorPercentage.' }),
  mirrorPercentage: percent,
  corsPolicy,
  headers,
})

export type StringMatch = Static<typeof stringMatch>
export type HttpMatch = Static<typeof httpMatch>
export type Destination = Static<typeof destination>
export type HeaderOperations = Static<typeof headerOperations>
export type Headers = Static<typeof headers>
export type HttpRouteDestination = Static<typeof httpRouteDestination>
export type HttpRedirect = Static<typeof httpRedirect>
export type HttpDirectResponse = Static<typeof httpDirectResponse>
export type HttpRewrite = Static<typeof httpRewrite>
export type HttpRetry = Static<typeof httpRetry>
export type Percent = Static<typeof percent>
export type HttpFaultInjection = Static<typeof httpFaultInjection>
export type HttpMirror = Static<typeof httpMirror>
export type CorsPolicy = Static<typeof corsPolicy>
export type HttpRoute = Static<typeof httpRoute>
