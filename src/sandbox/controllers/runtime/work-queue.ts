import { isApiError } from '../client/index.ts'

export interface WorkQueueOptions {
  /** Brings the world in line for one key; may ask to be called again after some time. */
  readonly reconcile: (key: string) => Promise<{ againAfterMs: number } | undefined | void>
  /** Told of every failure that is not just a lost race; the key is tried again by itself. */
  readonly onError: (key: string, error: unknown) => void
  readonly workers?: number
}

/** Time, passed in so that tests need not wait. */
export interface Timers {
  set(callback: () => void, ms: number): unknown
  clear(timer: unknown): void
}

export const realTimers: Timers = {
  set: (callback, ms) => setTimeout(callback, ms).unref(),
  clear: (timer) => clearTimeout(timer as NodeJS.Timeout),
}

const firstPauseMs = 20
const longestPauseMs = 20_000

/**
 * Keys that want work. A key is worked on by one worker at a time; asked for again meanwhile, it is done once more
 * afterwards. Failures are repeated with growing pauses.
 */
export class WorkQueue {
  private readonly options: WorkQueueOptions
  private readonly timers: Timers
  private readonly waiting = new Set<string>()
  private readonly running = new Map<string, { again: boolean }>()
  private readonly failures = new Map<string, number>()
  private readonly delayed = new Map<string, { at: number; timer: unknown }>()
  private state: 'held' | 'open' | 'closed' = 'held'

  constructor(options: WorkQueueOptions, timers: Timers = realTimers) {
    this.options = options
    this.timers = timers
  }

  add(key: string): void {
    if (this.state === 'closed') return
    const job = this.running.get(key)
    if (job) job.again = true
    else this.waiting.add(key)
    this.pump()
  }

  /** Adds the key after a time; of several such wishes the earliest counts. */
  addAfter(key: string, ms: number): void {
    if (this.state === 'closed') return
    const at = Date.now() + ms
    const known = this.delayed.get(key)
    if (known && known.at <= at) return
    if (known) this.timers.clear(known.timer)
    const timer = this.timers.set(() => {
      this.delayed.delete(key)
      this.add(key)
    }, ms)
    this.delayed.set(key, { at, timer })
  }

  /** Starts to work; until then keys are only collected. */
  open(): void {
    if (this.state === 'held') this.state = 'open'
    this.pump()
  }

  close(): void {
    this.state = 'closed'
    this.waiting.clear()
    for (const { timer } of this.delayed.values()) this.timers.clear(timer)
    this.delayed.clear()
  }

  /** Whether nothing waits and nothing runs (what is delayed does not count). */
  get idle(): boolean {
    return this.waiting.size === 0 && this.running.size === 0
  }

  private pump(): void {
    while (this.state === 'open' && this.running.size < (this.options.workers ?? 4)) {
      const [key] = this.waiting
      if (key === undefined) return
      this.waiting.delete(key)
      this.running.set(key, { again: false })
      void this.work(key)
    }
  }

  private async work(key: string): Promise<void> {
    let pauseMs: number | undefined
    try {
      const result = await this.options.reconcile(key)
      this.failures.delete(key)
      if (result) pauseMs = result.againAfterMs
    } catch (error) {
      const count = (this.failures.get(key) ?? 0) + 1
      this.failures.set(key, count)
      pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(count - 1, 12))
      if (this.state !== 'closed' && !isApiError(error, 'Conflict', 'AlreadyExists')) this.options.onError(key, error)
    }
    const again = this.running.get(key)?.again === true
    this.running.delete(key)
    if (again) this.add(key)
    if (pauseMs !== undefined) this.addAfter(key, pauseMs)
    this.pump()
  }
}
