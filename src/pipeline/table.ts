import { Bucket } from './bucket.ts'
import { type Cell, cellIn } from './node.ts'

export interface TableOptions<V> {
  /** Decides whether a write changes anything. Default: `Object.is`. */
  readonly equals?: (before: V, after: V) => boolean
}

/** What an engine does for its tables. */
export interface TableHost {
  /** A write waits for the next rebuild. */
  dirtied(): void
  /** A cell's content changed. */
  touched(cell: Cell): void
}

/** A second way into a table: by the texts that `valuesOf` gives for an object. */
export interface Index<V> {
  readonly name: string
  readonly table: Table<V>
  /** For the engine: the cells of one value. */
  membersCell(value: string): Cell
  keysCell(value: string): Cell
  bucket(value: string): Bucket<V> | undefined
}

export type AnyTable = Pick<Table<never>, 'name' | 'level' | 'size'>

/**
 * Input of queries: values by key. Writes wait until the next rebuild, which takes them all in one step; until then
 * every read, tracked or not, sees the state of the last rebuild.
 */
export class Table<V> {
  readonly name: string
  readonly level: number
  readonly #host: TableHost
  readonly #equals: (before: V, after: V) => boolean
  readonly #rows = new Bucket<V>()
  readonly #pending = new Map<string, { readonly value: V } | undefined>()
  readonly #keyCells = new Map<string, Cell>()
  readonly #wholeCells = new Map<string, Cell>()
  readonly #indexes: TableIndex<V>[] = []
  /** Keys that came or went in the last commit; derived tables follow these. */
  readonly added = new Set<string>()
  readonly removed = new Set<string>()

  constructor(name: string, level: number, host: TableHost, options: TableOptions<V>) {
    this.name = name
    this.level = level
    this.#host = host
    this.#equals = options.equals ?? Object.is
  }

  /** Number of rows as of the last rebuild. */
  get size(): number {
    return this.#rows.map.size
  }

  /** Rows as of the last rebuild; not tracked. */
  get rows(): ReadonlyMap<string, V> {
    return this.#rows.map
  }

  /** The row as the next rebuild will see it; not tracked. */
  latest(key: string): V | undefined {
    return this.#pending.has(key) ? this.#pending.get(key)?.value : this.#rows.map.get(key)
  }

  /** Writes that wait for the next rebuild. */
  get pending(): number {
    return this.#pending.size
  }

  set(key: string, value: V): void {
    this.#pending.set(key, { value })
    this.#host.dirtied()
  }

  delete(key: string): void {
    this.#pending.set(key, undefined)
    this.#host.dirtied()
  }

  /** Makes `rows` the content of the table: what is not among them goes. */
  replace(rows: ReadonlyMap<string, V>): void {
    for (const key of this.#rows.map.keys()) if (!rows.has(key)) this.#pending.set(key, undefined)
    for (const key of this.#pending.keys()) if (!rows.has(key)) this.#pending.set(key, undefined)
    for (const [key, value] of rows) this.#pending.set(key, { value })
    this.#host.dirtied()
  }

  /** Adds an index. `valuesOf` is pure: it looks at nothing but the row. */
  index(name: string, valuesOf: (row: V, key: string) => Iterable<string>): Index<V> {
    const index = new TableIndex(name, this, valuesOf)
    for (const [key, row] of this.#rows.map) index.move(key, undefined, { value: row }, this.#host)
    this.#indexes.push(index)
    return index
  }

  /** For the engine: takes the waiting writes. Returns how many changed something. */
  commit(): number {
    this.added.clear()
    this.removed.clear()
    if (this.#pending.size === 0) return 0
    let changes = 0
    for (const [key, write] of this.#pending) if (this.#apply(key, write)) changes++
    this.#pending.clear()
    const all = this.#wholeCells.get('all')
    if (changes > 0 && all !== undefined) this.#host.touched(all)
    const keys = this.#wholeCells.get('keys')
    if (this.added.size + this.removed.size > 0 && keys !== undefined) this.#host.touched(keys)
    return changes
  }

  #apply(key: string, write: { readonly value: V } | undefined): boolean {
    const existed = this.#rows.map.has(key)
    const before = existed ? { value: this.#rows.map.get(key) as V } : undefined // It exists.
    if (before === undefined && write === undefined) return false
    if (before !== undefined && write !== undefined && this.#equals(before.value, write.value)) return false
    if (write === undefined) {
      this.#rows.delete(key)
      this.removed.add(key)
    } else if (this.#rows.set(key, write.value)) this.added.add(key)
    for (const index of this.#indexes) index.move(key, before, write, this.#host)
    const cell = this.#keyCells.get(key)
    if (cell !== undefined) this.#host.touched(cell)
    return true
  }

  /** For the engine: the cells of one key, of all rows, of all keys; and what is in them. */
  keyCell(key: string): Cell {
    return cellIn(this.#keyCells, this, 'key', key)
  }

  allCell(): Cell {
    return cellIn(this.#wholeCells, this, 'all', 'all')
  }

  keysCell(): Cell {
    return cellIn(this.#wholeCells, this, 'keys', 'keys')
  }

  sorted(): Bucket<V> {
    return this.#rows
  }
}

class TableIndex<V> implements Index<V> {
  readonly name: string
  readonly table: Table<V>
  readonly #valuesOf: (row: V, key: string) => Iterable<string>
  readonly #buckets = new Map<string, Bucket<V>>()
  readonly #members = new Map<string, Cell>()
  readonly #keys = new Map<string, Cell>()

  constructor(name: string, table: Table<V>, valuesOf: (row: V, key: string) => Iterable<string>) {
    this.name = name
    this.table = table
    this.#valuesOf = valuesOf
  }

  bucket(value: string): Bucket<V> | undefined {
    return this.#buckets.get(value)
  }

  membersCell(value: string): Cell {
    return cellIn(this.#members, this.table, 'members', value)
  }

  keysCell(value: string): Cell {
    return cellIn(this.#keys, this.table, 'member keys', value)
  }

  /** A row changed: files it anew and touches the values that it had or has. */
  move(
    key: string,
    before: { readonly value: V } | undefined,
    after: { readonly value: V } | undefined,
    host: TableHost,
  ): void {
    const had = new Set(before === undefined ? [] : this.#valuesOf(before.value, key))
    const has = new Set(after === undefined ? [] : this.#valuesOf(after.value, key))
    for (const value of had) {
      if (has.has(value)) continue
      const bucket = this.#buckets.get(value)
      bucket?.delete(key)
      if (bucket?.map.size === 0) this.#buckets.delete(value)
      this.#touch(value, true, host)
    }
    if (after === undefined) return
    for (const value of has) {
      let bucket = this.#buckets.get(value)
      if (bucket === undefined) {
        bucket = new Bucket()
        this.#buckets.set(value, bucket)
      }
      bucket.set(key, after.value)
      this.#touch(value, !had.has(value), host)
    }
  }

  #touch(value: string, membership: boolean, host: TableHost): void {
    const members = this.#members.get(value)
    if (members !== undefined) host.touched(members)
    const keys = membership ? this.#keys.get(value) : undefined
    if (keys !== undefined) host.touched(keys)
  }
}
