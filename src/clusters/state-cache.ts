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

/** What is to be written of one cluster and kind: an object by key, or that it is gone. */
interface Waiting {
  readonly cluster: string
  readonly kind: string
  readonly objects: Map<string, KubeObject | undefined>
}

/** Changes with the tables. */
const layout = 2

/** Rows written in one go: a few milliseconds. */
const rowsAtOnce = 300

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
  /** By cluster and kind. */
  readonly #waiting = new Map<string, Waiting>()
  #isClosed = false
  readonly #followed = new Map<string, ClusterConnection>()

  /** Opens or makes the cache. Throws if another process has it open, or the disk refuses. */
  constructor(options: StateCacheOptions) {
    mkdirSync(options.directory, { recursive: true, mode: 0o700 })
    const file = join(options.directory, 'clusters.sqlite')
    this.#database = new DatabaseSync(file)
    this.#database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;')
    const { user_version: found } = this.#database.prepare('PRAGMA user_version').get() as { user_version: number }
    // Of another release: it is a cache, so it is simply made anew.
    if (found !== layout) this.#database.exec('DROP TABLE IF EXISTS clusters; DROP TABLE IF EXISTS objects;')
    this.#database.exec(`
      PRAGMA user_version = ${layout};
      CREATE TABLE IF NOT EXISTS clusters (name TEXT PRIMARY KEY, uid TEXT NOT NULL, seen_at TEXT NOT NULL);
      CREATE TABLE IF NOT EXISTS objects (
        cluster TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, version TEXT NOT NULL, object TEXT NOT NULL,
        PRIMARY KEY (cluster, kind, key));
      BEGIN EXCLUSIVE; COMMIT;`)
    chmodSync(file, 0o600)
    this.#put = this.#database.prepare('INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)')
    this.#drop = this.#database.prepare('DELETE FROM objects WHERE cluster = ? AND kind = ? AND key = ?')
    this.#seen = this.#database.prepare('INSERT OR REPLACE INTO clusters VALUES (?, ?, ?)')
    this.#failed = options.failed ?? (() => undefined)
    this.#timer = setInterval(() => this.#flushPart(), options.gatherMs ?? 1000)
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
    const kept = new Map<string, string>()
    const rows = this.#database.prepare('SELECT key, version FROM objects WHERE cluster = ? AND kind = ?')
    for (const row of rows.iterate(name, kind) as Iterable<{ key: string; version: string }>)
      kept.set(row.key, row.version)
    waiting.clear()
    for (const key of kept.keys()) if (!objects.has(key)) waiting.set(key, undefined)
    for (const [key, object] of objects)
      if (kept.get(key) !== versionOf(object) || versionOf(object) === '') waiting.set(key, object)
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
    try {
      this.#database.prepare('DELETE FROM objects WHERE cluster = ?').run(name)
      this.#database.prepare('DELETE FROM clusters WHERE name = ?').run(name)
    } catch (error) {
      this.#failed(error as Error)
    }
  }

  /** Writes everything that waits, and when each cluster was last heard. */
  flush(): void {
    this.#write(Number.POSITIVE_INFINITY)
  }

  close(): void {
    clearInterval(this.#timer)
    this.flush()
    this.#database.close()
    this.#isClosed = true
  }

  /** A part, then lets others run: thousands of objects must not stop the control plane for seconds. */
  #flushPart(): void {
    if (this.#isClosed) return
    const isAll = this.#write(rowsAtOnce)
    if (!isAll) setTimeout(() => this.#flushPart(), 5).unref()
  }

  /** Writes up to `limit` rows in one transaction; true if nothing is left, or nothing can be written now. */
  #write(limit: number): boolean {
    const taken: [Waiting, string, KubeObject | undefined][] = []
    for (const waiting of this.#waiting.values()) {
      for (const [key, object] of waiting.objects) {
        if (taken.length >= limit) break
        taken.push([waiting, key, object])
      }
    }
    try {
      this.#database.exec('BEGIN')
      for (const [{ cluster, kind }, key, object] of taken) {
        if (object === undefined) this.#drop.run(cluster, kind, key)
        else this.#put.run(cluster, kind, key, versionOf(object), JSON.stringify(object))
      }
      if (taken.length < limit) this.#noteSeen()
      this.#database.exec('COMMIT')
    } catch (error) {
      // A full disk must not stop the control plane; what waits is tried again.
      this.#failed(error as Error)
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      return true
    }
    for (const [{ objects }, key, object] of taken) if (objects.get(key) === object) objects.delete(key)
    for (const [id, { objects }] of this.#waiting) if (objects.size === 0) this.#waiting.delete(id)
    return taken.length < limit
  }

  #noteSeen(): void {
    for (const [name, connection] of this.#followed) {
      const { uid, staleSince } = connection.state
      if (uid !== undefined) this.#seen.run(name, uid, staleSince ?? new Date().toISOString())
    }
  }

  #of(cluster: string, kind: string): Waiting {
    const id = `${cluster}\n${kind}`
    let waiting = this.#waiting.get(id)
    if (waiting === undefined) {
      waiting = { cluster, kind, objects: new Map() }
      this.#waiting.set(id, waiting)
    }
    return waiting
  }
}

/** Differs when the object does; "" is kept of none, since it says nothing. */
function versionOf({ metadata }: KubeObject): string {
  const { uid, resourceVersion } = metadata
  return resourceVersion === undefined ? '' : `${uid} ${resourceVersion}`
}
