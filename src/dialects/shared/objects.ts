// The Istio objects that are written, and their metadata.
import { compareText } from '../../lib/index.ts'
import { formatRef, type ObjectRef, type Problem } from '../../report/index.ts'
import type { KubeObject, ObjectMeta } from '../../resources/index.ts'
import type { Memory } from './memory.ts'
import type { Dialect } from './model.ts'
import type { OccupiedPlaces } from './occupied.ts'
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

type Marks = Pick<ObjectMeta, 'labels' | 'annotations'>

// Many objects of a cluster have one origin; what it says of them is written once.
const marksOf = new WeakMap<Origin, Map<string, Marks>>()

function marks(origin: Origin, cluster: string): Marks {
  const known = marksOf.get(origin) ?? new Map<string, Marks>()
  marksOf.set(origin, known)
  const { dialect, parents, annotations } = origin
  const made =
    known.get(cluster) ??
    compact({
      labels: { ...dialect.labels(cluster), [ownerLabel]: dialect.id },
      annotations: { ...dialect.parents(parents), ...annotations },
    })
  known.set(cluster, made)
  return made
}

/** An Istio object with its labels of ownership. */
export function istioObject(
  kind: string,
  place: { readonly cluster: string; readonly namespace: string; readonly name: string },
  origin: Origin,
  spec: object,
): ClusterObject {
  const { cluster, namespace, name } = place
  const apiVersion = versions[kind] ?? 'networking.istio.io/v1beta1'
  return { cluster, object: { apiVersion, kind, metadata: { name, namespace, ...marks(origin, cluster) }, spec } }
}

/** True if Fairlead wrote the object. */
export function isOwn(object: KubeObject): boolean {
  return object.metadata.labels?.[ownerLabel] !== undefined
}

/** Order of objects in output: by cluster, kind, namespace, name and version. */
export function compareObjects(a: ClusterObject, b: ClusterObject): number {
  const [x, y] = [a.object, b.object]
  return (
    compareText(a.cluster, b.cluster) ||
    compareText(x.kind, y.kind) ||
    compareText(x.metadata.namespace ?? '', y.metadata.namespace ?? '') ||
    compareText(x.metadata.name, y.metadata.name) ||
    compareText(x.apiVersion, y.apiVersion)
  )
}

export interface Cleared {
  readonly objects: readonly ClusterObject[]
  readonly problems: readonly Problem[]
}

/** Writes nothing over a user's own object: takes out what would, and tells of it. */
export function withoutClashes(list: readonly ClusterObject[], occupied: OccupiedPlaces, memory: Memory): Cleared {
  if (list.length === 0) return { objects: list, problems: [] }
  return memory.keep(`cleared ${memory.idOf(list)}`, [list, occupied.version], () => {
    const kept: ClusterObject[] = []
    const problems: Problem[] = []
    for (const made of list) {
      const { kind, metadata } = made.object
      const place = { cluster: made.cluster, namespace: metadata.namespace ?? '', name: metadata.name }
      const user = occupied.byName(made.object.apiVersion, kind, place)
      if (user === undefined) kept.push(made)
      else problems.push(yieldsTo(user, `a ${kind} of this name`))
    }
    return { objects: problems.length === 0 ? list : kept, problems }
  })
}

/** The problem of a user's object that keeps Fairlead from writing its own. */
export function yieldsTo(user: ObjectRef, what: string): Problem {
  const message = `Fairlead would write ${what}; it does not, since ${formatRef(user)} is not its own`
  return { code: 'conflict', severity: 'warning', object: user, path: '', message }
}
