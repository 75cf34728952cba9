// The order of writes to several clusters. A call from one to another needs the gateway and the entries of the serving
// cluster; so these are written before routes lead there from elsewhere, and removed after no route does any more. Each
// waits until proxies have followed the one before.

/** Of a write: what routes refer to, routes themselves, what no route refers to any more. */
export type Phase = 'referred' | 'routes' | 'unreferred'

const rank: Readonly<Record<Phase, number>> = { referred: 0, routes: 1, unreferred: 2 }

/** What is known of the writes of a cluster. */
export interface OrderedQueue {
  /**
   * Phases of writes that are not done, or that are done and that the watch has not brought back; none while the cluster
   * takes no writes, since nobody can wait for that.
   */
  readonly open: readonly (Phase | undefined)[]
}

/** Whether the proxies of a cluster have taken what they were sent: all of them, or gateways only. */
export type Followed = (cluster: string, which: 'all' | 'gateways') => boolean

/** Proxies that have not followed after this are not waited for. */
const mostMs = 5000
/** Requests that were sent on the way of an earlier route get this long. */
const drainMs = 1000

export class WriteOrder {
  readonly #queues: ReadonlyMap<string, OrderedQueue>
  readonly #followed: Followed
  readonly #now: () => number
  /** When a write of a phase was done last, by cluster. */
  readonly #lastAt: Readonly<Record<Phase, Map<string, number>>> = {
    referred: new Map(),
    routes: new Map(),
    unreferred: new Map(),
  }

  constructor(queues: ReadonlyMap<string, OrderedQueue>, followed: Followed, now: () => number) {
    this.#queues = queues
    this.#followed = followed
    this.#now = now
  }

  /** Whether a write of this phase may begin on a cluster. */
  mayBegin(cluster: string, phase: Phase): boolean {
    if (phase === 'referred') return true
    for (const [name, { open }] of this.#queues) {
      if (name !== cluster && open.some((each) => each !== undefined && rank[each] < rank[phase])) return false
    }
    return phase === 'routes'
      ? this.#haveTaken('referred', 'gateways', 0, cluster)
      : this.#haveTaken('routes', 'all', drainMs, undefined)
  }

  /** A write is done. */
  done(cluster: string, phase: Phase): void {
    this.#lastAt[phase].set(cluster, this.#now())
  }

  /** Whether proxies have followed the last writes of a phase, on all clusters but one. */
  #haveTaken(phase: Phase, which: 'all' | 'gateways', leastMs: number, except: string | undefined): boolean {
    for (const [cluster, at] of this.#lastAt[phase]) {
      const sinceMs = this.#now() - at
      if (sinceMs >= mostMs) this.#lastAt[phase].delete(cluster)
      else if (cluster !== except && (sinceMs < leastMs || !this.#followed(cluster, which))) return false
    }
    return true
  }
}
