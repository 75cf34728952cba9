import type { Engine, RebuildReport } from './engine.ts'

/** Timers and a steady clock, passed in so that tests own the time. */
export interface Timers {
  /** Milliseconds. */
  now(): number
  /** Calls `run` after `delayMs`; the returned function cancels. */
  after(delayMs: number, run: () => void): () => void
}

export interface LoopOptions {
  readonly engine: Engine
  readonly timers: Timers
  /** A rebuild waits until no write has come for this long… */
  readonly quietMs?: number
  /** …but no longer than this after the first write that waits. */
  readonly maximumMs?: number
  readonly rebuilt?: (report: RebuildReport) => void
  /** A rebuild threw (a defect of ours, or of an observer). The next write tries again. */
  readonly failed?: (error: unknown) => void
}

/** What can wait waits so long at least… */
const laterMs = 20
/** …and for so many times as long as it took the last time: it gets a fifth of the time at most. */
const laterPause = 4

/**
 * The one rebuild loop. Its events: a write waits (starts or prolongs the hold-off), the hold-off ends (rebuild), the
 * pause before what can wait ends (compute it), `flush` (both, now), `stop`. Nothing else ever starts a rebuild.
 */
export class RebuildLoop {
  readonly #options: LoopOptions
  readonly #quietMs: number
  readonly #maximumMs: number
  #cancel: (() => void) | undefined
  #firstWriteMs = 0
  #lastWriteMs = 0
  #stopped = false
  #cancelLater: (() => void) | undefined
  #laterAllowedMs = 0

  /** Starts the loop; from now on, it alone calls `engine.rebuild`. */
  constructor(options: LoopOptions) {
    this.#options = options
    this.#quietMs = options.quietMs ?? 10
    this.#maximumMs = options.maximumMs ?? 100
    options.engine.onDirty(() => this.#written())
    if (options.engine.dirty) this.#written()
  }

  /** Rebuilds now if anything waits. */
  flush(): void {
    this.#cancel?.()
    this.#cancel = undefined
    if (!this.#stopped && this.#options.engine.dirty) this.#rebuild()
    this.#cancelLater?.()
    this.#cancelLater = undefined
    if (!this.#stopped && this.#options.engine.hasLater) this.#rebuildLater()
  }

  stop(): void {
    this.#stopped = true
    this.#cancel?.()
    this.#cancel = undefined
    this.#cancelLater?.()
    this.#cancelLater = undefined
  }

  #written(): void {
    if (this.#stopped) return
    this.#lastWriteMs = this.#options.timers.now()
    if (this.#cancel !== undefined) return
    this.#firstWriteMs = this.#lastWriteMs
    this.#sleep(Math.min(this.#quietMs, this.#maximumMs))
  }

  // One timer, set again only when it fires early: thousands of writes cost no thousands of timers.
  #sleep(delayMs: number): void {
    this.#cancel = this.#options.timers.after(delayMs, () => {
      const now = this.#options.timers.now()
      const until = Math.min(this.#lastWriteMs + this.#quietMs, this.#firstWriteMs + this.#maximumMs)
      if (now < until) return this.#sleep(until - now)
      this.#cancel = undefined
      this.#rebuild()
    })
  }

  #rebuild(): void {
    this.#attempt(() => this.#options.engine.rebuild())
    this.#planLater()
  }

  #planLater(): void {
    const { engine, timers } = this.#options
    if (!engine.hasLater || this.#cancelLater !== undefined || this.#stopped) return
    const delayMs = Math.max(laterMs, this.#laterAllowedMs - timers.now())
    this.#cancelLater = timers.after(delayMs, () => {
      this.#cancelLater = undefined
      this.#rebuildLater()
    })
  }

  #rebuildLater(): void {
    const { engine, timers } = this.#options
    const start = timers.now()
    this.#attempt(() => engine.rebuildLater())
    const end = timers.now()
    this.#laterAllowedMs = end + laterPause * (end - start)
    this.#planLater()
  }

  #attempt(rebuild: () => RebuildReport): void {
    try {
      const report = rebuild()
      this.#options.rebuilt?.(report)
    } catch (error) {
      this.#options.failed?.(error)
    }
  }
}
