// Clusters that a client takes since something else that it has refers to them, and for no other reason.
import type { EncodedResource } from './resource.ts'

/** A name that nothing refers to any more stays this long: what was replaced may come back, and requests may be under way. */
const lingerMs = 60_000

/** What the resources that one client has refer to. */
export class References {
  /** By type and name of what refers. */
  readonly #of = new Map<string, readonly string[]>()
  /** How many refer to a name, those included that did until lately. */
  readonly #counts = new Map<string, number>()
  readonly #after: (ms: number, callback: () => void) => () => void
  readonly #released: (name: string) => void
  readonly #waiting = new Set<() => void>()

  /** `released` is told names that nothing refers to any more. */
  constructor(after: (ms: number, callback: () => void) => () => void, released: (name: string) => void) {
    this.#after = after
    this.#released = released
  }

  get size(): number {
    return this.#counts.size
  }

  has(name: string): boolean {
    return this.#counts.has(name)
  }

  [Symbol.iterator](): Iterator<string> {
    return this.#counts.keys()
  }

  /** Notes what a resource refers to. Returns names that nothing referred to before. */
  note(typeUrl: string, { name, refersTo = [] }: Pick<EncodedResource, 'name' | 'refersTo'>): string[] {
    const key = `${typeUrl} ${name}`
    const before = this.#of.get(key)
    if (before === refersTo || (!before && refersTo.length === 0)) return []
    const added = refersTo.filter((each) => this.#count(each, 1) === 1)
    if (refersTo.length > 0) this.#of.set(key, refersTo)
    else this.#of.delete(key)
    if (before) this.#letGo(before)
    return added
  }

  /** The client has these no more. */
  drop(typeUrl: string, names: Iterable<string>): void {
    if (this.#of.size > 0) for (const name of names) this.note(typeUrl, { name })
  }

  /** Names that the client has from an earlier stream: it has yet to say what refers to them. */
  inherit(names: readonly string[]): void {
    for (const name of names) this.#count(name, 1)
    if (names.length > 0) this.#letGo(names)
  }

  close(): void {
    for (const cancel of this.#waiting) cancel()
    this.#waiting.clear()
  }

  #letGo(names: readonly string[]): void {
    const cancel = this.#after(lingerMs, () => {
      this.#waiting.delete(cancel)
      for (const name of names) if (this.#count(name, -1) === 0) this.#released(name)
    })
    this.#waiting.add(cancel)
  }

  #count(name: string, more: 1 | -1): number {
    const count = (this.#counts.get(name) ?? 0) + more
    if (count > 0) this.#counts.set(name, count)
    else this.#counts.delete(name)
    return count
  }
}
