import { compareText } from '../../lib/index.ts'
import { compareProblems, formatRef, type Problem } from '../../report/index.ts'
import { groupKind, type KubeObject, objectKey, refOf } from '../../resources/index.ts'
import { contentAnnotation, isOwned, stamped } from './ownership.ts'

/** What a cluster holds now, as far as a plan must know it. */
export interface Present {
  /** An object by `group/Kind` and `namespace/name`, whoever wrote it. */
  get(kind: string, key: string): KubeObject | undefined
  /** Everything that carries our mark. */
  readonly owned: Iterable<KubeObject>
}

/** What is to be done to one cluster. Each list is in the order of doing: first all of `apply`, then `shrink`, then `remove`. */
export interface Plan {
  readonly apply: readonly KubeObject[]
  /** Objects that lose something that routes may refer to until they have changed: `apply` has them with it still. */
  readonly shrink: readonly KubeObject[]
  readonly remove: readonly KubeObject[]
  /** Desired objects that are not written, since an object of that name belongs to somebody else. */
  readonly problems: readonly Problem[]
}

/**
 * A route must never name a host or a subset that proxies do not know yet: what is referred to is written first and
 * removed last. Kinds that are not listed come before all of these.
 */
const order = [
  'networking.istio.io/ServiceEntry',
  'networking.istio.io/WorkloadEntry',
  'networking.istio.io/Gateway',
  'networking.istio.io/DestinationRule',
  'networking.istio.io/EnvoyFilter',
  'security.istio.io/PeerAuthentication',
  'security.istio.io/RequestAuthentication',
  'security.istio.io/AuthorizationPolicy',
  'networking.istio.io/VirtualService',
]

/** Compares what is wanted on a cluster with what is there. Pure; sorted. */
export function planWrites(cluster: string, desired: readonly KubeObject[], present: Present, instance: string): Plan {
  const apply: KubeObject[] = []
  const shrink: KubeObject[] = []
  const problems: Problem[] = []
  const wanted = new Set<string>()
  for (const object of desired) {
    const kind = groupKind(object)
    wanted.add(`${kind} ${objectKey(object)}`)
    const there = present.get(kind, objectKey(object))
    if (there !== undefined && !isOwned(there, instance)) {
      problems.push(clash(cluster, there))
      continue
    }
    const next = stamped(object, instance)
    if (there !== undefined && isUpToDate(there, next)) continue
    const wide = there && withSubsetsOf(object, there)
    if (there === undefined || wide === undefined) {
      apply.push(next)
      continue
    }
    shrink.push(next)
    const first = stamped(wide, instance)
    if (!isUpToDate(there, first)) apply.push(first)
  }
  const remove: KubeObject[] = []
  for (const object of present.owned)
    if (isOwned(object, instance) && !wanted.has(`${groupKind(object)} ${objectKey(object)}`)) remove.push(object)
  return {
    apply: apply.sort(compareForWriting),
    shrink: shrink.sort(compareForWriting),
    remove: remove.sort((a, b) => compareForWriting(b, a)),
    problems: problems.sort(compareProblems),
  }
}

/** A DestinationRule with the subsets too that it has now and is to lose; undefined if it loses none. */
function withSubsetsOf(wanted: KubeObject, there: KubeObject): KubeObject | undefined {
  if (groupKind(wanted) !== 'networking.istio.io/DestinationRule') return undefined
  const own = subsetsOf(wanted)
  const lost = subsetsOf(there).filter(({ name }) => own.every((subset) => subset.name !== name))
  return lost.length === 0 ? undefined : { ...wanted, spec: { ...(wanted.spec as object), subsets: [...own, ...lost] } }
}

function subsetsOf({ spec }: KubeObject): readonly { readonly name: string }[] {
  return (spec as { subsets?: readonly { name: string }[] } | undefined)?.subsets ?? []
}

function clash(cluster: string, there: KubeObject): Problem {
  const object = refOf(cluster, there)
  const message = `Fairlead would write a ${there.kind} of this name, and does not: ${formatRef(object)} is not its own`
  return { code: 'conflict', severity: 'warning', object, path: '', message }
}

/**
 * True if the object there is what we last wrote, and nobody changed a field of it since. Fields that others added
 * (defaults, a status, a finalizer) are theirs.
 */
export function isUpToDate(there: KubeObject, wanted: KubeObject): boolean {
  const content = wanted.metadata.annotations?.[contentAnnotation]
  return there.metadata.annotations?.[contentAnnotation] === content && includes(there, wanted)
}

/** `there` has every field that `wanted` has, with equal values; lists are equal as a whole. */
function includes(there: unknown, wanted: unknown): boolean {
  if (wanted === undefined) return true
  if (Array.isArray(wanted))
    return (
      Array.isArray(there) && there.length === wanted.length && wanted.every((item, at) => includes(there[at], item))
    )
  if (typeof wanted !== 'object' || wanted === null) return there === wanted
  if (typeof there !== 'object' || there === null) return false
  // `apiVersion` differs where the cluster prefers another version of the kind.
  return Object.entries(wanted).every(
    ([name, value]) => name === 'apiVersion' || includes((there as Record<string, unknown>)[name], value),
  )
}

function compareForWriting(a: KubeObject, b: KubeObject): number {
  return (
    order.indexOf(groupKind(a)) - order.indexOf(groupKind(b)) ||
    compareText(groupKind(a), groupKind(b)) ||
    compareText(objectKey(a), objectKey(b))
  )
}
