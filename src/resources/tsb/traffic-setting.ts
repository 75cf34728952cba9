// TrafficSetting: resilience, reachability and egress, for a group, a service, or all below an ancestor.
import { boolean, defineKind, enumeration, list, object, protoDuration, type Static, string, uint32 } from '../dsl.ts'
import { checkTrafficSetting } from './checks.ts'
import { envelope, spec, status, statusColumn, tenantColumn, v2, workspaceColumn } from './common.ts'
import { failoverSettings } from './failover.ts'
import { rateLimiting } from './rate-limiting.ts'

const tcpKeepAlive = object({
  idleTime: uint32({ description: 'Seconds.' }),
  interval: uint32({ description: 'Seconds.' }),
  probes: uint32(),
})

const retries = object({
  attempts: uint32({ description: '0 switches retries off; the whole object omitted: 2.' }),
  perTryTimeout: protoDuration(),
  retryOn: string(),
  retryBackOff: object({ baseInterval: protoDuration(), maxInterval: protoDuration() }),
})

const circuitBreakerSensitivity = enumeration(
  ['UNSET', 'LOW', 'MEDIUM', 'HIGH', 'CUSTOM'],
  'Failures in a row before an endpoint is left out: 20, 10, 5, or outlierDetection.',
)

const outlierDetection = object({
  interval: protoDuration('Omitted: 10s.'),
  baseEjectionTime: protoDuration('Omitted: 30s.'),
  maxEjectionTime: protoDuration('Omitted: 300s.'),
  maxEjectionPercent: uint32({ description: 'Omitted: 100.' }),
  consecutiveGatewayFailure: uint32({ description: 'Omitted: 10.' }),
  enforcingConsecutiveGatewayFailure: uint32({ description: 'Omitted: 100.' }),
  consecutive5Xx: uint32({ description: 'Omitted: 5.' }),
  enforcingConsecutive5Xx: uint32({ description: 'Omitted: 0.' }),
  splitExternalLocalOriginErrors: boolean(),
  consecutiveLocalOriginFailure: uint32(),
  enforcingConsecutiveLocalOriginFailure: uint32(),
})

const loadBalancer = object(
  {
    simple: enumeration(['UNSPECIFIED', 'ROUND_ROBIN', 'LEAST_REQUEST', 'RANDOM', 'PASSTHROUGH']),
    consistentHash: object(
      {
        httpHeaderName: string(),
        httpCookie: object({ name: string(), path: string(), ttl: protoDuration() }),
        useSourceIp: boolean(),
        httpQueryParameterName: string(),
        ringHash: object({ minimumRingSize: uint32() }),
        maglev: object({ tableSize: uint32() }),
      },
      {
        atMostOne: [
          ['httpHeaderName', 'httpCookie', 'useSourceIp', 'httpQueryParameterName'],
          ['ringHash', 'maglev'],
        ],
      },
    ),
  },
  { atMostOne: [['simple', 'consistentHash']] },
)

const upstreamTrafficSettings = list(
  object({
    hosts: list(string(), { description: 'NAMESPACE/HOST each; "*" for all.' }),
    settings: object({
      authentication: object({ trafficMode: enumeration(['UNSET', 'OPTIONAL', 'REQUIRED']) }),
      loadBalancer,
      resilience: object({
        circuitBreakerSensitivity,
        outlierDetection,
        connectionPool: object({
          tcp: object({
            connectTimeout: protoDuration('Omitted: 10s.'),
            maxConnections: uint32(),
            keepAlive: tcpKeepAlive,
          }),
          http: object({
            maxRequests: uint32(),
            maxRequestsPerConnection: uint32(),
            requestTimeout: protoDuration(),
            retries,
          }),
        }),
      }),
    }),
  }),
)

const reachability = object({
  mode: enumeration(['UNSET', 'CLUSTER', 'NAMESPACE', 'GROUP', 'WORKSPACE', 'CUSTOM']),
  hosts: list(string(), { description: 'NAMESPACE/HOST each, NAMESPACE/*, ./* or */HOST; for mode CUSTOM.' }),
})

const egress = object({ host: string({ description: 'NAMESPACE/HOST of the egress gateway.' }), port: uint32() })

/** Fields of a TrafficSetting. Those after `outbound` are the older spelling of what `inbound` and `outbound` say. */
export const trafficSettingFields = {
  inbound: object({
    failoverSettings,
    rateLimiting,
    resilience: object({
      connectionPool: object({ tcp: object({ keepAlive: tcpKeepAlive }) }),
      meshTimeout: object({
        maxConnectionDuration: protoDuration(),
        maxDownstreamConnectionDuration: protoDuration(),
        maxStreamDuration: protoDuration(),
        proxyType: enumeration(['ANY', 'SIDECAR', 'GATEWAY']),
      }),
    }),
  }),
  outbound: object({ reachability, egress, upstreamTrafficSettings }),
  reachability,
  resilience: object({
    httpRequestTimeout: protoDuration(),
    httpRetries: retries,
    tcpKeepalive: boolean(),
    keepAlive: object({ tcp: object({ downstream: tcpKeepAlive, upstream: tcpKeepAlive }) }),
    circuitBreakerSensitivity,
  }),
  egress,
  rateLimiting,
  upstreamTrafficSettings,
} as const

/** A TrafficSetting as a part of another object. */
export const trafficSettingPart = object({ ...envelope, ...trafficSettingFields })

const common = { group: 'traffic.tsb.tetrate.io', versions: v2, categories: ['tsb'], status }
const printerColumns = [statusColumn, tenantColumn, workspaceColumn]

export const trafficSetting = defineKind({
  ...common,
  kind: 'TrafficSetting',
  plural: 'trafficsettings',
  shortNames: ['ts'],
  description: 'How the workloads of a traffic group call and are called.',
  spec: spec(trafficSettingFields),
  printerColumns,
  checkFields: (root, { spec: value }) => value && checkTrafficSetting(root.field('spec'), value),
})

export const serviceTrafficSetting = defineKind({
  ...common,
  kind: 'ServiceTrafficSetting',
  plural: 'servicetrafficsettings',
  singular: 'servicetrafficsetting',
  description: 'The same for one service of a traffic group.',
  spec: spec({ service: string({ description: 'NAMESPACE/HOST.' }), settings: trafficSettingPart }),
  printerColumns,
  checkFields: (root, { spec: value }) => {
    const place = root.field('spec')
    if (!value?.service) place.field('service').error('Required value', 'required')
    if (value?.settings !== undefined) checkTrafficSetting(place.field('settings'), value.settings)
  },
})

export type TrafficSettingSpec = Static<typeof trafficSettingPart>
export type ServiceTrafficSettingSpec = Static<typeof serviceTrafficSetting.spec>
