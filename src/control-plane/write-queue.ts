import { Backoff } from '../clusters/index.ts'

/** One write to an API server. */
export interface Write {
  /** Names what is written: a later write of the same id replaces an earlier one. */
  readonly id: string
  /** Differs when something else is to be written. */
  readonly content: string
  /** Writes of one step run side by side, steps one after the other. */
  readonly step: number
  readonly run: () => Promise<void>
}

export interface WriteQueueOptions {
  readonly failed: (write: Write, error: Error) => void
  readonly firstRetryMs?: number
  readonly maximumRetryMs?: number
  readonly parallel?: number
}

/**
 * Carries out the writes of one cluster. `set` says what is due now; what is not due any more is dropped. A write that
 * fails is tried again, less and less often, and keeps only later steps waiting. What was written stays done until
 * the plan stops asking for it: the watch needs a moment to bring it back, and it must not be written twice meanwhile.
 */
export class WriteQueue {
  readonly #options: WriteQueueOptions
  readonly #backoff: Backoff
  #due: readonly Write[] = []
  readonly #done = new Map<string, string>()
  #running = false
  #current: Promise<unknown> = Promise.resolve()
  #again = false
  #retry: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: WriteQueueOptions) {
    this.#options = options
    this.#backoff = new Backoff({ firstMs: options.firstRetryMs ?? 500, maximumMs: options.maximumRetryMs ?? 30_000 })
  }

  /** Writes that are due and not done. */
  get waiting(): number {
    return this.#due.filter((write) => !this.#isDone(write)).length
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
    return this.#done.get(write.id) === write.content
  }

  #start(): void {
    if (this.#stopped) return
    if (this.#running) {
      this.#again = true
      return
    }
    clearTimeout(this.#retry)
    this.#running = true
    this.#current = this.#pass().then((failed) => {
      this.#running = false
      if (this.#again) {
        this.#again = false
        this.#start()
      } else if (failed && !this.#stopped) this.#retry = setTimeout(() => this.#start(), this.#backoff.next())
    })
  }

  /** One pass over what is due; true if something failed. */
  async #pass(): Promise<boolean> {
    const due = this.#due.filter((write) => !this.#isDone(write))
    const steps = [...new Set(due.map(({ step }) => step))].sort((a, b) => a - b)
    for (const step of steps) {
      const failed = await this.#runAll(due.filter((write) => write.step === step))
      if (failed) return true
      if (this.#again) return false // The plan has changed: begin with what is due now.
    }
    this.#backoff.reset()
    return false
  }

  async #runAll(writes: Write[]): Promise<boolean> {
    let failed = false
    const next = writes.values()
    const worker = async (): Promise<void> => {
      for (const write of next) {
        if (this.#stopped) return
        try {
          await write.run()
          this.#done.set(write.id, write.content)
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
