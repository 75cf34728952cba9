/** gRPC status codes that the server ends streams with (https://grpc.io/docs/guides/status-codes/). */
export const statusCodes = {
  ok: 0,
  invalidArgument: 3,
  permissionDenied: 7,
  resourceExhausted: 8,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const

export type StatusCode = (typeof statusCodes)[keyof typeof statusCodes]

/** Why a stream was ended by the server. */
export class StreamError extends Error {
  override readonly name = 'StreamError'
  readonly code: StatusCode
  constructor(code: StatusCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** What the transport knows of the peer of a stream. Nothing of it is proved yet, except that it owns the certificate. */
export interface Peer {
  /** For logs only. */
  readonly address: string
  /** DER of the client certificate whose key the peer owns, checked against the roots of the transport. */
  readonly certificate: Uint8Array | undefined
  /** From `authorization: Bearer …`. */
  readonly bearer: string | undefined
  /** Other headers, in lower case. */
  readonly headers: ReadonlyMap<string, string>
  /** False where the port is plaintext; such ports are bound to loopback. */
  readonly encrypted: boolean
}

/** The server's end of one bidirectional stream. It holds back nothing: one message at a time. */
export interface ServerStream {
  readonly peer: Peer
  /** Sends one message, given in pieces; `drained` is called when the peer's window has taken it. Not called again before that. */
  send(message: readonly Uint8Array[], drained: () => void): void
  end(error?: StreamError): void
}

/** What the server does with a stream. */
export interface StreamReceiver {
  message(bytes: Uint8Array): void
  /** The peer has gone; nothing can be sent any more. */
  closed(): void
}
