/** A set of names in the order in which its first owner had them; equal sets are one object. */
interface SharedNames {
  readonly set: ReadonlySet<string>
  readonly order: readonly string[]
  /** How many names its first owner told, each as often as it was told. */
  readonly told: number
}

const none: SharedNames = { set: new Set(), order: [], told: 0 }
const shared = new Map<string, WeakRef<SharedNames>>()
const gone = new FinalizationRegistry<string>((key) => {
  if (!shared.get(key)?.deref()) shared.delete(key)
})

/** Both together. The same for all who add the same to the same. */
function union(base: SharedNames, more: SharedNames): SharedNames {
  const ofBase = unions.get(base) ?? new WeakMap<SharedNames, SharedNames>()
  unions.set(base, ofBase)
  let both = ofBase.get(more)
  if (!both) {
    both = share([...new Set([...base.order, ...more.order])])
    ofBase.set(more, both)
  }
  return both
}

const unions = new WeakMap<SharedNames, WeakMap<SharedNames, SharedNames>>()

/** Fewer names than this are kept by each owner for itself. */
const shareFrom = 64

/** Numbers by which sets are told apart, of names that are in a set now or were lately. */
let marks = new Map<string, number>()
const mostMarks = 1 << 17

function markOf(name: string): number {
  let mark = marks.get(name)
  if (mark === undefined) {
    mark = 0x811c9dc5
    for (let i = 0; i < name.length; i++) mark = Math.imul(mark ^ name.charCodeAt(i), 0x01000193)
    if (marks.size >= mostMarks) marks = new Map()
    marks.set(name, mark)
  }
  return mark
}

/** The set of some names, of which some may be there twice. */
function share(names: readonly string[]): SharedNames {
  let mixed = 0
  let sum = 0
  for (const name of names) {
    const mark = markOf(name)
    mixed ^= mark
    sum += mark >>> 0
  }
  const key = `${names.length} ${mixed} ${sum}`
  const known = shared.get(key)?.deref()
  if (known && names.length === known.told && names.every((name) => known.set.has(name))) return known
  const set = new Set(names)
  const made = { set, order: set.size === names.length ? names : [...set], told: names.length }
  shared.set(key, new WeakRef(made))
  gone.register(made, key)
  return made
}

/** Names that a client asks for one by one. Clients that ask for the same thousands of names share the list of them. */
export class Wanted implements Iterable<string> {
  #base = none
  readonly #added = new Set<string>()
  readonly #dropped = new Set<string>()

  has(name: string): boolean {
    return this.#added.has(name) || (this.#base.set.has(name) && !this.#dropped.has(name))
  }

  get size(): number {
    return this.#base.set.size - this.#dropped.size + this.#added.size
  }

  *[Symbol.iterator](): Iterator<string> {
    for (const name of this.#base.set) if (!this.#dropped.has(name)) yield name
    yield* this.#added
  }

  /** Adds names. Returns them in an order that is the same for all clients that ask for the same. */
  add(names: readonly string[]): readonly string[] {
    if (names.length >= shareFrom) {
      const batch = share(names)
      if (this.#added.size + this.#dropped.size > 0) this.#rebase(share([...this]))
      this.#rebase(this.#base === none ? batch : union(this.#base, batch))
      return batch.order
    }
    for (const name of names) {
      this.#dropped.delete(name)
      if (!this.#base.set.has(name)) this.#added.add(name)
    }
    this.#settle()
    return names
  }

  delete(name: string): void {
    this.#added.delete(name)
    if (this.#base.set.has(name)) this.#dropped.add(name)
    this.#settle()
  }

  #settle(): void {
    if (this.#added.size + this.#dropped.size >= shareFrom) this.#rebase(share([...this]))
  }

  #rebase(base: SharedNames): void {
    this.#base = base
    this.#added.clear()
    this.#dropped.clear()
  }
}
