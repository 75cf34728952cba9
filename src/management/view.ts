// The objects of the hierarchy as they are stored, by full name.
import { compareText } from '../lib/index.ts'
import type { KubeObject } from '../resources/index.ts'
import {
  type ApiKind,
  fqnOf,
  type Identity,
  identityOf,
  isWithin,
  managementNamespace,
  tsbName,
} from '../resources/tsb/index.ts'

/** A stored object, with who it is. */
export interface StoredObject {
  readonly kind: ApiKind
  readonly identity: Identity
  readonly fqn: string
  readonly object: KubeObject
}

/** Reads who a stored object is; undefined if it does not say, and so is no part of the hierarchy. */
export function storedObject(object: KubeObject): StoredObject | undefined {
  const identified = identityOf(object)
  return identified && { ...identified, fqn: fqnOf(identified), object }
}

/**
 * Whether the control plane gives an object no effect. Only what came by `kubectl` can be so: it has met no rule before it
 * was stored, and may claim what is another's.
 */
function isRefused({ object: { metadata, status } }: StoredObject): boolean {
  if (metadata.namespace === managementNamespace) return false
  const { status: word, observedGeneration } = (status ?? {}) as { status?: unknown; observedGeneration?: unknown }
  const isCurrent = observedGeneration === undefined || Number(observedGeneration) === metadata.generation
  return word === 'FAILED' && isCurrent
}

/** Bindings share the full name of what they are for; they are kept apart from it. */
function keyOf({ kind, fqn }: Pick<StoredObject, 'kind' | 'fqn'>): string {
  return kind.bindingsOf === undefined ? `${kind.apiVersion.split('/')[0]} ${kind.kind} ${fqn}` : `bindings ${fqn}`
}

/**
 * Everything that is stored. Of two objects of one full name the one in force counts, and of two of those the older one.
 * Never mutated.
 */
export class HierarchyView {
  readonly #byKey: ReadonlyMap<string, StoredObject>
  readonly all: readonly StoredObject[]

  constructor(objects: readonly StoredObject[]) {
    const byKey = new Map<string, StoredObject>()
    const age = ({ object }: StoredObject): string => object.metadata.creationTimestamp ?? '9'
    const rank = (each: StoredObject): number => (isRefused(each) ? 1 : 0)
    for (const each of [...objects].sort((a, b) => rank(a) - rank(b) || compareText(age(a), age(b))))
      if (!byKey.has(keyOf(each))) byKey.set(keyOf(each), each)
    this.#byKey = byKey
    this.all = [...byKey.values()].sort((a, b) => compareText(a.fqn, b.fqn) || compareText(keyOf(a), keyOf(b)))
  }

  /** The same object, if it is there. */
  find(of: Pick<StoredObject, 'kind' | 'fqn'>): StoredObject | undefined {
    return this.#byKey.get(keyOf(of))
  }

  /** The object of a full name; not bindings. */
  named(fqn: string): StoredObject | undefined {
    return this.all.find((each) => each.fqn === fqn && each.kind.bindingsOf === undefined)
  }

  ofKind(kind: string, apiGroup?: string): StoredObject[] {
    return this.all.filter(
      (each) => each.kind.kind === kind && (apiGroup === undefined || each.kind.apiVersion.startsWith(`${apiGroup}/`)),
    )
  }

  bindingsFor(fqn: string): StoredObject | undefined {
    return this.#byKey.get(`bindings ${fqn}`)
  }

  /** What stands below an object, and its bindings. */
  below(fqn: string): StoredObject[] {
    return this.all.filter(
      (each) => isWithin(each.fqn, fqn) && (each.fqn !== fqn || each.kind.bindingsOf !== undefined),
    )
  }

  /** Without what has no effect: it keeps nobody from anything. */
  inForce(): HierarchyView {
    const refused = this.all.filter(isRefused)
    return refused.length === 0 ? this : this.without(refused)
  }

  with(changed: StoredObject): HierarchyView {
    return new HierarchyView([...this.all.filter((each) => keyOf(each) !== keyOf(changed)), changed])
  }

  without(gone: readonly StoredObject[]): HierarchyView {
    const keys = new Set(gone.map(keyOf))
    return new HierarchyView(this.all.filter((each) => !keys.has(keyOf(each))))
  }
}

/** Full names of everything that a full name is below, the nearest last; not itself. */
export function ancestorsOf(fqn: string): string[] {
  const parts = fqn.split('/')
  return parts.flatMap((_, i) => (i >= 2 && i % 2 === 0 ? [parts.slice(0, i).join('/')] : []))
}

/** Short name for messages. */
export function nameOf({ object }: StoredObject): string {
  return tsbName(object)
}
