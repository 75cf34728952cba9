// gRPC on node:http2, as far as a discovery service needs it: bidirectional streams and unary calls, messages as bytes.
// Why not a library: docs/decisions/0005-xds-over-node-http2.md. The protocol:
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
import {
  constants,
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { type Peer, type ServerStream, StreamError, type StreamReceiver, statusCodes } from './transport.ts'

/** The server's certificate and the roots of its callers, PEM; may change while the port is open. */
export interface TlsSource {
  context(): { readonly key: string; readonly cert: string; readonly ca: string }
  /** Returns how to stop. */
  onChange(changed: () => void): () => void
}

export interface GrpcMethods {
  /** By path, `/package.Service/Method`. */
  readonly streaming: ReadonlyMap<string, (stream: ServerStream) => StreamReceiver>
  readonly unary: ReadonlyMap<string, (peer: Peer, message: Uint8Array) => Promise<Uint8Array>>
}

/** Requests name what a proxy subscribes to: a few megabytes in the largest meshes. */
const messageLimit = 32 << 20
/** Between two looks at a peer; one that is gone is found after two to three of them. */
const keepaliveMs = 20_000
const { NGHTTP2_NO_ERROR, NGHTTP2_CANCEL } = constants

export class GrpcServer {
  readonly #methods: GrpcMethods
  readonly #tls: TlsSource | undefined
  readonly #server: Http2Server | Http2SecureServer
  readonly #sessions = new Set<ServerHttp2Session>()
  readonly #stopFollowing: (() => void) | undefined

  /** Without `tls` the port is plaintext. Callers without a certificate are let in as far as TLS goes. */
  constructor(methods: GrpcMethods, tls: TlsSource | undefined) {
    this.#methods = methods
    this.#tls = tls
    const options = {
      settings: { initialWindowSize: 1 << 20, maxConcurrentStreams: 200 },
      // What waits to be sent counts as memory of the session. We hold it at one message for each stream ourselves.
      maxSessionMemory: Number.MAX_SAFE_INTEGER,
    }
    if (tls) {
      const server = createSecureServer({ ...options, ...tls.context(), requestCert: true, rejectUnauthorized: false })
      this.#stopFollowing = tls.onChange(() => server.setSecureContext(tls.context()))
      server.on('secureConnection', (socket) => void socket.on('error', () => socket.destroy()))
      this.#server = server
    } else this.#server = createServer(options)
    this.#server.on('connection', (socket: Socket) => void socket.setNoDelay(true))
    this.#server.on('session', (session) => this.#follow(session))
    this.#server.on('stream', (stream, headers) => this.#serve(stream, headers))
    this.#server.on('sessionError', (_error, session) => session.destroy())
  }

  /** Returns the port; rejects if it is taken. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject)
        const address = this.#server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : port)
      })
    })
  }

  close(): void {
    this.#stopFollowing?.()
    this.#server.close()
    for (const session of this.#sessions) {
      if (!session.destroyed) session.goaway(NGHTTP2_NO_ERROR)
      session.destroy()
    }
  }

  /**
   * Finds peers that have gone without a word: a ping is not answered, and meanwhile nothing is read from them, nor taken
   * by them. The answer of a slow peer waits behind all that it has yet to read.
   */
  #follow(session: ServerHttp2Session): void {
    this.#sessions.add(session)
    const moved = (): number => (session.socket?.bytesRead ?? 0) + (session.socket?.bytesWritten ?? 0)
    let awaited = false
    let before = -1
    const timer = setInterval(() => {
      if (session.destroyed) return
      const now = moved()
      if (awaited && now === before) return session.destroy()
      before = now
      if (awaited) return
      try {
        awaited = session.ping((error: Error | null) => {
          awaited = false
          if (error) session.destroy()
        })
        before = moved()
      } catch {
        // The session is closing, and its streams hear of that by themselves.
        awaited = false
      }
    }, keepaliveMs)
    timer.unref()
    session.on('error', () => session.destroy())
    session.on('close', () => {
      clearInterval(timer)
      this.#sessions.delete(session)
    })
  }

  #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const path = headers[':path'] ?? ''
    stream.on('error', () => stream.destroy())
    if (headers[':method'] !== 'POST' || !String(headers['content-type'] ?? '').startsWith('application/grpc')) {
      stream.respond({ ':status': 415 }, { endStream: true })
      return
    }
    const peer = peerOf(stream, headers, this.#tls !== undefined)
    const streaming = this.#methods.streaming.get(path)
    const unary = this.#methods.unary.get(path)
    if (streaming) serveStream(stream, peer, streaming)
    else if (unary) serveUnary(stream, peer, unary)
    else endWith(stream, { code: 12, message: `there is no method ${path}` })
  }
}

function serveStream(stream: ServerHttp2Stream, peer: Peer, open: (stream: ServerStream) => StreamReceiver): void {
  const receiver = open({
    peer,
    send(message, drained) {
      if (stream.destroyed || stream.closed) return
      if (!stream.headersSent) respond(stream)
      write(stream, message, drained)
    },
    end: (error) => endWith(stream, error ? { code: error.code, message: error.message } : { code: 0, message: '' }),
  })
  readMessages(stream, (message) => receiver.message(message))
  // A client that half-closes is done with the stream.
  stream.on('end', () => {
    receiver.closed()
    endWith(stream, { code: 0, message: '' })
  })
  stream.on('close', () => receiver.closed())
}

function serveUnary(
  stream: ServerHttp2Stream,
  peer: Peer,
  answer: (peer: Peer, message: Uint8Array) => Promise<Uint8Array>,
): void {
  const reply = async (message: Uint8Array): Promise<void> => {
    try {
      const bytes = await answer(peer, message)
      if (stream.destroyed || stream.closed) return
      respond(stream)
      write(stream, [bytes], () => endWith(stream, { code: 0, message: '' }))
    } catch (error) {
      const known = error instanceof StreamError
      endWith(stream, known ? error : { code: statusCodes.internal, message: 'internal error' })
    }
  }
  let asked = false
  readMessages(stream, (message) => {
    if (asked) return
    asked = true
    void reply(message)
  })
}

function respond(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' }, { waitForTrailers: true })
}

/** Messages of this length and less are copied into one piece with their prefix. */
const onePieceBytes = 16_384

const framed = new WeakMap<readonly Uint8Array[], readonly Uint8Array[]>()

/** A message with its length before it. Messages are shared by many streams: it is put together once for all of them. */
function frame(message: readonly Uint8Array[]): readonly Uint8Array[] {
  const known = framed.get(message)
  if (known) return known
  let length = 0
  for (const piece of message) length += piece.length
  const prefix = Buffer.allocUnsafe(5)
  prefix[0] = 0
  prefix.writeUInt32BE(length, 1)
  const pieces = [prefix, ...message]
  const made = length <= onePieceBytes ? [Buffer.concat(pieces)] : pieces
  framed.set(message, made)
  return made
}

/** The pieces of large messages are handed to the socket as they are. */
function write(stream: ServerHttp2Stream, message: readonly Uint8Array[], written: () => void): void {
  const pieces = frame(message)
  const done = (error?: Error | null): void => {
    if (!error) written()
  }
  const [only] = pieces
  if (only && pieces.length === 1) {
    stream.write(only, done)
    return
  }
  stream.cork()
  const last = pieces.length - 1
  for (const [i, piece] of pieces.entries()) {
    if (i < last) stream.write(piece)
    else stream.write(piece, done)
  }
  stream.uncork()
}

/** Ends a stream with a status, be it before, between or after messages. */
function endWith(stream: ServerHttp2Stream, { code, message }: { code: number; message: string }): void {
  if (stream.destroyed || stream.closed || stream.writableEnded) return
  // A certificate is looked at once, in the handshake. Who was refused comes again on a connection of its own, since the
  // authority behind it may be known by then.
  const { session } = stream
  if (code === statusCodes.unauthenticated) stream.once('close', () => session?.close())
  const trailers = { 'grpc-status': String(code), ...(message !== '' && { 'grpc-message': percentEncoded(message) }) }
  if (stream.headersSent) {
    stream.once('wantTrailers', () => stream.sendTrailers(trailers))
    stream.end()
  } else {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto', ...trailers }, { endStream: true })
  }
  // What the client still says is of no interest; but it must be let go, or the stream stays half open.
  stream.resume()
  setImmediate(() => {
    if (!stream.destroyed && !stream.readableEnded) stream.close(NGHTTP2_NO_ERROR)
  })
}

/** As the protocol wants it: printable ASCII stays, but for the percent sign. */
function percentEncoded(text: string): string {
  return Buffer.from(text).reduce(
    (all, byte) =>
      all +
      (byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`),
    '',
  )
}

/** Calls back for each message of a request, put together from the pieces in which it comes. */
function readMessages(stream: ServerHttp2Stream, received: (message: Uint8Array) => void): void {
  let chunks: Buffer[] = []
  let have = 0
  let need = 5
  let inBody = false
  const refuse = (code: number, message: string): void => {
    chunks = []
    endWith(stream, { code, message })
    stream.close(NGHTTP2_CANCEL)
  }
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    have += chunk.length
    while (have >= need) {
      const all = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, have)
      const part = all.subarray(0, need)
      const rest = all.subarray(need)
      chunks = rest.length > 0 ? [rest] : []
      have = rest.length
      if (inBody) {
        inBody = false
        need = 5
        received(part)
        continue
      }
      if (part[0] !== 0) return refuse(12, 'compressed messages are not supported')
      need = part.readUInt32BE(1)
      if (need > messageLimit) return refuse(statusCodes.resourceExhausted, 'the message is too large')
      inBody = true
    }
  })
}

function peerOf(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, encrypted: boolean): Peer {
  const socket = stream.session?.socket
  const certificate = socket instanceof TLSSocket && socket.authorized ? socket.getPeerCertificate().raw : undefined
  const others = new Map<string, string>()
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(':') || name === 'authorization' || value === undefined) continue
    others.set(name, Array.isArray(value) ? value.join(',') : value)
  }
  const { authorization } = headers
  return {
    address: `${socket?.remoteAddress ?? ''}:${socket?.remotePort ?? ''}`,
    certificate,
    bearer: authorization?.startsWith('Bearer ') ? authorization.slice('Bearer '.length) : undefined,
    headers: others,
    encrypted,
  }
}
