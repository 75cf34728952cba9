import { EndpointGuard, type Held } from '../clusters/index.ts'
import type { KubeObject } from '../resources/index.ts'
import type { Log } from './log.ts'
import type { ObjectTables } from './xds/index.ts'

const sliceKind = 'discovery.k8s.io/EndpointSlice'
const podKind = '/Pod'

/** What is known of a cluster that was out of sight for longer says nothing against what it says now. */
const longAbsenceMs = 30 * 60_000
/** Lists that follow a return come within this. */
const returnMs = 60_000

interface Guarded {
  readonly guard: EndpointGuard
  pods: ReadonlySet<string>
  staleSince: string | undefined
  /** Until when lists are believed, on the steady clock. */
  believedUntilMs: number
}

/** The object tables, with a guard for each cluster before its EndpointSlices. */
export class GuardedEndpoints {
  readonly #tables: ObjectTables
  readonly #log: Log
  readonly #clusters = new Map<string, Guarded>()

  constructor(tables: ObjectTables, log: Log) {
    this.#tables = tables
    this.#log = log
  }

  /** What is held back, by cluster. */
  get held(): ReadonlyMap<string, Held> {
    const held = new Map<string, Held>()
    for (const [cluster, { guard }] of this.#clusters) if (guard.held) held.set(cluster, guard.held)
    return held
  }

  /** Believes a cluster from now on; false if nothing is held back. */
  accept(cluster: string): boolean {
    const guard = this.#clusters.get(cluster)?.guard
    if (guard?.held === undefined) return false
    guard.accept()
    return true
  }

  replace(cluster: string, kind: string, objects: ReadonlyMap<string, KubeObject>): void {
    const guarded = this.#of(cluster)
    if (kind === podKind) {
      guarded.guard.podsListed(guarded.pods, objects)
      guarded.pods = new Set(objects.keys())
    }
    if (kind !== sliceKind) return this.#tables.replace(cluster, kind, objects)
    if (performance.now() < guarded.believedUntilMs) guarded.guard.adopt(objects)
    else guarded.guard.replace(objects)
  }

  set(cluster: string, kind: string, key: string, object: KubeObject): void {
    if (kind === sliceKind) this.#of(cluster).guard.set(key, object)
    else this.#tables.set(cluster, kind, key, object)
  }

  delete(cluster: string, kind: string, key: string): void {
    if (kind === sliceKind) this.#of(cluster).guard.delete(key)
    else this.#tables.delete(cluster, kind, key)
  }

  forget(cluster: string): void {
    this.#clusters.get(cluster)?.guard.stop()
    this.#clusters.delete(cluster)
    this.#tables.forget(cluster)
  }

  /** A cluster is out of sight since then (RFC 3339), or in sight. */
  sighted(cluster: string, staleSince: string | undefined): void {
    const guarded = this.#of(cluster)
    const isBack = guarded.staleSince !== undefined && staleSince === undefined
    if (isBack && Date.now() - Date.parse(guarded.staleSince ?? '') > longAbsenceMs)
      guarded.believedUntilMs = performance.now() + returnMs
    guarded.staleSince = staleSince
  }

  stop(): void {
    for (const { guard } of this.#clusters.values()) guard.stop()
  }

  #of(cluster: string): Guarded {
    let guarded = this.#clusters.get(cluster)
    if (guarded === undefined) {
      const guard = new EndpointGuard({
        sink: {
          set: (key, slice) => this.#tables.set(cluster, sliceKind, key, slice),
          delete: (key) => this.#tables.delete(cluster, sliceKind, key),
        },
        pod: (key) => this.#tables.table(cluster, podKind).latest(key),
        changed: (held) => this.#report(cluster, held),
        now: () => performance.now(),
        after: (ms, run) => {
          const timer = setTimeout(run, ms)
          timer.unref()
          return () => clearTimeout(timer)
        },
      })
      guarded = { guard, pods: new Set(), staleSince: undefined, believedUntilMs: 0 }
      this.#clusters.set(cluster, guarded)
    }
    return guarded
  }

  #report(cluster: string, held: Held | undefined): void {
    if (held === undefined) this.#log.info({ cluster }, 'endpoints are believed again')
    else this.#log.warn({ cluster, ...held }, 'cluster lost most of its endpoints in one step: they are held back')
  }
}
