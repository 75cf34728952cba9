import type { QueryNode, Watcher } from './node.ts'
import type { Query } from './query.ts'

/** One value that an observer watches. */
export interface Observed<K = unknown, V = unknown> {
  readonly query: Query<K, V>
  readonly key: K
}

export interface ObserverOptions {
  /**
   * It hears of changes in a later turn, when nothing urgent is to be done: for results that are expensive, and that
   * nobody waits for within milliseconds. Default: false.
   */
  readonly canWait?: boolean
}

/** What an engine does for its observers. */
export interface ObserverHost {
  watched(query: Query<unknown, unknown>, key: unknown, watcher: Watcher): QueryNode
  unwatched(node: QueryNode, watcher: Watcher): void
  pendingFor(observer: Observer): void
}

/**
 * Keeps query values alive and hears of their changes, once for each rebuild. It may watch and unwatch while it is
 * being told. Made by `Engine.observe`.
 */
export class Observer implements Watcher {
  readonly canWait: boolean
  readonly #host: ObserverHost
  readonly #changed: (changes: readonly Observed[]) => void
  readonly #watched = new Set<QueryNode>()
  #pending: QueryNode[] = []
  #closed = false

  constructor(host: ObserverHost, changed: (changes: readonly Observed[]) => void, options: ObserverOptions) {
    this.#host = host
    this.canWait = options.canWait ?? false
    this.#changed = changed
  }

  /** Number of values it watches. */
  get size(): number {
    return this.#watched.size
  }

  /** Starts to watch a value, and returns it as of the last rebuild. Throws if the query fails and never succeeded. */
  watch<K, V>(query: Query<K, V>, key: K): V {
    if (this.#closed) throw new Error('BUG: a closed observer watches')
    // The engine never looks into keys or values.
    const node = this.#host.watched(query as unknown as Query<unknown, unknown>, key, this)
    this.#watched.add(node)
    if (node.hasValue) return node.value as V
    throw new Error(`${query.name}(${node.text}) has failed`, { cause: node.failure })
  }

  unwatch<K, V>(query: Query<K, V>, key: K): void {
    const node = query.nodes.get(query.keyText(key))
    if (node !== undefined && this.#watched.delete(node)) this.#host.unwatched(node, this)
  }

  /** Ends it: it is told nothing more, and what only it watched is forgotten. */
  close(): void {
    this.#closed = true
    for (const node of this.#watched) this.#host.unwatched(node, this)
    this.#watched.clear()
    this.#pending = []
  }

  /** For the engine: a watched value changed in this rebuild. */
  changed(node: QueryNode): void {
    this.#pending.push(node)
    this.#host.pendingFor(this)
  }

  /** For the engine: hands over what changed. False if nothing is left to tell. */
  tell(): boolean {
    const changes = this.#pending.filter((node) => this.#watched.has(node))
    this.#pending = []
    if (changes.length === 0) return false
    this.#changed(changes)
    return true
  }
}
