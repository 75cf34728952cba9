// What a DestinationRule says of the connections to a service: load balancing, pools, health, TLS.
import {
  boolean,
  duration,
  int32,
  integer,
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
import { portSelector } from './http-route.ts'

const httpCookie = object({
  name: required(string()),
  path: string(),
  ttl: duration({ description: '0s = a session cookie; not given = the cookie is never made here.' }),
  attributes: list(object({ name: required(string()), value: string() })),
})

const consistentHash = object(
  {
    httpHeaderName: string(),
    httpCookie,
    useSourceIp: boolean(),
    httpQueryParameterName: string(),
    ringHash: object({ minimumRingSize: integer({ minimum: 0 }) }),
    maglev: object({ tableSize: integer({ minimum: 0 }) }),
    minimumRingSize: integer({ minimum: 0, description: 'Deprecated: use ringHash.' }),
  },
  {
    atMostOne: [
      ['httpHeaderName', 'httpCookie', 'useSourceIp', 'httpQueryParameterName'],
      ['ringHash', 'maglev'],
    ],
  },
)

const failoverRule = object({ from: string(), to: string() })

/** API servers must know how long lists can become to say what rules over them may cost. */
const mostLocalities = 256

export const localityLbSetting = object(
  {
    distribute: list(
      object({
        from: string(),
        to: map(uint32(), { maxProperties: mostLocalities, description: 'Locality → percent; the sum is 100.' }),
      }),
      { maxItems: mostLocalities },
    ),
    failover: list(failoverRule, { description: 'Which region stands in for which.' }),
    failoverPriority: list(string(), { description: 'Labels by which endpoints are ranked, most important first.' }),
    enabled: boolean({ nullable: true }),
  },
  {
    rules: [
      {
        rule: '!has(self.distribute) || !has(self.failover) || size(self.distribute) == 0 || size(self.failover) == 0',
        message: 'distribute and failover cannot be set together',
        costly: true,
      },
      {
        rule: '!has(self.distribute) || self.distribute.all(d, has(d.to) && d.to.all(k, d.to[k] >= 1) && d.to.map(k, d.to[k]).sum() == 100)',
        message: 'the weights of each distribute[].to must be 1 or more and add up to 100',
        costly: true,
      },
    ],
  },
)

export const zoneAwareLbSetting = object({
  enabled: boolean({ nullable: true }),
  failover: list(failoverRule),
  failoverPriority: list(string()),
  minClusterSize: integer({ minimum: 1, nullable: true }),
})

export const loadBalancer = object(
  {
    simple: oneOf(['UNSPECIFIED', 'LEAST_CONN', 'RANDOM', 'PASSTHROUGH', 'ROUND_ROBIN', 'LEAST_REQUEST']),
    consistentHash,
    backendUtilization: object({
      weightStabilizationPeriod: duration(),
      weightExpirationPeriod: duration(),
      weightUpdatePeriod: duration(),
      errorUtilizationPenaltyPercent: uint32(),
      metricNamesForComputingUtilization: list(string()),
    }),
    localityLbSetting,
    zoneAwareLbSetting,
    warmupDurationSecs: duration({ minimum: '1ms', description: 'Deprecated: use warmup.' }),
    warmup: object({
      duration: required(duration({ minimum: '1ms' })),
      minimumPercent: number({ nullable: true, minimum: 0, maximum: 100 }),
      aggression: number({ nullable: true, minimum: 0 }),
    }),
  },
  {
    atMostOne: [
      ['simple', 'consistentHash', 'backendUtilization'],
      ['warmupDurationSecs', 'warmup'],
    ],
  },
)

export const tcpKeepalive = object({
  probes: uint32(),
  time: duration({ minimum: '1ms' }),
  interval: duration({ minimum: '1ms' }),
})

const tcpPool = object({
  maxConnections: int32({ minimum: 0 }),
  connectTimeout: duration({ minimum: '1ms', description: '10s if not given.' }),
  tcpKeepalive,
  maxConnectionDuration: duration({ minimum: '1ms' }),
  idleTimeout: duration({ description: '0s = never.' }),
})

const httpPool = object({
  http1MaxPendingRequests: int32({ minimum: 0 }),
  http2MaxRequests: int32({ minimum: 0 }),
  maxRequestsPerConnection: int32({ minimum: 0 }),
  maxRetries: int32({ minimum: 0 }),
  idleTimeout: duration({ minimum: '1ms' }),
  h2UpgradePolicy: oneOf(['DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE']),
  useClientProtocol: boolean(),
  maxConcurrentStreams: int32({ minimum: 0 }),
  http2KeepAlive: object({ interval: duration({ minimum: '1ms' }), timeout: duration({ minimum: '1ms' }) }),
})

export const connectionPool = object({ tcp: tcpPool, http: httpPool })

export const outlierDetection = object({
  consecutiveErrors: int32({ description: 'Deprecated, without effect: use consecutive5xxErrors.' }),
  splitExternalLocalOriginErrors: boolean(),
  consecutiveLocalOriginFailures: uint32({ nullable: true }),
  consecutiveGatewayErrors: uint32({ nullable: true }),
  consecutive5xxErrors: uint32({ nullable: true }),
  interval: duration({ minimum: '1ms' }),
  baseEjectionTime: duration({ minimum: '1ms' }),
  maxEjectionPercent: int32({ minimum: 0, maximum: 100 }),
  minHealthPercent: int32({ minimum: 0, maximum: 100 }),
  outlierDetectionHttpErrorCodes: list(int32({ minimum: 100, maximum: 599 })),
})

export const clientTls = object({
  mode: oneOf(['DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL']),
  clientCertificate: string(),
  privateKey: string(),
  caCertificates: string(),
  credentialName: string(),
  subjectAltNames: list(string()),
  sni: string(),
  insecureSkipVerify: boolean({ nullable: true }),
  caCrl: string(),
})

const policyBlocks = {
  loadBalancer,
  connectionPool,
  outlierDetection,
  tls: clientTls,
}

export const portTrafficPolicy = object({ port: portSelector, ...policyBlocks })

export const trafficPolicy = object({
  ...policyBlocks,
  portLevelSettings: list(portTrafficPolicy, {
    maxItems: 4096,
    description: 'Per port; replaces the settings above as a whole.',
  }),
  tunnel: object({ protocol: string(), targetHost: required(string()), targetPort: required(uint32()) }),
  proxyProtocol: object({ version: oneOf(['V1', 'V2']) }),
  retryBudget: object({
    percent: number({ nullable: true, minimum: 0, maximum: 100 }),
    minRetryConcurrency: uint32(),
    budgetInterval: duration(),
  }),
})

export type ConsistentHash = Static<typeof consistentHash>
export type LocalityLbSetting = Static<typeof localityLbSetting>
export type ZoneAwareLbSetting = Static<typeof zoneAwareLbSetting>
export type LoadBalancer = Static<typeof loadBalancer>
export type TcpKeepalive = Static<typeof tcpKeepalive>
export type ConnectionPool = Static<typeof connectionPool>
export type OutlierDetection = Static<typeof outlierDetection>
export type ClientTls = Static<typeof clientTls>
export type PortTrafficPolicy = Static<typeof portTrafficPolicy>
export type TrafficPolicy = Static<typeof trafficPolicy>
