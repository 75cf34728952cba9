export { meshBackend } from './mesh-backend.ts'
export type { ClusterFacts } from './object-tables.ts'
export { ObjectTables } from './object-tables.ts'
export { XdsPlane, type XdsPlaneOptions } from './plane.ts'
export { ProxyProblems } from './proxy-problems.ts'
export { problemsOf, Rejections } from './rejections.ts'
export type { ProxySessions } from './source.ts'
export { defineStrangers } from './strangers.ts'
export { TrackedWorlds } from './tracked-world.ts'
export { Views } from './views.ts'
export {
  type ConfigurationKind,
  configurationKinds,
  describeProxies,
  describeProxy,
  type GivenResource,
  type ProxyConfiguration,
  type ProxyRow,
} from './views-of-proxies.ts'
export { isOurs } from './wanted-trust.ts'
export { defineWorldProblems } from './world-problems.ts'
