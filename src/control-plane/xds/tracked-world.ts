import { type Query, type World, withDiscoverySelectors } from '../../discovery/index.ts'
import type { Engine, Query as PipelineQuery, Read } from '../../pipeline/index.ts'
import type { ObjectTables } from './object-tables.ts'

/** Key of a memoised result: in which cluster's world, and of what. */
interface WorldKey {
  readonly primary: string
  readonly key: unknown
  readonly text: string
}

/**
 * Worlds over tracked tables: each read is remembered as a dependency of the query that made it, so that results are
 * computed again only when something that they read has changed. There is one world for each cluster that proxies are in.
 */
export class TrackedWorlds {
  readonly #tables: ObjectTables
  readonly #engine: Engine
  /** By primary cluster; `whole` has what the mesh does not look at, too: for results that are the same in every world. */
  readonly #worlds = new Map<string, { readonly world: World; readonly whole: World }>()
  readonly #queries = new Map<string, { query: Query<never, unknown>; made: PipelineQuery<WorldKey, unknown> }>()

  constructor(tables: ObjectTables) {
    this.#tables = tables
    this.#engine = tables.engine
  }

  /** The world of a cluster, for a computation that reads by `read`. */
  world(read: Read, primary: string): World {
    return this.#worldsOf(read, primary).world
  }

  #worldsOf(read: Read, primary: string): { readonly world: World; readonly whole: World } {
    let made = this.#worlds.get(primary)
    // The engine has one reader, which is valid whenever a query runs.
    if (made === undefined) {
      const whole = this.#make(read, primary)
      made = { world: withDiscoverySelectors(whole), whole }
      this.#worlds.set(primary, made)
    }
    return made
  }

  #make(read: Read, primary: string): World {
    const tables = this.#tables
    return {
      primary,
      clusters: () => [primary, ...(read.get(tables.facts, primary)?.joined ?? [])],
      staleSince: (cluster) => read.get(tables.facts, cluster)?.staleSince,
      object: (cluster, kind, key) => read.get(tables.table(cluster, kind), key),
      objects: (cluster, kind) => read.all(tables.table(cluster, kind)),
      lookup: (cluster, index, key) => read.by(tables.index(cluster, index), key),
      document: (place) => read.get(tables.documents, place),
      get: <K, V>(query: Query<K, V>, key: K): V => {
        const made = this.#query(query)
        // Its own query made the value.
        return read.query(made, keyIn(query, primary, key)) as V
      },
    }
  }

  #query<K, V>(query: Query<K, V>): PipelineQuery<WorldKey, unknown> {
    const known = this.#queries.get(query.name)
    // Types of key and value differ from query to query; the name stands for them.
    const untyped = query as unknown as Query<never, unknown>
    if (known !== undefined) {
      if (known.query !== untyped) throw new Error(`BUG: two queries are called ${query.name}`)
      return known.made
    }
    const made = this.#engine.define<WorldKey, unknown>(
      query.name,
      (read, { primary, key }) => {
        const { world, whole } = this.#worldsOf(read, primary)
        return untyped.compute(query.anyWorld === true ? whole : world, key as never)
      },
      { keyText: ({ text }) => text, ...(untyped.equals && { equals: untyped.equals }) },
    )
    this.#queries.set(query.name, { query: untyped, made })
    return made
  }
}

/** Results that are the same in every world are shared by all. */
function keyIn<K, V>(query: Query<K, V>, primary: string, key: K): WorldKey {
  const text = query.keyOf(key)
  return { primary, key, text: query.anyWorld === true ? text : `${primary} ${text}` }
}
