export { isClusterLocal } from './cluster-local.ts'
export { drainsInForce } from './drained.ts'
export type { Target, TargetGroup } from './model.ts'
export { type EndpointClient, type EndpointRequest, shareIn, targetGroups } from './targets.ts'
