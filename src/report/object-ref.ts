import { compareText } from '../lib/index.ts'

/** Names one object of one cluster. `cluster` is the name under which the cluster is registered; "" if unknown. */
export interface ObjectRef {
  readonly cluster: string
  readonly apiVersion: string
  readonly kind: string
  /** "" for cluster-scoped objects. */
  readonly namespace: string
  readonly name: string
}

/** `Kind namespace/name (cluster)`, as messages show it. */
export function formatRef(ref: ObjectRef): string {
  const name = ref.namespace === '' ? ref.name : `${ref.namespace}/${ref.name}`
  return ref.cluster === '' ? `${ref.kind} ${name}` : `${ref.kind} ${name} (${ref.cluster})`
}

/** Order of objects in output: cluster, kind, namespace, name, apiVersion. */
export function compareRefs(a: ObjectRef, b: ObjectRef): number {
  return (
    compareText(a.cluster, b.cluster) ||
    compareText(a.kind, b.kind) ||
    compareText(a.namespace, b.namespace) ||
    compareText(a.name, b.name) ||
    compareText(a.apiVersion, b.apiVersion)
  )
}
