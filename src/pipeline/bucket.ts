import { compareText } from '../lib/index.ts'

/**
 * A map that can be listed in the order of its keys, whatever the order of writes was. Sorted at the first listing and
 * kept sorted by insertion after it, so that loading is cheap and so is one change among thousands.
 */
export class Bucket<V> {
  readonly map = new Map<string, V>()
  #keys: string[] | undefined
  #values: readonly V[] | undefined

  /** True if the key is new. */
  set(key: string, value: V): boolean {
    const isNew = !this.map.has(key)
    this.map.set(key, value)
    this.#values = undefined
    if (isNew && this.#keys !== undefined) {
      const keys = this.#keys.slice()
      keys.splice(positionOf(keys, key), 0, key)
      this.#keys = keys
    }
    return isNew
  }

  delete(key: string): void {
    if (!this.map.delete(key)) return
    this.#values = undefined
    if (this.#keys !== undefined) {
      const keys = this.#keys.slice()
      keys.splice(positionOf(keys, key), 1)
      this.#keys = keys
    }
  }

  /** Never changed afterwards: a later write makes another array. */
  keys(): readonly string[] {
    this.#keys ??= [...this.map.keys()].sort(compareText)
    return this.#keys
  }

  values(): readonly V[] {
    this.#values ??= this.keys().map((key) => this.map.get(key) as V) // Its own keys: each has a value.
    return this.#values
  }
}

/** Where `key` is in sorted `keys`, or would be. */
function positionOf(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((keys[middle] as string) < key) low = middle + 1
    else high = middle
  }
  return low
}
