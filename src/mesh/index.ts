export { addressesFor } from './addresses.ts'
export { type ClosedPorts, mayListen } from './closed-ports.ts'
export { conflictProblems } from './conflicts/index.ts'
export {
  type EffectivePolicy,
  effectivePolicy,
  type MergedRule,
  ruledTlsMode,
  ruleOf,
  sessionAffinity,
} from './destination-rules/index.ts'
export {
  drainsInForce,
  type EndpointClient,
  type EndpointRequest,
  isClusterLocal,
  type Target,
  type TargetGroup,
  targetGroups,
} from './endpoints/index.ts'
export { type PatchTarget, type ProxyPatches, patchesOf, patchTargets, readEnvoyFilter } from './envoy-filters/index.ts'
export {
  comparesCallers,
  drainedClustersOf,
  drainProblems,
  type FailBackRung,
  type FailoverPlan,
  type FailoverRetry,
  type FailoverSwitch,
  failBackPlace,
  failBackRungs,
  failoverOf,
  failoverPlanOf,
  failoverProblems,
  failoverProblemsTogether,
  failoverServices,
  failoverSwitch,
  servicesOfFailover,
  switchProblems,
  tryTimeoutProblems,
} from './failover/index.ts'
export {
  type GatewayConflict,
  type GatewayPlan,
  type GatewayPort,
  type GatewayServerPlan,
  gatewayExists,
  gatewayPlan,
  passesThrough,
  rulesOfGateway,
  type ServerHost,
  sharedHosts,
  sniHostsOf,
} from './gateway/index.ts'
export { HostIndex } from './host-index.ts'
export { serviceIdentities } from './identities.ts'
export { type InboundTarget, inboundTargets, type ServiceTarget, serviceTargets } from './inbound.ts'
export type * from './istio.ts'
export { fairleadKinds, istioKinds, meshIndexes } from './kinds.ts'
export {
  comparedLabels,
  effectiveLocality,
  givesPriorities,
  type LocalitySetting,
  parseLocality,
} from './locality/index.ts'
export { withEntry } from './machine.ts'
export { allMutualTls, autoMutualTls, speaksMutualTls } from './mutual-tls.ts'
export { type OutboundPolicy, outboundPolicyOf } from './outbound-policy.ts'
export {
  type DataPath,
  type InboundPort,
  type MachinePlace,
  type Machines,
  metadataFlag,
  type NodeDescription,
  ownAddresses,
  type Proxy,
  placeOf,
  proxyOfDescription,
  proxyOfNode,
  supportsIpv4,
  supportsIpv6,
} from './proxy.ts'
export { type ProxySettings, proxySettings } from './proxy-settings.ts'
export { referenceProblems } from './references.ts'
export { type Rungs, rungsOfService } from './rungs.ts'
export { labelsOfClient, type ProxyScope, scopeOf } from './scope.ts'
export * from './security/index.ts'
export { isServed, type ServingKey } from './serving.ts'
export { selectSidecar, sidecarOf } from './sidecar/select.ts'
export {
  accessLogsOf,
  type IstioMetric,
  metricsOf,
  readTelemetry,
  type TelemetryMode,
  type TelemetryScope,
  tracingOf,
  type WantedLog,
  type WantedMetrics,
  type WantedTracing,
} from './telemetry/index.ts'
export { type Binding, bindingInView, type EgressView, type View, type ViewKey, viewOf } from './view/index.ts'
export {
  admits,
  anyAdmits,
  type Guard,
  type GuardedClient,
  meshGateway,
  type RouteSemantics,
  type RouteShape,
  routeShape,
  type VirtualRule,
  virtualRule,
} from './virtual-services/index.ts'
export { type Audience, audienceOf, sees, serviceVisible } from './visibility.ts'
