import type { Index } from '../discovery/index.ts'

export const istioKinds = {
  virtualService: 'networking.istio.io/VirtualService',
  destinationRule: 'networking.istio.io/DestinationRule',
  gateway: 'networking.istio.io/Gateway',
  sidecar: 'networking.istio.io/Sidecar',
  envoyFilter: 'networking.istio.io/EnvoyFilter',
  proxyConfig: 'networking.istio.io/ProxyConfig',
  peerAuthentication: 'security.istio.io/PeerAuthentication',
  requestAuthentication: 'security.istio.io/RequestAuthentication',
  authorizationPolicy: 'security.istio.io/AuthorizationPolicy',
  wasmPlugin: 'extensions.istio.io/WasmPlugin',
  trafficExtension: 'extensions.istio.io/TrafficExtension',
  telemetry: 'telemetry.istio.io/Telemetry',
  httpRoute: 'gateway.networking.k8s.io/HTTPRoute',
  ingress: 'networking.k8s.io/Ingress',
  ingressClass: 'networking.k8s.io/IngressClass',
} as const

/** Fairlead's own kinds. */
export const fairleadKinds = { drain: 'fairlead.dev/Drain', failover: 'fairlead.dev/Failover' } as const

/** Indexes that the mesh reads beside those of discovery. */
export const meshIndexes: readonly Index[] = []
