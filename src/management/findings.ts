import type { Severity } from '../report/index.ts'

/** One thing that speaks against a change, at a field of the object; `metadata` and `spec` as in its file. */
export interface Finding {
  readonly severity: Severity
  /** "" for the whole object. */
  readonly path: string
  readonly message: string
}

export type ErrorCode =
  | 'InvalidArgument'
  | 'NotFound'
  | 'AlreadyExists'
  | 'FailedPrecondition'
  | 'Aborted'
  | 'PermissionDenied'
  | 'Unauthenticated'
  | 'Unavailable'

/** A change or question that is refused. Codes are gRPC's, which is what users of the original see. */
export class ManagementError extends Error {
  override readonly name = 'ManagementError'
  readonly code: ErrorCode
  readonly findings: readonly Finding[]

  constructor(code: ErrorCode, message: string, findings: readonly Finding[] = []) {
    super(message)
    this.code = code
    this.findings = findings
  }
}

export const error = (path: string, message: string): Finding => ({ severity: 'error', path, message })
export const warning = (path: string, message: string): Finding => ({ severity: 'warning', path, message })
