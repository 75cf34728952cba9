import { compareText } from '../lib/index.ts'
import type { Code } from './codes.ts'
import { compareRefs, type ObjectRef } from './object-ref.ts'

/** `error`: the object, or the part at `path`, has no effect. `warning`: it works, but not as it may look. */
export type Severity = 'error' | 'warning'

/**
 * One thing that is wrong with what a user wrote. Problems are data: stages return them beside their results
 * (design D6), and they become status, lint output and rows of the dashboard.
 */
export interface Problem {
  readonly code: Code
  readonly severity: Severity
  readonly object: ObjectRef
  /** Field path as Kubernetes writes it: `spec.http[0].route[1].weight`; "" for the whole object. */
  readonly path: string
  readonly message: string
}

/** What every stage returns beside its value. */
export type Report = readonly Problem[]

/** Order of problems in output. */
export function compareProblems(a: Problem, b: Problem): number {
  return (
    compareRefs(a.object, b.object) ||
    compareText(a.path, b.path) ||
    compareText(a.code, b.code) ||
    compareText(a.message, b.message)
  )
}
