// The parts of Istio's MeshConfig and MeshNetworks that are read, as written (durations are texts like `10s`).
import type { LabelSelector } from '../lib/index.ts'

export interface LocalityLbSetting {
  enabled?: boolean
  distribute?: { from?: string; to?: Record<string, number> }[]
  failover?: { from?: string; to?: string }[]
  failoverPriority?: string[]
}

export interface ZoneAwareLbSetting {
  enabled?: boolean
  minClusterSize?: number
  failover?: { from?: string; to?: string }[]
  failoverPriority?: string[]
}

export interface RetryPolicySetting {
  attempts?: number
  perTryTimeout?: string
  retryOn?: string
  retryRemoteLocalities?: boolean
  retryIgnorePreviousHosts?: boolean
  backoff?: string
}

export interface ExtensionProvider {
  name?: string
  [kind: string]: unknown
}

export interface MeshConfig {
  rootNamespace?: string
  trustDomain?: string
  trustDomainAliases?: string[]
  caCertificates?: { pem?: string; trustDomains?: string[] }[]
  enableAutoMtls?: boolean
  enablePrometheusMerge?: boolean
  outboundTrafficPolicy?: { mode?: string }
  inboundTrafficPolicy?: { mode?: string }
  connectTimeout?: string
  tcpKeepalive?: { probes?: number; time?: string; interval?: string }
  protocolDetectionTimeout?: string
  h2UpgradePolicy?: string
  localityLbSetting?: LocalityLbSetting
  zoneAwareLbSetting?: ZoneAwareLbSetting
  defaultHttpRetryPolicy?: RetryPolicySetting
  defaultInboundHttpRetryPolicy?: RetryPolicySetting
  defaultTrafficPolicy?: Record<string, unknown>
  defaultServiceExportTo?: string[]
  defaultVirtualServiceExportTo?: string[]
  defaultDestinationRuleExportTo?: string[]
  discoverySelectors?: LabelSelector[]
  serviceSettings?: { settings?: { clusterLocal?: boolean }; hosts?: string[] }[]
  outboundClusterStatName?: string
  inboundClusterStatName?: string
  accessLogFile?: string
  accessLogFormat?: string
  accessLogEncoding?: string
  enableEnvoyAccessLogService?: boolean
  disableEnvoyListenerLog?: boolean
  enableTracing?: boolean
  defaultProviders?: { tracing?: string[]; metrics?: string[]; accessLogging?: string[] }
  extensionProviders?: ExtensionProvider[]
  defaultConfig?: Record<string, unknown>
  proxyHttpPort?: number
  pathNormalization?: { normalization?: string }
  meshMTLS?: { minProtocolVersion?: string; ecdhCurves?: string[]; cipherSuites?: string[] }
  tlsDefaults?: { minProtocolVersion?: string; ecdhCurves?: string[]; cipherSuites?: string[] }
  ingressService?: string
  ingressSelector?: string
  ingressClass?: string
  ingressControllerMode?: string
  dnsRefreshRate?: string
  verifyCertificateAtClient?: boolean
  [other: string]: unknown
}

export interface MeshNetworks {
  networks?: Record<
    string,
    {
      endpoints?: { fromCidr?: string; fromRegistry?: string }[]
      gateways?: { address?: string; registryServiceName?: string; port?: number; locality?: string }[]
    }
  >
}
