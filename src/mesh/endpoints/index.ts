export { isClusterLocal } from './cluster-local.ts'
export type { Target, TargetGroup } from './model.ts'
export { type EndpointClient, type EndpointRequest, targetGroups } from './targets.ts'
