import type { Problem } from './problem.ts'

/** A condition as Kubernetes' kinds have them, without the time of its last change, which is its writer's to say. */
export interface Condition {
  readonly type: string
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
}

export const acceptedType = 'Accepted'

/** The one place where problems of an object become its condition: errors refuse it, warnings are only told. */
export function acceptedCondition(problems: readonly Problem[]): Condition {
  const errors = problems.filter(({ severity }) => severity === 'error')
  const told = errors.length > 0 ? errors : problems
  return {
    type: acceptedType,
    status: errors.length > 0 ? 'False' : 'True',
    reason: told[0] === undefined ? 'Accepted' : reasonOf(told[0].code),
    message: told.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; '),
  }
}

/** `reference-not-found` → `ReferenceNotFound`. */
export function reasonOf(code: string): string {
  return code.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
