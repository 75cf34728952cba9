import type { QueryNode } from './node.ts'
import type { Index, Table } from './table.ts'

/**
 * The reads of a running query. Every read is tracked: the query runs again only when something it read has changed.
 * Valid only while the query's function runs; it throws afterwards, since a read that is not tracked goes stale.
 */
export interface Read {
  /** The value at one key. */
  get<V>(table: Table<V>, key: string): V | undefined
  /** All values, in the order of their keys. Any change of the table reruns the reader: prefer `get` and `by`. */
  all<V>(table: Table<V>): readonly V[]
  /** All keys, sorted. Reruns the reader only when a key comes or goes. */
  keys<V>(table: Table<V>): readonly string[]
  /** The values that an index files under `value`, in the order of their keys. */
  by<V>(index: Index<V>, value: string): readonly V[]
  /** The keys that an index files under `value`, sorted. Reruns the reader only when one comes or goes. */
  keysBy<V>(index: Index<V>, value: string): readonly string[]
  /** Another query's value. */
  query<K, V>(query: Query<K, V>, key: K): V
}

export interface QueryOptions<K, V> {
  /**
   * Decides whether a recomputed value is the same as before; then the old one stays and nothing above is recomputed
   * (early cut-off). Default: `Object.is`. Worth its price wherever many changes leave the result alone.
   */
  readonly equals?: (before: V, after: V) => boolean
  /** Text that is equal exactly for equal keys. Default: strings as they are, anything else as JSON. */
  readonly keyText?: (key: K) => string
}

/** How often a query ran. */
export interface QueryCounts {
  /** In the rebuild that is running or ended last, with what was asked since. */
  recomputed: number
  /** Of these, how many gave another value. */
  changed: number
  recomputedEver: number
  failedEver: number
}

/**
 * A memoised function of a key and of what it reads. Made by `Engine.define`. The function must be pure, synchronous,
 * and must return plain data that it computed to the end: nothing that reads later.
 */
export interface Query<K, V> {
  readonly name: string
  readonly compute: (read: Read, key: K) => V
  readonly equals: (before: V, after: V) => boolean
  readonly keyText: (key: K) => string
  /** For the engine and the dump. */
  readonly nodes: Map<string, QueryNode>
  readonly counts: QueryCounts
}

export function newQuery<K, V>(
  name: string,
  compute: (read: Read, key: K) => V,
  options: QueryOptions<K, V>,
): Query<K, V> {
  return {
    name,
    compute,
    equals: options.equals ?? Object.is,
    keyText: options.keyText ?? ((key) => (typeof key === 'string' ? key : JSON.stringify(key))),
    nodes: new Map(),
    counts: { recomputed: 0, changed: 0, recomputedEver: 0, failedEver: 0 },
  }
}
