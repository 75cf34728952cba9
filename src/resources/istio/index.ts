export { isCidr, isIpAddress, isIpv4, isIpv6 } from './address.ts'
export type {
  AuthorizationCondition,
  AuthorizationOperation,
  AuthorizationPolicy,
  AuthorizationPolicySpec,
  AuthorizationRule,
  AuthorizationSource,
} from './authorization-policy.ts'
export { authorizationPolicyKind } from './authorization-policy.ts'
export { faultOfCel } from './cel.ts'
export type { DestinationRule, DestinationRuleSpec, Subset } from './destination-rule.ts'
export { destinationRuleKind } from './destination-rule.ts'
export type { EnvoyFilter, EnvoyFilterMatch, EnvoyFilterPatch, EnvoyFilterSpec } from './envoy-filter.ts'
export { envoyFilterKind } from './envoy-filter.ts'
export type { ExtAuthzGrpc, ExtAuthzHttp, ExtensionProvider } from './extension-provider.ts'
export type { Gateway, GatewayServer, GatewaySpec, ServerTls } from './gateway.ts'
export { gatewayKind } from './gateway.ts'
export { isClaimMatch } from './http-header.ts'
export type {
  CorsPolicy,
  Destination,
  HeaderOperations,
  Headers,
  HttpDirectResponse,
  HttpFaultInjection,
  HttpMatch,
  HttpMirror,
  HttpRedirect,
  HttpRetry,
  HttpRewrite,
  HttpRoute,
  HttpRouteDestination,
  Percent,
  StringMatch,
} from './http-route.ts'
export { type KeySetOptions, usableKeySet } from './jwks.ts'
export { istioKinds } from './kinds.ts'
export {
  defaultMeshConfig,
  type MeshConfig,
  type MeshConfigInput,
  meshConfigSchema,
  plainMeshConfig,
  readMeshConfig,
} from './mesh-config.ts'
export { hostsOverlap, hostWithin, isWildcard } from './names.ts'
export type { MtlsMode, PeerAuthentication, PeerAuthenticationSpec } from './peer-authentication.ts'
export { peerAuthenticationKind } from './peer-authentication.ts'
export { isHttp, isHttp2, isTcp, isTls, type Protocol, parseProtocol } from './protocol.ts'
export { type ProxyConfig, type ProxyConfigSpec, proxyConfigKind } from './proxy-config.ts'
export type { JwtRule, RequestAuthentication, RequestAuthenticationSpec } from './request-authentication.ts'
export { requestAuthenticationKind } from './request-authentication.ts'
export type { Attachment, LabelSelector, TargetReference, WorkloadSelector } from './selector.ts'
export { isCipherSuite } from './server-tls-check.ts'
export type { ServiceEntry, ServiceEntryPort, ServiceEntrySpec } from './service-entry.ts'
export { serviceEntryKind } from './service-entry.ts'
export type { EgressListener, IngressListener, Sidecar, SidecarPort, SidecarSpec } from './sidecar.ts'
export { sidecarKind } from './sidecar.ts'
export type {
  Telemetry,
  TelemetryAccessLogging,
  TelemetryMetrics,
  TelemetrySpec,
  TelemetryTracing,
} from './telemetry.ts'
export { istioMetrics, telemetryKind } from './telemetry.ts'
export type {
  ClientTls,
  ConnectionPool,
  ConsistentHash,
  LoadBalancer,
  LocalityLbSetting,
  OutlierDetection,
  PortTrafficPolicy,
  TcpKeepalive,
  TrafficPolicy,
  ZoneAwareLbSetting,
} from './traffic-policy.ts'
export type {
  L4Match,
  RouteDestination,
  TcpRoute,
  TlsMatch,
  TlsRoute,
  VirtualService,
  VirtualServiceSpec,
} from './virtual-service.ts'
export { virtualServiceKind } from './virtual-service.ts'
export { trafficExtensionKind, wasmPluginKind } from './wasm-plugin.ts'
export type { WorkloadEntry, WorkloadEntrySpec } from './workload-entry.ts'
export { workloadEntryKind } from './workload-entry.ts'
export type { ReadinessProbe, WorkloadGroup, WorkloadGroupSpec } from './workload-group.ts'
export { workloadGroupKind } from './workload-group.ts'
