export { Backoff, sleep } from './backoff.ts'
export * from './client/index.ts'
export {
  ClusterConnection,
  type ClusterSink,
  type ConnectionOptions,
  type ConnectionState,
  type ConnectionTiming,
  type KindState,
  type KnownState,
  type WatchedKind,
} from './connection.ts'
export { type CrdAction, compareReleases, crdAction, fieldManager, installCrds } from './crds.ts'
export { EndpointGuard, type GuardOptions, type GuardSettings, type Held, type SliceSink } from './endpoint-guard.ts'
export { Fleet, type FleetCache, type FleetCluster, type FleetOptions, type FleetSink, type Member } from './fleet.ts'
export { homeDirectory } from './home/index.ts'
export { LeaseElection, type LeaseOptions, type LeaseTiming } from './lease.ts'
export {
  Reflector,
  type ReflectorOptions,
  type ReflectorSink,
  type ReflectorState,
  type ReflectorTiming,
} from './reflector.ts'
export {
  accountName,
  accountNamespace,
  type RegisterOptions,
  type Registration,
  registerCluster,
  standardRegistrations,
} from './register.ts'
export {
  type FindSecret,
  isRemoteSecret,
  joinedBy,
  joinedClusters,
  type Registrations,
  registeredClusters,
  registrationKinds,
  registrationRank,
  remoteSecretRank,
} from './registration.ts'
export { slim } from './slim.ts'
export { StateCache, type StateCacheOptions } from './state-cache.ts'
