/** Why a caller gets nothing. */
export class IdentityRefused extends Error {
  override readonly name = 'IdentityRefused'
  /** `unauthenticated`: it has not proved who it is. `denied`: it has, and may not do this. `invalid`: a malformed request. */
  readonly code: 'unauthenticated' | 'denied' | 'invalid'
  constructor(code: IdentityRefused['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
