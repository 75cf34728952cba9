// What is remembered from one translation to the next, so that a change costs what it touches. A result is kept with a
// text of everything that it was made from, and used again while that text is the same; what was not asked for in a
// translation is forgotten after it.

interface Kept {
  readonly made: string
  readonly value: unknown
}

export class Memory {
  #before = new Map<string, Kept>()
  #now = new Map<string, Kept>()
  #computed = 0
  readonly #orders = new Map<string, readonly object[]>()
  readonly #ids = new WeakMap<object, number>()
  #nextId = 1

  /** The value for a key, made anew only if what it is made from differs from last time. */
  recall<T>(key: string, made: string, make: () => T): T {
    const known = this.#now.get(key) ?? this.#before.get(key)
    if (known?.made === made) {
      this.#now.set(key, known)
      return known.value as T // A key always stands for one sort of value.
    }
    const value = make()
    this.#computed++
    this.#now.set(key, { made, value })
    return value
  }

  /** A number that stands for an object, as long as it is the very same one. */
  idOf(object: object): number {
    const known = this.#ids.get(object)
    if (known !== undefined) return known
    this.#ids.set(object, this.#nextId)
    return this.#nextId++
  }

  /** The items in order. Those that were there last time need no sorting. */
  inOrder<T extends object>(name: string, items: readonly T[], compare: (a: T, b: T) => number): T[] {
    const fresh = new Set(items)
    // A name always stands for one sort of items.
    const kept = ((this.#orders.get(name) ?? []) as readonly T[]).filter((item) => fresh.delete(item))
    const sorted = merge(kept, [...fresh].sort(compare), compare)
    this.#orders.set(name, sorted)
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

function merge<T>(a: readonly T[], b: readonly T[], compare: (a: T, b: T) => number): T[] {
  if (b.length === 0) return [...a]
  const merged: T[] = []
  let next = 0
  for (const item of a) {
    for (let other = b[next]; other !== undefined && compare(other, item) < 0; other = b[++next]) merged.push(other)
    merged.push(item)
  }
  merged.push(...b.slice(next))
  return merged
}
