import { Graph, type GraphHost, type QueryFailure, valueOf } from './graph.ts'
import { type Cell, inputLevel, type QueryNode, type Watcher } from './node.ts'
import { type Observed, Observer, type ObserverHost, type ObserverOptions } from './observer.ts'
import { newQuery, type Query, type QueryOptions, type Read } from './query.ts'
import { Table, type TableHost, type TableOptions } from './table.ts'

export interface EngineOptions {
  /** Milliseconds of a steady clock, for the figures of rebuilds. Default: always 0. */
  readonly now?: () => number
  /** A query's function threw (a defect of ours). Its last good value, if any, stays in force. */
  readonly failed?: (failure: QueryFailure) => void
}

/** What one rebuild did. */
export interface RebuildReport {
  /** Counts up from 1. */
  readonly number: number
  readonly durationMs: number
  /** Rows that changed, by table; tables without a change are left out. */
  readonly tables: ReadonlyMap<string, number>
  /** How often queries ran, by name; those that did not run are left out. */
  readonly recomputed: ReadonlyMap<string, number>
  readonly observersTold: number
  /** Memoised values that nobody used any more. */
  readonly forgotten: number
}

/**
 * Demand-driven, incremental computation: tables in, memoised queries between, observers out. See the README.
 *
 *     const engine = new Engine()
 *     const pods = engine.table<Pod>('pods')
 *     const byNode = pods.index('node', (pod) => [pod.node])
 *     const load = engine.define('load', (read, node: string) => read.by(byNode, node).length)
 *     const screen = engine.observe((changes) => redraw(changes))
 *     screen.watch(load, 'n1')
 *     pods.set('default/a', { node: 'n1' })
 *     engine.rebuild()                        // redraw is told that load of n1 changed
 */
export class Engine implements TableHost, ObserverHost, GraphHost {
  readonly #now: () => number
  readonly #onFailure: (failure: QueryFailure) => void
  readonly #graph = new Graph(this)
  readonly #tables = new Map<string, Table<unknown>>()
  readonly #queries = new Map<string, Query<unknown, unknown>>()
  readonly #derived: Derived[] = []
  /** Watched nodes that may have changed in this rebuild; those of derived tables apart. */
  readonly #stirred = new Set<QueryNode>()
  /** The same, wanted only by observers that can wait; each with the rebuild of the value that they know. */
  readonly #later = new Map<QueryNode, number>()
  readonly #stirredOf = new Map<Query<unknown, unknown>, Set<QueryNode>>()
  readonly #observersToTell = new Set<Observer>()
  #rebuilding = false
  #dirty = false
  #batchDepth = 0
  #onDirty: (() => void) | undefined
  #last: RebuildReport | undefined

  constructor(options: EngineOptions = {}) {
    this.#now = options.now ?? (() => 0)
    this.#onFailure = options.failed ?? (() => undefined)
  }

  /** Makes an input table. Names are unique. */
  table<V>(name: string, options: TableOptions<V> = {}): Table<V> {
    return this.#addTable(new Table<V>(name, inputLevel, this, options))
  }

  /** Makes a memoised query. Names are unique. */
  define<K, V>(name: string, compute: (read: Read, key: K) => V, options: QueryOptions<K, V> = {}): Query<K, V> {
    if (this.#queries.has(name)) throw new Error(`BUG: query ${name} is defined twice`)
    const query = newQuery(name, compute, options)
    this.#queries.set(name, query as unknown as Query<unknown, unknown>) // The engine never looks into keys or values.
    return query
  }

  /**
   * Makes a table that follows another one: the row of each key is computed from the source's row (undefined: no row).
   * It can be indexed like any table; use it where an index needs more than the row itself. It is kept up to date
   * whether or not somebody reads it. Its function may read input tables and derived tables made before this one.
   */
  derive<S, V>(
    name: string,
    source: Table<S>,
    compute: (read: Read, key: string, row: S) => V | undefined,
    options: TableOptions<V> = {},
  ): Table<V> {
    const table = this.#addTable(new Table<V>(name, this.#derived.length, this, options))
    const query = this.define<string, V | undefined>(name, (read, key) => {
      const row = read.get(source, key)
      return row === undefined ? undefined : compute(read, key, row)
    })
    // The engine never looks into rows.
    const derived = { table, source, query, stirred: new Set(), started: false } as unknown as Derived
    this.#derived.push(derived)
    this.#stirredOf.set(derived.query, derived.stirred)
    return table
  }

  /** Makes an observer; `changed` is called at most once in a rebuild. One for each distinct view, not for each client. */
  observe(changed: (changes: readonly Observed[]) => void, options: ObserverOptions = {}): Observer {
    return new Observer(this, changed, options)
  }

  /** A query's value as of the last rebuild; not tracked. Computed if need be, and forgotten by the next rebuild. */
  get<K, V>(query: Query<K, V>, key: K): V {
    const node = this.#graph.bring(query, key)
    this.#graph.suspect(node)
    return valueOf<V>(node)
  }

  /** Does many writes as one: who waits for `onDirty` hears of it once, at the end. */
  batch(write: () => void): void {
    this.#batchDepth++
    try {
      write()
    } finally {
      this.#batchDepth--
      if (this.#batchDepth === 0 && this.#dirty) this.#onDirty?.()
    }
  }

  /** `heard` is called after each write (or batch of writes) that waits for a rebuild. */
  onDirty(heard: () => void): void {
    this.#onDirty = heard
  }

  /** True if writes wait for a rebuild. */
  get dirty(): boolean {
    return this.#dirty
  }

  get lastRebuild(): RebuildReport | undefined {
    return this.#last
  }

  get tables(): Iterable<Table<unknown>> {
    return this.#tables.values()
  }

  get queries(): Iterable<Query<unknown, unknown>> {
    return this.#queries.values()
  }

  /**
   * Takes the waiting writes, recomputes what is observed and depends on them, tells observers, forgets what is unused.
   * Costs nothing for what does not depend on a change. If an observer throws, the others are told all the same, and
   * its error is thrown at the end.
   */
  rebuild(): RebuildReport {
    this.#dirty = false
    return this.#run(
      () => this.#commit(),
      (number) => {
        for (const node of this.#stirred) this.#bringAndNote(node, (changedIn) => changedIn === number)
        this.#stirred.clear()
      },
    )
  }

  /** True if something is to be computed for observers that can wait. */
  get hasLater(): boolean {
    return this.#later.size > 0
  }

  /** Computes what observers that can wait want, as of the last rebuild. Else like `rebuild`. */
  rebuildLater(): RebuildReport {
    return this.#run(
      () => new Map(),
      () => {
        // It may have been computed since, for somebody who could not wait: then it is only told.
        for (const [node, known] of this.#later) this.#bringAndNote(node, (changedIn) => changedIn !== known)
        this.#later.clear()
      },
    )
  }

  #bringAndNote(node: QueryNode, isNews: (changedIn: number) => boolean): void {
    if (node.watchers.size === 0) return
    this.#graph.update(node)
    if (isNews(node.changedIn)) for (const watcher of node.watchers) watcher.changed(node)
  }

  #run(commit: () => Map<string, number>, compute: (number: number) => void): RebuildReport {
    if (this.#rebuilding) throw new Error('BUG: rebuild within a rebuild')
    this.#rebuilding = true
    const start = this.#now()
    const number = ++this.#graph.generation
    for (const { counts } of this.#queries.values()) counts.recomputed = counts.changed = 0
    try {
      const tables = commit()
      compute(number)
      const errors: unknown[] = []
      const observersTold = this.#tell(errors)
      const forgotten = this.#graph.sweep()
      const recomputed = new Map<string, number>()
      for (const { name, counts } of this.#queries.values())
        if (counts.recomputed > 0) recomputed.set(name, counts.recomputed)
      this.#last = { number, durationMs: this.#now() - start, tables, recomputed, observersTold, forgotten }
      if (errors.length > 0) throw errors[0]
      return this.#last
    } finally {
      this.#rebuilding = false
      this.#graph.horizon = Number.POSITIVE_INFINITY
    }
  }

  // ── what tables, observers and the graph call ──

  dirtied(): void {
    if (Number.isFinite(this.#graph.horizon)) return // Rows of a derived table: part of the rebuild that runs.
    this.#dirty = true
    if (this.#batchDepth === 0) this.#onDirty?.()
  }

  touched(cell: Cell): void {
    for (const node of cell.dependents) this.#graph.mark(node, 'dirty')
  }

  stirred(node: QueryNode): void {
    const derived = this.#stirredOf.get(node.query)
    if (derived !== undefined) derived.add(node)
    else if (!canWait(node)) this.#stirred.add(node)
    else if (!this.#later.has(node)) this.#later.set(node, node.changedIn)
  }

  failed(failure: QueryFailure): void {
    this.#onFailure(failure)
  }

  watched(query: Query<unknown, unknown>, key: unknown, watcher: Watcher): QueryNode {
    const node = this.#graph.bring(query, key)
    node.addWatcher(watcher)
    return node
  }

  unwatched(node: QueryNode, watcher: Watcher): void {
    node.removeWatcher(watcher)
    this.#graph.suspect(node)
  }

  pendingFor(observer: Observer): void {
    this.#observersToTell.add(observer)
  }

  // ── steps of a rebuild ──

  #addTable<V>(table: Table<V>): Table<V> {
    if (this.#tables.has(table.name)) throw new Error(`BUG: table ${table.name} is made twice`)
    this.#tables.set(table.name, table as unknown as Table<unknown>) // The engine never looks into rows.
    return table
  }

  /** Takes the waiting writes: input tables first, then derived ones in order, each seeing all before it. */
  #commit(): Map<string, number> {
    const changes = new Map<string, number>()
    const commit = (table: Table<unknown>): void => {
      const rows = table.commit()
      if (rows > 0) changes.set(table.name, rows)
    }
    for (const table of this.#tables.values()) if (table.level === inputLevel) commit(table)
    for (const derived of this.#derived) {
      this.#graph.horizon = derived.table.level
      this.#refresh(derived)
      commit(derived.table)
    }
    this.#graph.horizon = Number.POSITIVE_INFINITY
    return changes
  }

  #refresh(derived: Derived): void {
    const { table, source, query, stirred } = derived
    for (const key of source.removed) {
      const node = query.nodes.get(key)
      if (node !== undefined) {
        stirred.delete(node)
        this.unwatched(node, derivedWatcher)
      }
      table.delete(key)
    }
    for (const key of derived.started ? source.added : source.rows.keys())
      stirred.add(this.watched(query, key, derivedWatcher))
    derived.started = true
    for (const node of stirred) {
      this.#graph.update(node)
      if (!node.hasValue || node.value === undefined) table.delete(node.text)
      else table.set(node.text, node.value)
    }
    stirred.clear()
  }

  /** Tells every observer, even if another one throws. */
  #tell(errors: unknown[]): number {
    let told = 0
    while (this.#observersToTell.size > 0) {
      const observers = [...this.#observersToTell]
      this.#observersToTell.clear()
      for (const observer of observers) {
        try {
          if (observer.tell()) told++
        } catch (error) {
          errors.push(error)
        }
      }
    }
    return told
  }
}

interface Derived {
  readonly table: Table<unknown>
  readonly source: Table<unknown>
  readonly query: Query<unknown, unknown>
  /** Nodes to bring up to date in the next refresh. */
  readonly stirred: Set<QueryNode>
  started: boolean
}

/** Derived tables hear of changes by `stirred`; this only marks their nodes as used. */
const derivedWatcher: Watcher = { canWait: false, changed: () => undefined }

function canWait(node: QueryNode): boolean {
  for (const watcher of node.watchers) if (!watcher.canWait) return false
  return true
}
