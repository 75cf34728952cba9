import type { FailBackRung } from '../../mesh/index.ts'
import type { Engine, Observer, Query, Table } from '../../pipeline/index.ts'

export interface FailBackOptions {
  readonly engine: Engine
  /** Where it goes how far each rung has come back, by its place. */
  readonly documents: Table<string>
  /** Rungs of all clusters that are to come back slowly. */
  readonly wanted: Query<string, readonly FailBackRung[]>
  readonly log: (detail: Readonly<Record<string, unknown>>, text: string) => void
}

/** Shares grow in so many steps. */
const steps = 20

interface Known {
  rung: FailBackRung
  timer: NodeJS.Timeout | undefined
}

/**
 * Brings rungs back slowly: what failed is held as long as its Failover says, then gets more and more of its share. A rung that
 * is well when it is first seen has its whole share, so a restart of the control plane ends the waiting. Each replica keeps time
 * for its own proxies.
 */
export class FailBack {
  readonly #options: FailBackOptions
  readonly #known = new Map<string, Known>()
  readonly #observer: Observer

  constructor(options: FailBackOptions) {
    this.#options = options
    this.#observer = options.engine.observe(() => this.#follow())
    this.#observer.watch(options.wanted, '')
    this.#follow()
  }

  stop(): void {
    this.#observer.close()
    for (const { timer } of this.#known.values()) clearTimeout(timer)
    this.#known.clear()
  }

  #follow(): void {
    const { engine, wanted, documents, log } = this.#options
    const rungs = engine.get(wanted, '')
    const places = new Set(rungs.map(({ place }) => place))
    for (const [place, { timer }] of this.#known) {
      if (places.has(place)) continue
      clearTimeout(timer)
      this.#known.delete(place)
      documents.delete(place)
    }
    for (const rung of rungs) {
      const known = this.#known.get(rung.place)
      const hadFailed = known?.rung.failed ?? false
      const entry: Known = { rung, timer: known?.timer }
      this.#known.set(rung.place, entry)
      if (rung.failed === hadFailed) continue
      clearTimeout(entry.timer)
      entry.timer = undefined
      // Held from the moment of the failure on, so that it is not used between its recovery and our hearing of it.
      documents.set(rung.place, 'held')
      log({ rung: rung.place }, rung.failed ? 'a rung has failed' : 'a rung is well again, and will come back slowly')
      if (!rung.failed) this.#advance(entry, -1)
    }
  }

  /** Goes on to the next step, and on from there as time goes by. Step -1: it has just become well. */
  #advance(entry: Known, step: number): void {
    const { documents, log } = this.#options
    const { place, afterMs, overMs } = entry.rung
    const next = (ms: number): void => {
      entry.timer = setTimeout(() => {
        const current = this.#known.get(place)
        if (current) this.#advance(current, step + 1)
      }, ms)
      entry.timer.unref()
    }
    if (step < 0 && afterMs > 0) next(afterMs)
    else if (step < 0) this.#advance(entry, 0)
    else if (overMs > 0 && step < steps - 1) {
      documents.set(place, String(Math.round(((step + 1) * 100) / steps)))
      next(overMs / steps)
    } else {
      documents.delete(place)
      log({ rung: place }, 'a rung is fully back')
    }
  }
}
