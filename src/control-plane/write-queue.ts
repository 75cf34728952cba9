import { Backoff } from '../clusters/index.ts'
import type { Phase } from './write-order.ts'

/** One write to an API server. */
export interface Write {
  /** Names what is written: a later write of the same id replaces an earlier one. */
  readonly id: string
  /** Differs when something else is to be written. */
  readonly content: string
  /** Writes of one step run side by side, steps one after the other. */
  readonly step: number
  /** Its place in the order over all clusters; undefined: anywhere. */
  readonly phase?: Phase
  readonly run: () => Promise<void>
}

export interface WriteQueueOptions {
  readonly failed: (write: Write, error: Error) => void
  /** Whether a write may begin now; if not, it is asked again soon. */
  readonly mayBegin?: (write: Write) => boolean
  readonly done?: (write: Write) => void
  readonly firstRetryMs?: number
  readonly maximumRetryMs?: number
  readonly parallel?: number
}

/** The watch brings back what was written within this. */
const returnMs = 5000

/** Until what may not begin yet is asked again. */
const heldMs = 50

/**
 * Carries out the writes of one cluster. `set` says what is due now; what is not due any more is dropped. A write that
 * fails is tried again, less and less often, and keeps only later steps waiting. What was written stays done until
 * the plan stops asking for it: the watch needs a moment to bring it back, and it must not be written twice meanwhile.
 */
export class WriteQueue {
  readonly #options: WriteQueueOptions
  readonly #backoff: Backoff
  #due: readonly Write[] = []
  readonly #done = new Map<string, { readonly content: string; readonly at: number }>()
  #running = false
  #current: Promise<unknown> = Promise.resolve()
  #again = false
  #retry: NodeJS.Timeout | undefined
  #stopped = false
  #failing = false

  constructor(options: WriteQueueOptions) {
    this.#options = options
    this.#backoff = new Backoff({ firstMs: options.firstRetryMs ?? 500, maximumMs: options.maximumRetryMs ?? 30_000 })
  }

  /** Writes that are due and not done. */
  get waiting(): number {
    return this.#due.filter((write) => !this.#isDone(write)).length
  }

  /** Phases of what the plan asks for, be it done already, unless the watch never brings that back; none while writes fail. */
  get open(): readonly (Phase | undefined)[] {
    if (this.#failing) return []
    const since = performance.now() - returnMs
    return this.#due.filter(({ id }) => (this.#done.get(id)?.at ?? since) >= since).map(({ phase }) => phase)
  }

  set(writes: readonly Write[]): void {
    const asked = new Set(writes.map(({ id }) => id))
    for (const id of this.#done.keys()) if (!asked.has(id)) this.#done.delete(id)
    this.#due = writes
    this.#start()
  }

  /** Tries at once what failed. */
  kick(): void {
    this.#backoff.reset()
    this.#start()
  }

  stop(): void {
    this.#stopped = true
    this.#due = []
    clearTimeout(this.#retry)
  }

  /** Stops, and waits for the writes that are under way. */
  async drain(): Promise<void> {
    this.stop()
    await this.#current
  }

  #isDone(write: Write): boolean {
    return this.#done.get(write.id)?.content === write.content
  }

  #start(): void {
    if (this.#stopped) return
    if (this.#running) {
      this.#again = true
      return
    }
    clearTimeout(this.#retry)
    this.#running = true
    this.#current = this.#pass().then((how) => {
      this.#running = false
      this.#failing = how === 'failed'
      if (this.#again) {
        this.#again = false
        this.#start()
      } else if (how !== 'done' && !this.#stopped)
        this.#retry = setTimeout(() => this.#start(), how === 'held' ? heldMs : this.#backoff.next())
    })
  }

  /** One pass over what is due; it ends where something fails, or may not begin yet. */
  async #pass(): Promise<'done' | 'failed' | 'held'> {
    const due = this.#due.filter((write) => !this.#isDone(write))
    const steps = [...new Set(due.map(({ step }) => step))].sort((a, b) => a - b)
    for (const step of steps) {
      const writes = due.filter((write) => write.step === step)
      if (!writes.every((write) => this.#options.mayBegin?.(write) ?? true)) return 'held'
      const failed = await this.#runAll(writes)
      if (failed) return 'failed'
      if (this.#again) return 'done' // The plan has changed: begin with what is due now.
    }
    this.#backoff.reset()
    return 'done'
  }

  async #runAll(writes: Write[]): Promise<boolean> {
    let failed = false
    const next = writes.values()
    const worker = async (): Promise<void> => {
      for (const write of next) {
        if (this.#stopped) return
        try {
          await write.run()
          this.#done.set(write.id, { content: write.content, at: performance.now() })
          this.#options.done?.(write)
        } catch (error) {
          failed = true
          this.#options.failed(write, error as Error)
        }
      }
    }
    await Promise.all(Array.from({ length: this.#options.parallel ?? 8 }, worker))
    return failed
  }
}
