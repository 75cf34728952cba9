export {
  groupKind,
  groupOf,
  type KubeObject,
  type ObjectMeta,
  type OwnerReference,
  objectKey,
  refOf,
} from './kube-object.ts'
export { type ClusterSnapshot, objectsOf, type Snapshot } from './snapshot.ts'
