import { isWildcard } from '../discovery/index.ts'

/** Things by host, found by the most specific host that covers a name: the name itself, else the longest wildcard. */
export class HostIndex<T> {
  readonly #exact = new Map<string, T>()
  readonly #wildcards = new Map<string, T>()
  #longestFirst: [string, T][] | undefined

  get(host: string): T | undefined {
    return (isWildcard(host) ? this.#wildcards : this.#exact).get(host)
  }

  set(host: string, value: T): void {
    const own = isWildcard(host) ? this.#wildcards : this.#exact
    own.set(host, value)
    this.#longestFirst = undefined
  }

  /** Each host as it was set, wildcards last. */
  entries(): readonly (readonly [string, T])[] {
    return [...this.#exact, ...this.#wildcards]
  }

  mostSpecific(host: string): T | undefined {
    const own = this.get(host)
    if (own !== undefined || this.#wildcards.size === 0) return own
    this.#longestFirst ??= [...this.#wildcards].sort(([a], [b]) => b.length - a.length || (a < b ? -1 : 1))
    const name = isWildcard(host) ? host.slice(1) : host
    return this.#longestFirst.find(([wildcard]) => name.endsWith(wildcard.slice(1)))?.[1]
  }
}
