// Appends to the audit log what was changed past the management API.
import { createHash } from 'node:crypto'
import { isConflict, isNotFound, type KubeClient } from '../../clusters/index.ts'
import {
  type AuditGap,
  auditEntry,
  auditGaps,
  KubeStore,
  resourceType,
  type StoredObject,
  storedObject,
} from '../../management/index.ts'
import type { Engine, Observer, Query, Read, Table } from '../../pipeline/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import { type AuditLogSpec, auditLog, etagOf, kindLabel, managementKinds } from '../../resources/tsb/index.ts'
import type { ClusterRow } from '../cluster-rows.ts'
import type { Log } from '../log.ts'
import type { TableOf } from '../tracked-snapshot.ts'

export interface AuditRecorderOptions {
  readonly engine: Engine
  readonly clusters: Table<ClusterRow>
  readonly tableOf: TableOf
  /** Of the management cluster; undefined if it is not known. */
  readonly client: () => KubeClient | undefined
  /** Whether this replica writes to clusters. */
  readonly mayWrite: () => boolean
  readonly now: () => number
  readonly log: Log
}

const tickMs = 1000
/** An entry is written this long after a change. Who writes entries itself does so after the object: it gets longer. */
const patienceMs = { others: 2000, gone: 5000, ours: 30_000 } as const
const ourManagers = new Set(['tctl', 'fairlead-tsb-api'])
/** Kubernetes does not tell objects who changed them. */
const principal = { name: 'kubernetes', isPlatform: true, subjects: [] } as const

export class AuditRecorder {
  readonly #options: AuditRecorderOptions
  readonly #objects: Query<string, readonly StoredObject[]>
  readonly #gaps: Query<string, readonly AuditGap[]>
  readonly #observer: Observer
  readonly #timer: NodeJS.Timeout
  /** Since when gaps are known, by the name of the entry that each will have. */
  readonly #since = new Map<string, number>()
  readonly #busy = new Set<string>()
  /** The last states that the log tells of: an entry says what has changed since. */
  readonly #told = new Map<string, StoredObject>()

  constructor(options: AuditRecorderOptions) {
    this.#options = options
    const { engine, clusters, tableOf } = options
    // While the management cluster is out of sight nothing can be said of it.
    const rows = (read: Read, kind: string): readonly KubeObject[] => {
      const home = read.all(clusters).find((row) => row.isManagement && row.isKnown && row.staleSince === undefined)
      return home === undefined ? [] : read.all(tableOf(home.name, kind))
    }
    this.#objects = engine.define<string, readonly StoredObject[]>('objects of the hierarchy', (read) =>
      managementKinds.flatMap(({ group, kind }) =>
        rows(read, `${group}/${kind}`).flatMap((object) => storedObject(object) ?? []),
      ),
    )
    this.#gaps = engine.define<string, readonly AuditGap[]>('gaps of the audit log', (read) => {
      const entries = rows(read, `${auditLog.group}/${auditLog.kind}`)
      return auditGaps(
        read.query(this.#objects, ''),
        entries.map(({ spec }) => spec as AuditLogSpec),
      )
    })
    this.#observer = engine.observe(() => this.#follow(), { canWait: true })
    this.#observer.watch(this.#objects, '')
    this.#observer.watch(this.#gaps, '')
    this.#follow()
    this.#timer = setInterval(() => this.#work(), tickMs)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#observer.close()
  }

  #follow(): void {
    const { engine, now } = this.#options
    const gaps = engine.get(this.#gaps, '')
    const names = new Set(gaps.map(entryName))
    for (const name of this.#since.keys()) if (!names.has(name)) this.#since.delete(name)
    for (const name of names) if (!this.#since.has(name)) this.#since.set(name, now())
    const untold = new Set(gaps.map(({ key }) => key))
    for (const object of engine.get(this.#objects, '')) {
      const key = keyOf(object)
      if (!untold.has(key)) this.#told.set(key, object)
    }
  }

  #work(): void {
    const { engine, mayWrite, client, now, log } = this.#options
    const to = client()
    if (this.#since.size === 0 || !mayWrite() || to === undefined) return
    for (const gap of engine.get(this.#gaps, '')) {
      const name = entryName(gap)
      const waited = now() - (this.#since.get(name) ?? now())
      if (waited < patienceMs[gap.object ? 'others' : 'gone'] || this.#busy.has(name)) continue
      this.#busy.add(name)
      this.#fill(gap, to, waited)
        .catch((error: unknown) => log.warn({ object: gap.fqn, err: error }, 'cannot append to the audit log'))
        .finally(() => this.#busy.delete(name))
    }
  }

  async #fill(gap: AuditGap, client: KubeClient, waitedMs: number): Promise<void> {
    const { operation, key, label, fqn, object } = gap
    const before = this.#told.get(key)
    let manager: string | undefined
    if (object !== undefined) {
      const { name, namespace } = object.object.metadata
      const now = await found(client.get(resourceType(object.kind.definition), name, namespace))
      // It has changed again: that is another gap.
      if (now === undefined || etagOf(now) !== gap.etag) return
      manager = lastManager(now)
    }
    // A deletion leaves no trace of who did it; `tctl` tells of its own at once.
    if (manager !== undefined && ourManagers.has(manager) && waitedMs < patienceMs.ours) return
    const change = {
      operation,
      ...(operation !== 'CREATE' && before && { before }),
      ...(object && { after: object }),
      gone: { label, fqn },
      principal,
      triggeredBy: manager ?? 'Kubernetes',
      ...(manager !== undefined && { manager }),
      name: entryName(gap),
    }
    try {
      await new KubeStore(client).audit().append(auditEntry(change, this.#options.now()))
    } catch (error) {
      if (!isTaken(error)) throw error
    }
    if (object === undefined) this.#told.delete(key)
  }
}

/** The entry is there already; the watch will tell. */
function isTaken(error: unknown): boolean {
  return isConflict(error) || (error instanceof Error && 'code' in error && error.code === 'Aborted')
}

async function found(asked: Promise<KubeObject>): Promise<KubeObject | undefined> {
  try {
    return await asked
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

const keyOf = ({ kind, fqn }: StoredObject): string => `${kindLabel(kind)} ${fqn}`

/** One name for one change, so that it is told of once. */
function entryName({ key, etag, operation }: AuditGap): string {
  return `seen-${createHash('sha256').update(`${operation} ${key} ${etag}`).digest('hex').slice(0, 20)}`
}

/** Who changed more than the status last. */
function lastManager({ metadata }: KubeObject): string | undefined {
  const all = (metadata.managedFields ?? []) as { manager?: string; time?: string; subresource?: string }[]
  const own = all.filter(({ subresource }) => !subresource)
  return own.sort((a, b) => ((a.time ?? '') < (b.time ?? '') ? -1 : 1)).at(-1)?.manager
}
