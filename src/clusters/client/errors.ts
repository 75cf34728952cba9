/** The API server answered, and the answer is no. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code = 'api'
  /** HTTP status. */
  readonly status: number
  /** Kubernetes' word for it: NotFound, Conflict, Expired, Forbidden, …; "" if it gave none. */
  readonly reason: string

  constructor(status: number, reason: string, message: string) {
    super(message)
    this.status = status
    this.reason = reason
  }

  /** From the body of a refused request, or of an ERROR event of a watch. */
  static from(status: number, body: unknown, what: string): ApiError {
    const { reason, message, code } = (typeof body === 'object' && body !== null ? body : {}) as {
      reason?: string
      message?: string
      code?: number
    }
    return new ApiError(code ?? status, reason ?? '', message ? `${what}: ${message}` : `${what}: HTTP ${status}`)
  }
}

/** No answer: the server is away, too slow, or not one. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError'
  readonly code = 'unreachable'
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404
}

/** The resourceVersion is too old: list again. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 410 || error.reason === 'Expired' || error.reason === 'Gone')
}

export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409
}
