import { Held, type Layer } from './held.ts'
import type { EncodedResource, ResourceVersion } from './resource.ts'

const none: Layer = new Map()
const noNames: ReadonlySet<string> = new Set()

/**
 * What a client has of one type: what others have as well, and beside it what it alone has (its inbound clusters and
 * listeners). Kept apart, so that the first part is one object for all: a handful of names that differ would make a list of
 * thousands for each client of its own. It never changes.
 */
export class Holding {
  static readonly nothing: Holding = new Holding(Held.nothing, none)

  readonly shared: Held
  readonly own: Layer
  /** How many resources there are. */
  readonly size: number

  private constructor(shared: Held, own: Layer) {
    this.shared = shared
    this.own = own
    let { size } = shared
    for (const [name, resource] of own) size += Number(resource !== undefined) - Number(shared.has(name))
    this.size = size
  }

  static of(
    shared: ReadonlyMap<string, ResourceVersion>,
    own: ReadonlyMap<string, ResourceVersion> = new Map(),
  ): Holding {
    return new Holding(Held.of(shared), own)
  }

  get(name: string): ResourceVersion | EncodedResource | undefined {
    return this.own.size > 0 && this.own.has(name) ? this.own.get(name) : this.shared.get(name)
  }

  has(name: string): boolean {
    return this.get(name) !== undefined
  }

  /** Everything, the newest state of each name. */
  entries(): ReadonlyMap<string, ResourceVersion | EncodedResource> {
    if (this.own.size === 0) return this.shared.entries()
    const all = new Map(this.shared.entries())
    for (const [name, resource] of this.own) {
      if (resource) all.set(name, resource)
      else all.delete(name)
    }
    return all
  }

  /** With what one more response gives or takes away; `alone`: names that no other client is given. */
  with(layer: Layer, alone: ReadonlySet<string> = noNames): Holding {
    const isOurs = (name: string): boolean => this.own.has(name) || alone.has(name)
    const ours = this.own.size + alone.size === 0 ? [] : [...layer].filter(([name]) => isOurs(name))
    if (ours.length === 0) return new Holding(this.shared.with(layer), this.own)
    const own = new Map([...this.own, ...ours])
    if (ours.length === layer.size) return new Holding(this.shared, own)
    return new Holding(this.shared.with(new Map([...layer].filter(([name]) => !own.has(name)))), own)
  }
}

/** Fewer names than this are looked up for each client. */
const worthSharing = 64

const heldOf = new WeakMap<readonly string[], WeakMap<object, readonly string[]>>()

/** Those of some names that a client has. Clients that ask for the same, and have the same, share the answer. */
export function heldAmong(held: Holding, names: readonly string[]): readonly string[] {
  if (held.size === 0) return []
  if (names.length < worthSharing || held.own.size > 0) return names.filter((name) => held.has(name))
  const known = heldOf.get(names) ?? new WeakMap<object, readonly string[]>()
  heldOf.set(names, known)
  let among = known.get(held.shared)
  if (!among) {
    among = names.filter((name) => held.has(name))
    known.set(held.shared, among)
  }
  return among
}
