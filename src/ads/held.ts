import type { EncodedResource, ResourceVersion } from './resource.ts'

/** Resources by name as one response gives them; undefined for those that it takes away. */
export type Layer = ReadonlyMap<string, ResourceVersion | EncodedResource | undefined>

/** Layers that may lie upon each other before they are made one. */
const depthLimit = 8

const ids = new WeakMap<object, number>()
let lastId = 0

/** A number for an object; the same whenever it is asked. */
export function idOf(object: object): number {
  let id = ids.get(object)
  if (id === undefined) {
    id = ++lastId
    ids.set(object, id)
  }
  return id
}

/**
 * What a client has of one type: layers of responses, the newest on top. It never changes, and clients that were sent the
 * same share one object: of a thousand clients with ten thousand resources there is one such list, not a thousand.
 */
export class Held {
  static readonly nothing: Held = new Held(undefined, new Map())

  readonly #below: Held | undefined
  readonly #layer: Layer
  readonly #depth: number
  /** How many resources there are. */
  readonly size: number
  readonly #next = new WeakMap<Layer, WeakRef<Held>>()

  private constructor(below: Held | undefined, layer: Layer) {
    this.#below = below
    this.#layer = layer
    this.#depth = below ? below.#depth + 1 : 0
    let { size } = below ?? { size: 0 }
    for (const [name, resource] of layer) {
      const had = below?.has(name) ?? false
      if (resource && !had) size++
      else if (!resource && had) size--
    }
    this.size = size
  }

  get(name: string): ResourceVersion | EncodedResource | undefined {
    const found = this.#layer.get(name)
    if (found !== undefined || !this.#below || this.#layer.has(name)) return found
    return this.#below.get(name)
  }

  has(name: string): boolean {
    return this.get(name) !== undefined
  }

  /** Everything, the newest state of each name. */
  entries(): ReadonlyMap<string, ResourceVersion | EncodedResource> {
    if (!this.#below) return this.#layer as ReadonlyMap<string, ResourceVersion> // The lowest layer takes nothing away.
    const all = new Map(this.#below.entries())
    for (const [name, resource] of this.#layer) {
      if (resource) all.set(name, resource)
      else all.delete(name)
    }
    return all
  }

  /** With what one more response gives or takes away. */
  with(layer: Layer): Held {
    if (layer.size === 0) return this
    const known = this.#next.get(layer)?.deref()
    if (known) return known
    const stacked = new Held(this, layer)
    const made = this.#depth < depthLimit && this.size > 0 ? stacked : Held.of(stacked.entries())
    this.#next.set(layer, new WeakRef(made))
    return made
  }

  /** Made from one layer that takes nothing away. */
  static of(resources: ReadonlyMap<string, ResourceVersion | EncodedResource>): Held {
    return resources.size === 0 ? Held.nothing : flat(resources, () => new Held(undefined, resources))
  }
}

/** Flat ones by content, so that clients that came to the same by different ways share it too. */
const flats = new Map<string, WeakRef<Held>>()
const gone = new FinalizationRegistry<string>((key) => {
  if (!flats.get(key)?.deref()) flats.delete(key)
})

function flat(entries: ReadonlyMap<string, ResourceVersion | EncodedResource>, make: () => Held): Held {
  let mixed = 0
  let sum = 0
  for (const resource of entries.values()) {
    const id = idOf(resource)
    mixed ^= Math.imul(id, 0x9e3779b1)
    sum += id
  }
  const key = `${entries.size} ${mixed} ${sum}`
  const known = flats.get(key)?.deref()
  if (known && sameEntries(known.entries(), entries)) return known
  const made = make()
  flats.set(key, new WeakRef(made))
  gone.register(made, key)
  return made
}

function sameEntries(a: ReadonlyMap<string, ResourceVersion>, b: ReadonlyMap<string, ResourceVersion>): boolean {
  if (a.size !== b.size) return false
  for (const [name, resource] of a) if (b.get(name) !== resource) return false
  return true
}
