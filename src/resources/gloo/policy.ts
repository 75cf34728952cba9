// What is to happen to requests: the `policy` of a TrafficPolicy, and the `options` of routes and virtual hosts.
import {
  anyObject,
  boolean,
  enumeration,
  integer,
  list,
  map,
  number,
  object,
  protoDuration,
  type Static,
  string,
  uint32,
} from '../dsl.ts'
import { clusterObjectRef, objectRef, objectSelector, stringMatch } from './common.ts'

const headerManipulation = object({
  appendRequestHeaders: map(string()),
  removeRequestHeaders: list(string()),
  appendResponseHeaders: map(string()),
  removeResponseHeaders: list(string()),
})

export const weightedDestination = object(
  {
    weight: uint32({ description: 'Share among the destinations; a single destination gets everything.' }),
    kubeService: object({
      name: string(),
      namespace: string(),
      clusterName: string(),
      subset: map(string()),
      port: uint32(),
    }),
    virtualDestination: object({ name: string(), namespace: string(), subset: map(string()) }),
    staticDestination: objectRef(),
    clusterHeader: string(),
    failoverService: object({ name: string(), namespace: string(), subset: map(string()) }),
    options: object({ headerManipulation }),
  },
  { atMostOne: [['kubeService', 'virtualDestination', 'staticDestination', 'clusterHeader', 'failoverService']] },
)

export const outlierDetection = object({
  consecutiveErrors: uint32(),
  interval: protoDuration(),
  baseEjectionTime: protoDuration(),
  maxEjectionPercent: uint32(),
})

export const tlsMode = enumeration(['DISABLE', 'SIMPLE', 'ISTIO_MUTUAL'])

export const policyFields = {
  trafficShift: object({ destinations: list(weightedDestination) }),
  faultInjection: object(
    {
      fixedDelay: protoDuration(),
      abort: object({ httpStatus: integer() }),
      delay: object({ fixedDelay: protoDuration() }, { description: 'Form of early releases; use fixedDelay.' }),
      percentage: number({ description: 'Of the requests, 0 to 100; omitted: 100.' }),
    },
    { atMostOne: [['fixedDelay', 'abort', 'delay']] },
  ),
  requestTimeout: protoDuration(),
  retries: object({ attempts: integer(), perTryTimeout: protoDuration() }),
  corsPolicy: object({
    allowOrigins: list(stringMatch),
    allowMethods: list(string()),
    allowHeaders: list(string()),
    exposeHeaders: list(string()),
    maxAge: protoDuration(),
    allowCredentials: boolean(),
  }),
  mirror: object({ kubeService: clusterObjectRef(), percentage: number(), port: uint32() }),
  headerManipulation,
  outlierDetection,
  mtls: object({ istio: object({ tlsMode }) }),
  csrf: object({
    filterEnabled: boolean(),
    shadowEnabled: boolean(),
    percentage: number(),
    additionalOrigins: list(stringMatch),
  }),
  rateLimit: object({
    ratelimitServerConfigSelector: objectSelector,
    raw: object({ rateLimits: list(anyObject()) }),
    ratelimitClientConfigRef: objectRef(),
  }),
  extauth: object({
    disable: boolean(),
    configRef: objectRef(),
    customAuth: object({ contextExtensions: map(string()) }),
  }),
} as const

export const policy = object(policyFields)

export const httpMatcherFields = {
  name: string(),
  uri: stringMatch,
  headers: list(object({ name: string(), value: string(), regex: boolean(), invertMatch: boolean() })),
  queryParameters: list(object({ name: string(), value: string(), regex: boolean() })),
} as const

export type PolicySpec = Static<typeof policy>
export type WeightedDestinationSpec = Static<typeof weightedDestination>
