// The objects of one cluster: in memory for reading, in SQLite (WAL) so that they survive the process.
// Every write takes the next version of one counter; a ring of recent events lets watches resume.
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { compareText } from '../../lib/index.ts'
import { type JsonObject, nameOf, namespaceOf, parseJson, writeJson } from './json.ts'

/** One version of one object; never changed after it was made. */
export interface Stored {
  /** `namespace/name`, or `/name` for cluster-scoped objects. */
  readonly key: string
  readonly version: number
  readonly object: JsonObject
}

export interface StoreEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly resource: string
  readonly version: number
  /** The new state; for DELETED the last state, with the version of the deletion. */
  readonly stored: Stored
  readonly previous?: Stored
}

type Listener = (event: StoreEvent) => void

interface Table {
  readonly rows: Map<string, Stored>
  /** Keys in order; undefined after a key came or went. */
  sorted: string[] | undefined
  readonly listeners: Set<Listener>
  /** Events of this resource, oldest first. */
  history: StoreEvent[]
  /** Versions up to and including this one are no longer in the history. */
  forgotten: number
}

/** How many events of a resource a watch can look back. */
const historyLength = 4096

export const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`

export class Store {
  readonly #database: DatabaseSync
  readonly #put: StatementSync
  readonly #drop: StatementSync
  readonly #count: StatementSync
  readonly #tables = new Map<string, Table>()
  #version: number
  readonly #startVersion: number

  constructor(file: string) {
    this.#database = new DatabaseSync(file)
    this.#database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      CREATE TABLE IF NOT EXISTS objects (
        resource TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (resource, key)) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    `)
    this.#put = this.#database.prepare(
      'INSERT OR REPLACE INTO objects (resource, key, version, body) VALUES (?, ?, ?, ?)',
    )
    this.#drop = this.#database.prepare('DELETE FROM objects WHERE resource = ? AND key = ?')
    this.#count = this.#database.prepare("INSERT OR REPLACE INTO state (name, value) VALUES ('version', ?)")
    this.#version = Number(this.state('version') ?? '1')
    this.#startVersion = this.#version
    const rows = this.#database.prepare('SELECT resource, key, version, body FROM objects').iterate()
    for (const row of rows) {
      const { resource, key, version, body } = row as { resource: string; key: string; version: number; body: string }
      this.#table(resource).rows.set(key, { key, version, object: parseJson(body) as JsonObject })
    }
  }

  /** A named text kept beside the objects: keys of the CA, the cluster's id. */
  state(name: string): string | undefined {
    const row = this.#database.prepare('SELECT value FROM state WHERE name = ?').get(name)
    return (row as { value: string } | undefined)?.value
  }

  setState(name: string, value: string): void {
    this.#database.prepare('INSERT OR REPLACE INTO state (name, value) VALUES (?, ?)').run(name, value)
  }

  get version(): number {
    return this.#version
  }

  get(resource: string, namespace: string, name: string): Stored | undefined {
    return this.#tables.get(resource)?.rows.get(keyOf(namespace, name))
  }

  /** All objects of a resource, or those of one namespace, ordered by namespace and name. */
  list(resource: string, namespace?: string): Stored[] {
    const table = this.#tables.get(resource)
    if (!table) return []
    table.sorted ??= [...table.rows.keys()].sort(compareText)
    const keys = namespace === undefined ? table.sorted : withPrefix(table.sorted, `${namespace}/`)
    return keys.map((key) => table.rows.get(key) as Stored)
  }

  /** Names of resources that have objects. */
  resources(): string[] {
    return [...this.#tables].filter(([, t]) => t.rows.size > 0).map(([name]) => name)
  }

  /** Stores an object under the next version, which is also written into it. The caller has checked what was there before. */
  write(resource: string, object: JsonObject): Stored {
    const key = keyOf(namespaceOf(object), nameOf(object))
    const table = this.#table(resource)
    const previous = table.rows.get(key)
    const version = this.#version + 1
    const stored: Stored = { key, version, object: withVersion(object, version) }
    this.#transaction(() => {
      this.#put.run(resource, key, version, writeJson(stored.object))
      this.#count.run(String(version))
    })
    this.#version = version
    table.rows.set(key, stored)
    if (!previous) table.sorted = undefined
    this.#publish(table, {
      type: previous ? 'MODIFIED' : 'ADDED',
      resource,
      version,
      stored,
      ...(previous ? { previous } : {}),
    })
    return stored
  }

  /** Removes an object; the returned last state carries the version of the deletion. `last` may differ from what was stored. */
  remove(resource: string, stored: Stored, last: JsonObject = stored.object): Stored {
    const table = this.#table(resource)
    const version = this.#version + 1
    this.#transaction(() => {
      this.#drop.run(resource, stored.key)
      this.#count.run(String(version))
    })
    this.#version = version
    const gone: Stored = { key: stored.key, version, object: withVersion(last, version) }
    table.rows.delete(stored.key)
    table.sorted = undefined
    this.#publish(table, { type: 'DELETED', resource, version, stored: gone, previous: stored })
    return gone
  }

  /** Whether the events after `version` are still known. */
  remembers(resource: string, version: number): boolean {
    return version >= Math.max(this.#startVersion, this.#tables.get(resource)?.forgotten ?? 0)
  }

  /** Events of a resource after `version`, oldest first. */
  eventsSince(resource: string, version: number): StoreEvent[] {
    const history = this.#tables.get(resource)?.history ?? []
    let low = 0
    let high = history.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((history[middle] as StoreEvent).version <= version) low = middle + 1
      else high = middle
    }
    return history.slice(low)
  }

  /** Calls the listener with each event of the resource from now on; returns what ends that. */
  subscribe(resource: string, listener: Listener): () => void {
    const { listeners } = this.#table(resource)
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }

  close(): void {
    this.#database.close()
  }

  #transaction(work: () => void): void {
    this.#database.exec('BEGIN')
    try {
      work()
      this.#database.exec('COMMIT')
    } catch (error) {
      // SQLite may have rolled back by itself, as it does when the disk is full.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  #table(resource: string): Table {
    let table = this.#tables.get(resource)
    if (!table) {
      table = { rows: new Map(), sorted: undefined, listeners: new Set(), history: [], forgotten: 0 }
      this.#tables.set(resource, table)
    }
    return table
  }

  #publish(table: Table, event: StoreEvent): void {
    table.history.push(event)
    if (table.history.length > historyLength * 2) {
      const dropped = table.history.splice(0, historyLength)
      table.forgotten = (dropped.at(-1) as StoreEvent).version
    }
    for (const listener of table.listeners) listener(event)
  }
}

function withVersion(object: JsonObject, version: number): JsonObject {
  return { ...object, metadata: { ...(object['metadata'] as JsonObject), resourceVersion: String(version) } }
}

function withPrefix(sorted: readonly string[], prefix: string): string[] {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareText(sorted[middle] as string, prefix) < 0) low = middle + 1
    else high = middle
  }
  let end = low
  while (end < sorted.length && (sorted[end] as string).startsWith(prefix)) end++
  return sorted.slice(low, end)
}
