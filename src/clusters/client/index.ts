export { ApiResources } from './api-resources.ts'
export {
  type ApplyOptions,
  KubeClient,
  type ListOptions,
  type ObjectList,
  pathOf,
  type ResourceType,
  type WatchOptions,
} from './client.ts'
export { ApiError, isConflict, isGone, isNotFound, UnreachableError } from './errors.ts'
export {
  type Access,
  accessFromSecret,
  defaultAccess,
  type KubeCluster,
  KubeconfigError,
  type KubeUser,
  loadAccess,
} from './kubeconfig.ts'
export type { WatchEvent } from './watch-stream.ts'
