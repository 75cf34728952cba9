import type { Clock } from './stream.ts'

export interface PacingLimits {
  /** The longest time that a change waits after the one before it was sent, in milliseconds; 0: no change ever waits. */
  readonly longestPauseMs: number
  /** The share of one CPU that changes get while one follows the other. */
  readonly share: number
}

export const usualPacing: PacingLimits = { longestPauseMs: 400, share: 1 / 10 }

/**
 * When changes may be sent. A change after a quiet time is sent at once. While one follows the other, each burst of
 * sending is followed by a pause in proportion to what it has cost, so that the changes of the pause are sent together:
 * a thousand clients that are each told ten times a second would keep the process from everything else, and are not
 * served better. What clients answer in the pause is part of the cost. Answers to requests never wait.
 */
export class Pacing {
  readonly #clock: Clock
  readonly #cpuMs: () => number
  readonly #limits: PacingLimits
  readonly #resume: () => void
  /** CPU time at the beginning of the burst, while there is one. */
  #begunCpuMs: number | undefined
  /** CPU time at the beginning of the burst that the present pause follows, and when it ended. */
  #sinceCpuMs = 0
  #endedAt = Number.NEGATIVE_INFINITY
  #cancel: (() => void) | undefined

  /** `cpuMs`: CPU time that the process has used. `resume` is called when a pause ends that `isOpen` was refused in. */
  constructor(clock: Clock, cpuMs: () => number, limits: PacingLimits, resume: () => void) {
    this.#clock = clock
    this.#cpuMs = cpuMs
    this.#limits = limits
    this.#resume = resume
  }

  /** Whether changes may be sent now; if not, `resume` will be called. */
  get isOpen(): boolean {
    if (this.#cancel) return false
    const waitMs = this.#waitMs()
    if (waitMs <= 0) return true
    this.#sleep(waitMs, this.#clock.now() + this.#limits.longestPauseMs)
    return false
  }

  #waitMs(): number {
    const passedMs = this.#clock.now() - this.#endedAt
    const { longestPauseMs, share } = this.#limits
    if (passedMs >= longestPauseMs) return 0
    const spentMs = this.#cpuMs() - this.#sinceCpuMs
    return Math.min(longestPauseMs, spentMs * (1 / share - 1)) - passedMs
  }

  /** Until the pause is over, which what clients say and ask meanwhile may make longer. */
  #sleep(ms: number, latest: number): void {
    this.#cancel = this.#clock.after(Math.ceil(ms), () => {
      this.#cancel = undefined
      const waitMs = Math.min(this.#waitMs(), latest - this.#clock.now())
      if (waitMs > 0) this.#sleep(waitMs, latest)
      else this.#resume()
    })
  }

  /** Sending goes on, or begins. */
  burst(): void {
    this.#begunCpuMs ??= this.#cpuMs()
  }

  /** There is nothing more to send: the pause begins. */
  endOfBurst(): void {
    if (this.#begunCpuMs === undefined) return
    this.#sinceCpuMs = this.#begunCpuMs
    this.#begunCpuMs = undefined
    this.#endedAt = this.#clock.now()
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}
