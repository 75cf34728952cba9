/** Throws when something that our own code guarantees does not hold (a defect of Fairlead, never of the user). */
export function invariant(condition: unknown, mustHold: string): asserts condition {
  if (!condition) throw new Error(`BUG: ${mustHold}`)
}

/** Ends an exhaustive `switch` over a discriminated union. */
export function unreachable(value: never): never {
  throw new Error(`BUG: unexpected variant ${JSON.stringify(value)}`)
}
