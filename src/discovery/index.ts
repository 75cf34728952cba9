export {
  domainSuffix,
  drainedByUsers,
  drainedClusters,
  isDrained,
  isPassedOn,
  meshConfigOf,
  meshConfigRef,
  meshNetworksOf,
  namespaceOf,
  networkOfCluster,
  passedOnOwner,
  rootNamespaceOf,
  spiffeId,
  systemNamespace,
  trustDomainOf,
} from './cluster-settings.ts'
export { isDiscovered, withDiscoverySelectors } from './discovery-selectors.ts'
export { endpointsOfService, sliceEndpoints } from './endpoints.ts'
export {
  coveringWildcards,
  hostCovers,
  hostsOverlap,
  isWildcard,
  kubernetesHost,
  parseKubernetesHost,
  resolveHost,
  serviceHost,
} from './hosts.ts'
export {
  discoveryIndexes,
  podsByAddress,
  podsByNamespace,
  serviceEntriesByNamespace,
  servicesByNamespace,
  workloadEntriesByAddress,
} from './indexes.ts'
export { type Cidr, cidrContains, formatIp, isIpAddress, isIpv6, parseCidr, parseIp } from './ip.ts'
export {
  kinds,
  type PodObject,
  type ServiceEntryObject,
  type ServiceObject,
  type WorkloadEntryObject,
} from './kube-types.ts'
export { kubernetesService } from './kubernetes-services.ts'
export { labelNames, selects, withPlace } from './labels.ts'
export type {
  ExtensionProvider,
  LocalityLbSetting,
  MeshConfig,
  MeshNetworks,
  RetryPolicySetting,
  ZoneAwareLbSetting,
} from './mesh-config.ts'
export type {
  Endpoint,
  EndpointWorkload,
  Health,
  NamespacedHost,
  NetworkGateway,
  Resolution,
  Service,
  ServicePort,
} from './model.ts'
export {
  addressesFromOutside,
  addressesIn,
  gatewayNamePlace,
  gatewayNames,
  type NetworkGateways,
  networkGateways,
  networkOfWorkload,
} from './networks.ts'
export {
  isHttp,
  isHttp2,
  isHttpOrAuto,
  isTcp,
  isTls,
  type Protocol,
  parseProtocol,
  servicePortProtocol,
} from './protocol.ts'
export { allServices, sameItems, servicesOfHost } from './services.ts'
export { snapshotOf, staticWorld } from './static-world.ts'
export { podLocality, podWorkload, workloadEntryWorkload, workloadName } from './workloads.ts'
export {
  clusterQuery,
  type InCluster,
  type Index,
  type Query,
  textQuery,
  type World,
  worldQuery,
} from './world.ts'
