// What is remembered from one translation to the next, so that a change costs what it touches. A result is kept with
// everything that it was made from, and used again while that is the same; what was not asked for in a translation is
// forgotten after it.

interface Kept {
  /** A text, or things that are the very same ones. */
  readonly made: string | readonly unknown[]
  readonly value: unknown
  /** Keys that were asked for while it was made: they are remembered as long as it is. */
  readonly inner: readonly string[]
}

export class Memory {
  #before = new Map<string, Kept>()
  #now = new Map<string, Kept>()
  #computed = 0
  readonly #orders = new Map<string, Assembled>()
  /** Keys asked for by what is being made now, innermost last. */
  readonly #making: string[][] = []
  readonly #ids = new WeakMap<object, number>()
  #nextId = 1

  /** The value for a key, made anew only if what it is made from differs from last time. */
  recall<T>(key: string, made: string, make: () => T): T {
    return this.#known(key, made, (known) => known === made, make, 1)
  }

  /**
   * The same for things that are compared by identity: quick to ask, and it knows nothing of things that were made anew
   * and are equal. So it stands around `recall`, or around what is cheap to make.
   */
  keep<T>(key: string, made: readonly unknown[], make: () => T): T {
    return this.#known(key, made, (known) => typeof known !== 'string' && sameItems(known, made), make, 0)
  }

  #known<T>(key: string, made: Kept['made'], isSame: (known: Kept['made']) => boolean, make: () => T, cost: number): T {
    this.#making.at(-1)?.push(key)
    const known = this.#now.get(key) ?? this.#before.get(key)
    if (known !== undefined && isSame(known.made)) {
      this.#hold(key, known)
      return known.value as T // A key always stands for one sort of value.
    }
    const inner: string[] = []
    this.#making.push(inner)
    const value = make()
    this.#making.pop()
    this.#computed += cost
    this.#now.set(key, { made, value, inner })
    return value
  }

  #hold(key: string, known: Kept): void {
    if (this.#now.has(key)) return
    this.#now.set(key, known)
    for (const each of known.inner) {
      const own = this.#before.get(each)
      if (own !== undefined) this.#hold(each, own)
    }
  }

  /** A number that stands for an object, as long as it is the very same one. */
  idOf(object: object): number {
    const known = this.#ids.get(object)
    if (known !== undefined) return known
    this.#ids.set(object, this.#nextId)
    return this.#nextId++
  }

  /** The items of all lists in order. Lists that were there last time need no look. A name stands for one sort of items. */
  inOrder<T extends object>(
    name: string,
    lists: readonly (readonly T[])[],
    compare: (a: T, b: T) => number,
  ): readonly T[] {
    const before = this.#orders.get(name) as Assembled<T> | undefined
    const now = new Set(lists)
    const added = [...now].filter((list) => !before?.lists.has(list))
    const removed = [...(before?.lists ?? [])].filter((list) => !now.has(list))
    if (before !== undefined && added.length === 0 && removed.length === 0) return before.sorted
    const gone = new Set(removed.flat())
    const kept = gone.size === 0 ? (before?.sorted ?? []) : (before?.sorted ?? []).filter((item) => !gone.has(item))
    const sorted = merge(kept, added.flat().sort(compare), compare)
    this.#orders.set(name, { lists: now, sorted })
    return sorted
  }

  /** Ends a translation; returns how many values had to be made. */
  settle(): number {
    this.#before = this.#now
    this.#now = new Map()
    const computed = this.#computed
    this.#computed = 0
    return computed
  }
}

interface Assembled<T = unknown> {
  readonly lists: ReadonlySet<readonly T[]>
  readonly sorted: readonly T[]
}

/** Whether two lists hold the very same things. */
export function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index])
}

/** A list with its length, so that several stand one after another without a doubt where each ends. */
export const itemsOf = (list: readonly unknown[]): readonly unknown[] => [list.length, ...list]

function merge<T>(a: readonly T[], b: readonly T[], compare: (a: T, b: T) => number): readonly T[] {
  if (b.length === 0) return a
  if (a.length === 0) return b
  if (b.length > a.length / 8) return [...a, ...b].sort(compare)
  const merged: T[] = []
  let from = 0
  for (const item of b) {
    const to = placeOf(item, a, from, compare)
    for (let index = from; index < to; index++) merged.push(a[index] as T) // Within the list.
    merged.push(item)
    from = to
  }
  for (let index = from; index < a.length; index++) merged.push(a[index] as T)
  return merged
}

/** Where an item goes into a sorted list: behind those that are equal. */
function placeOf<T>(item: T, list: readonly T[], from: number, compare: (a: T, b: T) => number): number {
  let [low, high] = [from, list.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (compare(list[middle] as T, item) <= 0) low = middle + 1
    else high = middle
  }
  return low
}
