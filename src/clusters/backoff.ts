export interface BackoffOptions {
  readonly firstMs: number
  readonly maximumMs: number
  /** In [0, 1). */
  readonly random?: () => number
}

/** Delays that double up to a maximum, each between half and whole of its length, so that many waiters spread out. */
export class Backoff {
  readonly #options: BackoffOptions
  #failures = 0

  constructor(options: BackoffOptions) {
    this.#options = options
  }

  get failures(): number {
    return this.#failures
  }

  /** The delay before the next attempt, in milliseconds. */
  next(): number {
    const { firstMs, maximumMs, random = Math.random } = this.#options
    const whole = Math.min(maximumMs, firstMs * 2 ** Math.min(this.#failures, 30))
    this.#failures++
    return whole / 2 + (whole / 2) * random()
  }

  reset(): void {
    this.#failures = 0
  }
}

/** Waits `ms`; ends early, without an error, when one of the signals is aborted. */
export function sleep(ms: number, ...signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      for (const signal of signals) signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    for (const signal of signals) {
      if (signal.aborted) done()
      else signal.addEventListener('abort', done)
    }
  })
}
