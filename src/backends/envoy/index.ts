export { type Built, isBuilt, type Removed } from './built.ts'
export { type ClusterKey, clusterKey, configPath, outboundCluster } from './clusters/build.ts'
export { inboundClusters } from './clusters/inbound.ts'
export { type ClusterSpec, outboundClusterSpecs } from './clusters/spec.ts'
export { clusterEndpoints, type EndpointsKey, endpointsKey } from './endpoints/build.ts'
export { type HttpManagerOptions, httpConnectionManager, httpFilter } from './filters/http-connection-manager.ts'
export { type SecurityFilters, type SecurityOptions, securityFilters } from './filters/security.ts'
export { type GatewayListeners, gatewayListeners, gatewayProblems } from './gateway/listeners.ts'
export { proxyConfigJson } from './json.ts'
export { type InboundListeners, inboundListeners } from './listeners/inbound.ts'
export { type ListenerKey, outboundListener } from './listeners/outbound.ts'
export {
  capturingListener,
  explicitProxyListener,
  httpProxyPort,
  localProxyListener,
  tunnelListener,
} from './listeners/virtual-outbound.ts'
export { type NamesScope, nameTable } from './name-table.ts'
export { undeliveredHeader } from './names.ts'
export {
  clustersAdded,
  extensionsAdded,
  listenersAdded,
  patchedCluster,
} from './patches/apply.ts'
export { envoyFilterProblems } from './patches/problems.ts'
export { buildProxyConfig, type ProxyConfig } from './proxy-config.ts'
export {
  clientCluster,
  clientEndpoints,
  clientListener,
  clientRoutes,
  dialledNames,
  isProxyless,
  nowhere,
  routesName,
  serverListeners,
} from './proxyless/index.ts'
export { extensionTypes } from './registry.ts'
export {
  clusterNames,
  clusterOf,
  endpointsKeyOf,
  endpointsOf,
  fixedClusterNames,
  fixedClusterOf,
  fixedClusters,
  outboundListenerKeys,
  outboundListeners,
  outboundRouteNames,
  ownClusters,
  ownListeners,
  routesOf,
  scopeClusters,
  sharedListener,
} from './resources.ts'
export { clustersNamed } from './routes/clusters-named.ts'
export { hasHostsOnDemand, hostOnDemand, routesOnDemand } from './routes/on-demand.ts'
export { buildOutboundRoutes, outboundRouteParts, type RouteConfigurationParts } from './routes/route-configuration.ts'
export { virtualHost } from './routes/virtual-host.ts'
export type { VirtualHostKey } from './routes/virtual-host-keys.ts'
export { type CredentialKey, credential } from './tls/credentials.ts'
export { wantedSecrets } from './tls/wanted-secrets.ts'
export { unsupportedFields } from './unsupported-fields.ts'
export { unsupportedMeshFields } from './unsupported-mesh-fields.ts'
export { worldProblems } from './world-problems.ts'
