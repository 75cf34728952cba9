import type { Clock } from './stream.ts'

/** A burst of sending is followed by a pause of so many times its length: changes get a fifth of the time at most… */
const pauseTimes = 4
/** …and wait no longer than this. */
const longestPauseMs = 500

/**
 * When changes may be sent. A change after a quiet time is sent at once. While one follows the other, each round of
 * sending is followed by a pause in proportion to what it cost, so that the changes of the pause are sent together:
 * a thousand clients that are each told ten times a second would keep the process from everything else.
 * Answers to requests never wait.
 */
export class Pacing {
  readonly #clock: Clock
  readonly #resume: () => void
  #spentMs = 0
  #openAt = Number.NEGATIVE_INFINITY
  #cancel: (() => void) | undefined

  /** `resume` is called when a pause ends that `isOpen` was refused in. */
  constructor(clock: Clock, resume: () => void) {
    this.#clock = clock
    this.#resume = resume
  }

  /** Whether changes may be sent now; if not, `resume` will be called. */
  get isOpen(): boolean {
    const waitMs = this.#openAt - this.#clock.now()
    if (waitMs <= 0) return true
    this.#cancel ??= this.#clock.after(waitMs, () => {
      this.#cancel = undefined
      this.#resume()
    })
    return false
  }

  /** Notes time spent on sending. */
  spent(ms: number): void {
    this.#spentMs += ms
  }

  /** There is nothing more to send: the pause begins. */
  endOfBurst(): void {
    if (this.#spentMs === 0) return
    this.#openAt = this.#clock.now() + Math.min(longestPauseMs, this.#spentMs * pauseTimes)
    this.#spentMs = 0
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}
