// Settings of the whole mesh: the key `mesh` of ConfigMap `istio` in the system namespace.

import type { ObjectRef, Problem } from '../../report/index.ts'
import { collect, type Place } from '../check.ts'
import {
  anyObject,
  anyValue,
  boolean,
  duration,
  int32,
  list,
  map,
  number,
  object,
  oneOf,
  type Static,
  string,
  uint32,
} from '../schema.ts'
import { checkShape, fromProtobuf, isObject } from '../shape.ts'
import { extensionProvider } from './extension-provider.ts'
import { httpRetry } from './http-route.ts'
import {
  clientTls,
  connectionPool,
  localityLbSetting,
  outlierDetection,
  tcpKeepalive,
  zoneAwareLbSetting,
} from './traffic-policy.ts'
import { readinessProbe } from './workload-group.ts'

const disabled = object({ disabled: boolean() })
const enabled = object({ enabled: boolean() })
const clientCertDetails = oneOf([
  'UNDEFINED',
  'SANITIZE',
  'FORWARD_ONLY',
  'APPEND_FORWARD',
  'SANITIZE_SET',
  'ALWAYS_FORWARD_ONLY',
])

/** ProxyConfig of the MeshConfig (`defaultConfig`) and of the pod annotation `proxy.istio.io/config`. */
export const meshProxyConfig = object({
  configPath: string(),
  binaryPath: string(),
  serviceCluster: string(),
  tracingServiceName: string(),
  drainDuration: duration(),
  discoveryAddress: string(),
  statsdUdpAddress: string(),
  proxyAdminPort: int32(),
  controlPlaneAuthPolicy: string(),
  statNameLength: int32(),
  concurrency: int32(),
  interceptionMode: oneOf(['REDIRECT', 'TPROXY', 'NONE']),
  tracing: object({
    zipkin: object({ address: string() }),
    datadog: object({ address: string() }),
    customTags: map(anyObject()),
    maxPathTagLength: uint32(),
    sampling: number(),
    tlsSettings: clientTls,
    enableIstioTags: boolean(),
  }),
  proxyMetadata: map(string()),
  runtimeValues: map(string()),
  statusPort: int32(),
  extraStatTags: list(string()),
  gatewayTopology: object({
    numTrustedProxies: uint32(),
    forwardClientCertDetails: clientCertDetails,
    proxyProtocol: anyObject(),
  }),
  terminationDrainDuration: duration(),
  meshId: string(),
  readinessProbe,
  proxyStatsMatcher: object({
    inclusionPrefixes: list(string()),
    inclusionSuffixes: list(string()),
    inclusionRegexps: list(string()),
  }),
  holdApplicationUntilProxyStarts: boolean(),
  image: object({ imageType: string() }),
  proxyHeaders: object({
    forwardedClientCert: clientCertDetails,
    setCurrentClientCertDetails: object({
      subject: boolean(),
      cert: boolean(),
      chain: boolean(),
      dns: boolean(),
      uri: boolean(),
    }),
    requestId: disabled,
    server: object({ disabled: boolean(), value: string() }),
    attemptCount: disabled,
    envoyDebugHeaders: disabled,
    metadataExchangeHeaders: object({ mode: oneOf(['UNDEFINED', 'IN_MESH']) }),
    preserveHttp1HeaderCase: boolean(),
    xForwardedHost: enabled,
    xForwardedPort: enabled,
  }),
  fileFlushInterval: duration(),
  fileFlushMinSizeKb: uint32(),
  statsCompression: boolean(),
  connectionSettings: anyObject(),
})

const labelRequirements = object({
  matchLabels: map(string()),
  matchExpressions: list(object({ key: string(), operator: string(), values: list(string()) })),
})

const tlsConfig = object({
  minProtocolVersion: oneOf(['TLS_AUTO', 'TLSV1_2', 'TLSV1_3']),
  ecdhCurves: list(string()),
  cipherSuites: list(string()),
})

export const meshConfigSchema = object({
  proxyListenPort: int32(),
  proxyInboundListenPort: int32(),
  proxyHttpPort: int32(),
  connectTimeout: duration(),
  hboneIdleTimeout: duration(),
  protocolDetectionTimeout: duration(),
  tcpKeepalive,
  ingressClass: string(),
  ingressService: string(),
  ingressControllerMode: oneOf(['UNSPECIFIED', 'OFF', 'DEFAULT', 'STRICT']),
  ingressSelector: string(),
  enableTracing: boolean(),
  accessLogFile: string(),
  accessLogFormat: string(),
  accessLogEncoding: oneOf(['TEXT', 'JSON']),
  enableEnvoyAccessLogService: boolean(),
  disableEnvoyListenerLog: boolean(),
  defaultConfig: meshProxyConfig,
  outboundTrafficPolicy: object({
    mode: oneOf(['REGISTRY_ONLY', 'ALLOW_ANY', 'ALLOW_ANY_DYNAMIC_DNS']),
    tls: clientTls,
  }),
  inboundTrafficPolicy: object({ mode: oneOf(['PASSTHROUGH', 'LOCALHOST']) }),
  enableAutoMtls: boolean(),
  trustDomain: string(),
  trustDomainAliases: list(string()),
  caCertificates: list(
    object({ pem: string(), spiffeBundleUrl: string(), certSigners: list(string()), trustDomains: list(string()) }),
  ),
  defaultServiceExportTo: list(string()),
  defaultVirtualServiceExportTo: list(string()),
  defaultDestinationRuleExportTo: list(string()),
  rootNamespace: string(),
  localityLbSetting,
  zoneAwareLbSetting,
  dnsRefreshRate: duration(),
  h2UpgradePolicy: oneOf(['DO_NOT_UPGRADE', 'UPGRADE']),
  inboundClusterStatName: string(),
  outboundClusterStatName: string(),
  serviceSettings: list(object({ settings: object({ clusterLocal: boolean() }), hosts: list(string()) })),
  serviceScopeConfigs: list(
    object({
      namespaceSelector: labelRequirements,
      servicesSelector: labelRequirements,
      scope: oneOf(['LOCAL', 'GLOBAL']),
    }),
  ),
  enablePrometheusMerge: boolean(),
  verifyCertificateAtClient: boolean(),
  extensionProviders: list(extensionProvider),
  defaultProviders: object({ tracing: list(string()), metrics: list(string()), accessLogging: list(string()) }),
  discoverySelectors: list(labelRequirements),
  pathNormalization: object({
    normalization: oneOf(['DEFAULT', 'NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES']),
  }),
  defaultHttpRetryPolicy: httpRetry,
  defaultInboundHttpRetryPolicy: httpRetry,
  meshMTLS: tlsConfig,
  tlsDefaults: tlsConfig,
  defaultTrafficPolicy: object({ connectionPool, outlierDetection }),
  configSources: anyValue(),
  certificates: anyValue(),
  ca: anyValue(),
  serviceEntryVisibility: anyValue(),
})

/** The MeshConfig as written: everything may be absent. */
export type MeshConfigInput = Static<typeof meshConfigSchema>

/** The MeshConfig with the defaults of istiod filled in. */
export type MeshConfig = MeshConfigInput & Required<Pick<MeshConfigInput, keyof typeof meshDefaults>>

/** What istiod takes where the MeshConfig says nothing (its pkg/config/mesh). */
const meshDefaults = {
  proxyListenPort: 15001,
  proxyInboundListenPort: 15006,
  connectTimeout: '10s',
  protocolDetectionTimeout: '0s',
  ingressClass: 'istio',
  ingressService: 'istio-ingressgateway',
  ingressControllerMode: 'STRICT',
  enableTracing: true,
  accessLogFile: '',
  accessLogFormat: '',
  accessLogEncoding: 'TEXT',
  defaultConfig: {},
  outboundTrafficPolicy: { mode: 'ALLOW_ANY' },
  inboundTrafficPolicy: { mode: 'PASSTHROUGH' },
  enableAutoMtls: true,
  trustDomain: 'cluster.local',
  trustDomainAliases: [],
  defaultServiceExportTo: ['*'],
  defaultVirtualServiceExportTo: ['*'],
  defaultDestinationRuleExportTo: ['*'],
  rootNamespace: 'istio-system',
  localityLbSetting: { enabled: true },
  dnsRefreshRate: '60s',
  serviceSettings: [],
  enablePrometheusMerge: true,
  extensionProviders: [
    { name: 'prometheus', prometheus: {} },
    { name: 'envoy', envoyFileAccessLog: { path: '/dev/stdout' } },
  ],
  defaultProviders: {},
} satisfies MeshConfigInput

/**
 * Reads a MeshConfig. Like protobuf's JSON it takes snake_case names, numbers as text and enums as numbers, and lets
 * unknown fields pass (with a warning); fields of the wrong shape are reported and left at their defaults.
 */
export function readMeshConfig(value: unknown, object: ObjectRef): { meshConfig: MeshConfig; problems: Problem[] } {
  let written: MeshConfigInput = {}
  const problems = collect(object, (root: Place) => {
    written = (checkShape(meshConfigSchema, value ?? {}, root, { dialect: 'protobuf' }) ?? {}) as MeshConfigInput
  })
  const named = new Set(written.extensionProviders?.map((p) => p.name))
  const extensionProviders = [
    ...meshDefaults.extensionProviders.filter((p) => !named.has(p.name)),
    ...(written.extensionProviders ?? []),
  ]
  return { meshConfig: { ...meshDefaults, ...written, extensionProviders }, problems }
}

/** A MeshConfig as written, with the names and the numbers that everybody expects: `enable_auto_mtls` is enableAutoMtls. */
export function plainMeshConfig(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const plain = fromProtobuf(meshConfigSchema, value)
  return isObject(plain) ? plain : {}
}

/** The MeshConfig of a mesh that sets nothing. */
export const defaultMeshConfig: MeshConfig = meshDefaults
