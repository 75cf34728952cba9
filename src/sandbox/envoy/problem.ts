export type EnvoyProblemCode =
  | 'envoy-missing'
  | 'envoy-wrong-version'
  | 'envoy-broken'
  | 'envoy-download-failed'
  | 'envoy-checksum'
  | 'envoy-unsupported-platform'

/** Why no Envoy can be used. The message ends with what to do about it. */
export class EnvoyProblem extends Error {
  readonly code: EnvoyProblemCode

  constructor(code: EnvoyProblemCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'EnvoyProblem'
    this.code = code
  }
}
