import { inspect } from 'node:util'

/** A value that never shows itself: in logs, JSON and error messages it reads `[redacted]`. */
export class Redacted<T> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
  }

  /** The value, for the one place that needs it. */
  reveal(): T {
    return this.#value
  }

  toString(): string {
    return '[redacted]'
  }

  toJSON(): string {
    return '[redacted]'
  }

  [inspect.custom](): string {
    return '[redacted]'
  }
}
