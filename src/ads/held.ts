import type { EncodedResource, ResourceVersion } from './resource.ts'

/** Resources by name as one response gives them; undefined for those that it takes away. */
export type Layer = ReadonlyMap<string, ResourceVersion | EncodedResource | undefined>

/** Layers that may lie upon each other before they are made one… */
const depthLimit = 8
/** …and the share of the lowest one that they have together when they are made part of it. */
const flatShare = 1 / 8

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
  /** Of the lowest layer: what lies upon it, by content. */
  #upon: Pool | undefined

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
    const lowest = this.#lowest()
    const all = new Map(lowest.entries())
    for (const [name, resource] of this.#above()) {
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
    const made = new Held(this, layer).#settled()
    this.#next.set(layer, new WeakRef(made))
    return made
  }

  /** With fewer layers, once they are many: small ones become one, which becomes part of the lowest when it is large. */
  #settled(): Held {
    const lowest = this.#lowest()
    if (this.#depth < depthLimit && lowest.size > 0) return this
    const above = this.#above()
    if (above.size > lowest.size * flatShare) return Held.of(this.entries())
    lowest.#upon ??= new Pool()
    return lowest.#upon.shared(
      above,
      (held) => held.#layer,
      () => new Held(lowest, above),
    )
  }

  #lowest(): Held {
    return this.#below ? this.#below.#lowest() : this
  }

  /** All layers but the lowest, as one. */
  #above(): Map<string, ResourceVersion | EncodedResource | undefined> {
    if (!this.#below) return new Map()
    const all = this.#below.#above()
    for (const [name, resource] of this.#layer) all.set(name, resource)
    return all
  }

  /** Made from one layer that takes nothing away. */
  static of(resources: ReadonlyMap<string, ResourceVersion | EncodedResource>): Held {
    if (resources.size === 0) return Held.nothing
    return flats.shared(
      resources,
      (held) => held.#layer,
      () => new Held(undefined, resources),
    )
  }
}

/** One object for each content, for as long as somebody holds it: clients that came to the same by different ways share it. */
class Pool {
  readonly #known = new Map<string, WeakRef<Held>>()
  readonly #gone = new FinalizationRegistry<string>((key) => {
    if (!this.#known.get(key)?.deref()) this.#known.delete(key)
  })

  shared(content: Layer, contentOf: (held: Held) => Layer, make: () => Held): Held {
    let mixed = 0
    let sum = 0
    for (const resource of content.values()) {
      const id = resource ? idOf(resource) : 0
      mixed ^= Math.imul(id, 0x9e3779b1)
      sum += id
    }
    const key = `${content.size} ${mixed} ${sum}`
    const known = this.#known.get(key)?.deref()
    if (known && sameEntries(contentOf(known), content)) return known
    const made = make()
    this.#known.set(key, new WeakRef(made))
    this.#gone.register(made, key)
    return made
  }
}

const flats = new Pool()

function sameEntries(a: Layer, b: Layer): boolean {
  if (a.size !== b.size) return false
  for (const [name, resource] of a) if (b.get(name) !== resource || !b.has(name)) return false
  return true
}
