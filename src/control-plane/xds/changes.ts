import type { ResourceChange } from '../../ads/index.ts'

/** Who is told of changes. */
export interface Told {
  readonly changed: (change: ResourceChange) => void
}

/** A list with all who are shown it now. */
interface Shown {
  readonly key: { readonly typeUrl: string }
  readonly users: Iterable<Told>
}

/** Names of one type that have changed. */
interface Part {
  readonly typeUrl: string
  readonly names: Set<string>
}

interface PartOfList extends Part {
  readonly users: Set<Told>
}

/**
 * What a rebuild has changed, on its way to those who are told. Names are gathered by list: what a thousand proxies see
 * by one list is one set for all of them.
 */
export class Changes {
  readonly #ofLists = new Map<Shown, PartOfList>()
  readonly #ofProxies = new Map<Told, Part[]>()

  /** Names of a list that will be told to all who are shown it now, though they may be shown another one later. */
  ofList(list: Shown, names: Iterable<string>): void {
    const part = this.#ofLists.get(list) ?? { typeUrl: list.key.typeUrl, names: new Set(), users: new Set() }
    this.#ofLists.set(list, part)
    for (const name of names) part.names.add(name)
    for (const user of list.users) part.users.add(user)
  }

  /** Names that one proxy will be told. */
  ofProxy(proxy: Told, typeUrl: string, names: Iterable<string>): void {
    const part = { typeUrl, names: new Set(names) }
    if (part.names.size === 0) return
    const parts = this.#ofProxies.get(proxy)
    if (parts) parts.push(part)
    else this.#ofProxies.set(proxy, [part])
  }

  /** Tells each proxy everything at once. */
  tell(): void {
    const all = new Map([...this.#ofProxies].map(([proxy, parts]) => [proxy, [...parts]]))
    for (const part of this.#ofLists.values()) {
      if (part.names.size === 0) continue
      for (const user of part.users) {
        const parts = all.get(user)
        if (parts) parts.push(part)
        else all.set(user, [part])
      }
    }
    // Most are told one list's change: it is put together once.
    const single = new Map<Part, ResourceChange>()
    for (const [proxy, parts] of all) {
      const [only] = parts
      const known = parts.length === 1 && only ? single.get(only) : undefined
      const change = known ?? together(parts)
      if (only && parts.length === 1) single.set(only, change)
      proxy.changed(change)
    }
  }
}

function together(parts: readonly Part[]): ResourceChange {
  const change = new Map<string, Set<string>>()
  for (const { typeUrl, names } of parts) {
    const before = change.get(typeUrl)
    change.set(typeUrl, before ? before.union(names) : names)
  }
  return change
}
