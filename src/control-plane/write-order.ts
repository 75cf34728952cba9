// The order of writes to several clusters. A call from one to another needs the gateway and the entries of the serving
// cluster; so these are written before routes lead there from elsewhere, and removed after no route does any more.
import type { Write } from './write-queue.ts'

/** Of a write: what routes refer to, routes themselves, what no route refers to any more. */
export type Phase = 'referred' | 'routes' | 'unreferred'

const rank: Readonly<Record<Phase, number>> = { referred: 0, routes: 1, unreferred: 2 }

/** What is known of the queue of a cluster. */
export interface OrderedQueue {
  /** Writes that are due and not done; none while the cluster does not take writes, since nobody can wait for that. */
  readonly open: readonly Write[]
}

/** Proxies take what was written this long after it at most, if they are well. */
const followMs = 1500

export class WriteOrder {
  readonly #queues: ReadonlyMap<string, OrderedQueue>
  readonly #now: () => number
  #routesAt = Number.NEGATIVE_INFINITY

  constructor(queues: ReadonlyMap<string, OrderedQueue>, now: () => number) {
    this.#queues = queues
    this.#now = now
  }

  /** Whether a write of this phase may begin on a cluster: on no other is anything of an earlier phase still to be done. */
  mayBegin(cluster: string, phase: Phase): boolean {
    if (phase === 'unreferred' && this.#now() - this.#routesAt < followMs) return false
    for (const [name, queue] of this.#queues) {
      if (name === cluster) continue
      if (queue.open.some((write) => write.phase !== undefined && rank[write.phase] < rank[phase])) return false
    }
    return true
  }

  /** A write is done. */
  done({ phase }: Write): void {
    if (phase === 'routes') this.#routesAt = this.#now()
  }
}
