import type { Code, Problem } from '../../report/index.ts'
import type { UserObject } from './model.ts'

interface Finding {
  readonly code: Code
  readonly path: string
  readonly message: string
}

/** All findings of a policy as problems of its object. */
export function userProblems(object: UserObject, errors: readonly Finding[], warnings: readonly Finding[]): Problem[] {
  const told = new Set<string>()
  const found = [
    ...object.problems,
    ...errors.map((error) => ({ ...error, severity: 'error' as const })),
    ...warnings.map((warning) => ({ ...warning, severity: 'warning' as const })),
  ]
  return found.flatMap(({ code, path, message, severity }) => {
    const key = `${severity} ${path} ${message}`
    if (told.has(key)) return []
    told.add(key)
    return [{ code, severity, object: object.object, path, message }]
  })
}
