/** Random choices that are the same for the same seed (mulberry32). */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** In [0, 1). */
  roll(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }

  chance(share: number): boolean {
    return this.roll() < share
  }

  /** An integer from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.roll() * end)
  }

  pick<T>(from: readonly T[]): T {
    if (from.length === 0) throw new Error('nothing to pick from')
    // Within the list, so it is there, even if it is undefined.
    return from[this.below(from.length)] as T
  }

  /** Between `least` and `most` of them, each once, in their order. */
  some<T>(from: readonly T[], least: number, most: number): T[] {
    const count = Math.min(from.length, least + this.below(most - least + 1))
    const chosen = new Set<number>()
    while (chosen.size < count) chosen.add(this.below(from.length))
    return from.filter((_, at) => chosen.has(at))
  }

  /** `make()` with the share given, else nothing. */
  maybe<T>(share: number, make: () => T): T | undefined {
    return this.chance(share) ? make() : undefined
  }

  list<T>(least: number, most: number, make: (at: number) => T): T[] {
    return Array.from({ length: least + this.below(most - least + 1) }, (_, at) => make(at))
  }
}

/** Without the members that are undefined. */
export function compact<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T
}
