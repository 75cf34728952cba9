// The Istio objects that are written, and their metadata.
import { compareText } from '../../lib/index.ts'
import { formatRef, type ObjectRef, type Problem } from '../../report/index.ts'
import { type KubeObject, objectKey, refOf } from '../../resources/index.ts'
import type { Dialect } from './model.ts'
import type { Occupied } from './occupied.ts'
import { compact } from './plain.ts'

/** Label of everything that Fairlead writes; its value names the dialect. What carries it is Fairlead's to change and delete. */
export const ownerLabel = 'fairlead.dev/owner'

/** An object of a cluster. */
export interface ClusterObject {
  readonly cluster: string
  readonly object: KubeObject
}

const versions: Readonly<Record<string, string>> = {
  AuthorizationPolicy: 'security.istio.io/v1beta1',
  EnvoyFilter: 'networking.istio.io/v1alpha3',
}

/** What an object is made for. */
export interface Origin {
  readonly dialect: Dialect
  /** The user's and discovery's objects that brought it about. */
  readonly parents: readonly ObjectRef[]
  readonly annotations?: Readonly<Record<string, string>>
}

/** An Istio object with its labels of ownership. */
export function istioObject(
  kind: string,
  place: { readonly cluster: string; readonly namespace: string; readonly name: string },
  origin: Origin,
  spec: object,
): ClusterObject {
  const { cluster, namespace, name } = place
  const labels = { ...origin.dialect.labels, [ownerLabel]: origin.dialect.id }
  const annotations = { ...origin.dialect.parents(origin.parents), ...origin.annotations }
  return {
    cluster,
    object: {
      apiVersion: versions[kind] ?? 'networking.istio.io/v1beta1',
      kind,
      metadata: compact({ name, namespace, labels, annotations }),
      spec,
    },
  }
}

/** True if Fairlead wrote the object. */
export function isOwn(object: KubeObject): boolean {
  return object.metadata.labels?.[ownerLabel] !== undefined
}

/** Order of objects in output. */
export function compareObjects(a: ClusterObject, b: ClusterObject): number {
  const [x, y] = [refOf(a.cluster, a.object), refOf(b.cluster, b.object)]
  return (
    compareText(x.cluster, y.cluster) ||
    compareText(x.kind, y.kind) ||
    compareText(objectKey(a.object), objectKey(b.object)) ||
    compareText(x.apiVersion, y.apiVersion)
  )
}

/** Writes nothing over a user's own object: takes out what would, and tells of it. */
export function withoutClashes(
  objects: readonly ClusterObject[],
  occupied: Occupied,
): { readonly objects: ClusterObject[]; readonly problems: Problem[] } {
  const kept: ClusterObject[] = []
  const problems: Problem[] = []
  for (const made of objects) {
    const { kind, metadata } = made.object
    const place = { cluster: made.cluster, namespace: metadata.namespace ?? '', name: metadata.name }
    const user = occupied.byName(made.object.apiVersion, kind, place)
    if (user === undefined) kept.push(made)
    else problems.push(yieldsTo(user, `a ${kind} of this name`))
  }
  return { objects: kept, problems }
}

/** The problem of a user's object that keeps Fairlead from writing its own. */
export function yieldsTo(user: ObjectRef, what: string): Problem {
  const message = `Fairlead would write ${what}; it does not, since ${formatRef(user)} is not its own`
  return { code: 'conflict', severity: 'warning', object: user, path: '', message }
}
