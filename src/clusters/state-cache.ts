import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { KubeObject } from '../resources/index.ts'
import type { ClusterConnection, KnownState } from './connection.ts'
import type { FleetCache } from './fleet.ts'

export interface StateCacheOptions {
  readonly directory: string
  /** How long changes are gathered before they are written, in milliseconds. */
  readonly gatherMs?: number
  readonly failed?: (error: Error) => void
}

type Waiting = Map<string, KubeObject | undefined>

/**
 * Remembers on disk what was last seen of each cluster, so that a control plane that restarts while a cluster is away
 * still knows its services and endpoints. A cache: losing it loses nothing that the clusters do not know. It holds
 * Secrets as the clusters do, and only its owner may read it.
 */
export class StateCache implements FleetCache {
  readonly #database: DatabaseSync
  readonly #put: StatementSync
  readonly #drop: StatementSync
  readonly #seen: StatementSync
  readonly #failed: (error: Error) => void
  readonly #timer: NodeJS.Timeout
  /** By cluster and kind, what is to be written. */
  readonly #waiting = new Map<string, { cluster: string; kind: string; objects: Waiting }>()
  readonly #followed = new Map<string, ClusterConnection>()

  /** Opens or makes the cache. Throws if another process has it open, or the disk refuses. */
  constructor(options: StateCacheOptions) {
    mkdirSync(options.directory, { recursive: true, mode: 0o700 })
    const file = join(options.directory, 'clusters.sqlite')
    this.#database = new DatabaseSync(file)
    this.#database.exec(`
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      CREATE TABLE IF NOT EXISTS clusters (name TEXT PRIMARY KEY, uid TEXT NOT NULL, seen_at TEXT NOT NULL);
      CREATE TABLE IF NOT EXISTS objects (
        cluster TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, object TEXT NOT NULL,
        PRIMARY KEY (cluster, kind, key)) WITHOUT ROWID;
      BEGIN EXCLUSIVE; COMMIT;`)
    chmodSync(file, 0o600)
    this.#put = this.#database.prepare('INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)')
    this.#drop = this.#database.prepare('DELETE FROM objects WHERE cluster = ? AND kind = ? AND key = ?')
    this.#seen = this.#database.prepare('INSERT OR REPLACE INTO clusters VALUES (?, ?, ?)')
    this.#failed = options.failed ?? (() => undefined)
    this.#timer = setInterval(() => this.flush(), options.gatherMs ?? 1000)
    this.#timer.unref()
  }

  load(name: string): KnownState | undefined {
    const row = this.#database.prepare('SELECT uid, seen_at FROM clusters WHERE name = ?').get(name) as
      | { uid: string; seen_at: string }
      | undefined // The columns that were asked for.
    if (row === undefined) return undefined
    const objects = new Map<string, Map<string, KubeObject>>()
    const rows = this.#database.prepare('SELECT kind, key, object FROM objects WHERE cluster = ?').iterate(name)
    for (const one of rows) {
      const { kind, key, object } = one as { kind: string; key: string; object: string }
      let ofKind = objects.get(kind)
      if (ofKind === undefined) objects.set(kind, (ofKind = new Map()))
      ofKind.set(key, JSON.parse(object) as KubeObject) // Written by `flush`.
    }
    return { uid: row.uid, seenAt: row.seen_at, objects }
  }

  follow(name: string, connection: ClusterConnection): void {
    this.#followed.set(name, connection)
  }

  replace(name: string, kind: string, objects: ReadonlyMap<string, KubeObject>): void {
    const { objects: waiting } = this.#of(name, kind)
    const rows = this.#database.prepare('SELECT key FROM objects WHERE cluster = ? AND kind = ?').all(name, kind)
    for (const { key } of rows as { key: string }[]) if (!objects.has(key)) waiting.set(key, undefined)
    for (const [key, object] of objects) waiting.set(key, object)
  }

  set(name: string, kind: string, key: string, object: KubeObject): void {
    this.#of(name, kind).objects.set(key, object)
  }

  delete(name: string, kind: string, key: string): void {
    this.#of(name, kind).objects.set(key, undefined)
  }

  forget(name: string): void {
    this.#followed.delete(name)
    for (const [id, { cluster }] of this.#waiting) if (cluster === name) this.#waiting.delete(id)
    this.#guard(() => {
      this.#database.prepare('DELETE FROM objects WHERE cluster = ?').run(name)
      this.#database.prepare('DELETE FROM clusters WHERE name = ?').run(name)
    })
  }

  /** Writes what waits, and when each cluster was last heard. */
  flush(): void {
    this.#guard(() => {
      this.#database.exec('BEGIN')
      try {
        for (const { cluster, kind, objects } of this.#waiting.values())
          for (const [key, object] of objects) {
            if (object === undefined) this.#drop.run(cluster, kind, key)
            else this.#put.run(cluster, kind, key, JSON.stringify(object))
          }
        for (const [name, connection] of this.#followed) {
          const { uid, staleSince } = connection.state
          if (uid !== undefined) this.#seen.run(name, uid, staleSince ?? new Date().toISOString())
        }
        this.#database.exec('COMMIT')
        this.#waiting.clear()
      } catch (error) {
        this.#database.exec('ROLLBACK')
        throw error
      }
    })
  }

  close(): void {
    clearInterval(this.#timer)
    this.flush()
    this.#database.close()
  }

  #of(cluster: string, kind: string): { objects: Waiting } {
    const id = `${cluster}\n${kind}`
    let waiting = this.#waiting.get(id)
    if (waiting === undefined) {
      waiting = { cluster, kind, objects: new Map() }
      this.#waiting.set(id, waiting)
    }
    return waiting
  }

  /** A full disk must not stop the control plane; what waits is tried again. */
  #guard(write: () => void): void {
    try {
      write()
    } catch (error) {
      this.#failed(error as Error)
    }
  }
}
