// The server's side of a SPDY/3.1 connection, as far as kubectl and the Kubernetes API server use it: streams with
// headers, data both ways, half-close and reset. Flow control windows are not kept (the peers do not either); a slow
// reader holds up the connection by TCP.
import { Duplex } from 'node:stream'
import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib'
import { spdyDictionary } from './spdy-dictionary.ts'

const frameType = { synStream: 1, synReply: 2, rstStream: 3, ping: 6, goAway: 7 } as const
const flagFin = 1
const controlBit = 0x80
const version = 3
const headerBytes = 8
const statusCancel = 5
/** Longest data frame that is sent; the length field would allow 16 MiB. */
const chunkBytes = 64 * 1024

/** One stream that the client has opened; end() half-closes it, destroy() resets it. */
export interface SpdyStream extends Duplex {
  readonly spdyId: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

class Stream extends Duplex implements SpdyStream {
  readonly spdyId: number
  readonly headers: Readonly<Record<string, string>>
  readonly #session: SpdySession
  #resume: (() => void) | undefined

  constructor(session: SpdySession, id: number, headers: Readonly<Record<string, string>>) {
    super({ allowHalfOpen: true })
    this.#session = session
    this.spdyId = id
    this.headers = headers
  }

  override _read(): void {
    this.#resume?.()
    this.#resume = undefined
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#session.sendData(this.spdyId, chunk, false, done)
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#session.sendData(this.spdyId, Buffer.alloc(0), true, done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#session.forget(this.spdyId, !this.writableFinished)
    done(error)
  }

  /** Hands over received bytes; resolves when there is room for more. */
  receive(chunk: Buffer | null): Promise<void> {
    if (this.destroyed || this.push(chunk) || chunk === null) return Promise.resolve()
    return new Promise((resume) => {
      this.#resume = resume
      this.once('close', resume)
    })
  }
}

/** Serves SPDY on a connection that has been upgraded; `onStream` is told of each stream that the client opens. */
export class SpdySession {
  readonly #socket: Duplex
  readonly #onStream: (stream: SpdyStream) => void
  readonly #streams = new Map<number, Stream>()
  readonly #inflate: Inflate = createInflate({ dictionary: spdyDictionary })
  readonly #deflate: Deflate = createDeflate({ dictionary: spdyDictionary })
  readonly #inflated: Buffer[] = []
  readonly #deflated: Buffer[] = []
  /** Resolves when the connection has ended, whichever way. */
  readonly closed: Promise<void>

  constructor(socket: Duplex, onStream: (stream: SpdyStream) => void) {
    this.#socket = socket
    this.#onStream = onStream
    this.#inflate.on('data', (chunk: Buffer) => this.#inflated.push(chunk))
    this.#deflate.on('data', (chunk: Buffer) => this.#deflated.push(chunk))
    this.closed = this.#run()
  }

  /** Ends the connection; open streams are cut. */
  close(): void {
    this.#socket.end()
  }

  sendData(id: number, chunk: Buffer, fin: boolean, done: (error?: Error | null) => void): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return done(new Error('the SPDY connection has ended'))
    for (let at = 0; at === 0 || at < chunk.length; at += chunkBytes) {
      const part = chunk.subarray(at, at + chunkBytes)
      const last = at + chunkBytes >= chunk.length
      const head = Buffer.alloc(headerBytes)
      head.writeUInt32BE(id)
      head.writeUInt32BE(part.length, 4)
      head.writeUInt8(fin && last ? flagFin : 0, 4)
      this.#socket.write(head)
      if (last) this.#socket.write(part, done)
      else this.#socket.write(part)
    }
  }

  forget(id: number, reset: boolean): void {
    if (!this.#streams.delete(id) || !reset) return
    const payload = Buffer.alloc(8)
    payload.writeUInt32BE(id)
    payload.writeUInt32BE(statusCancel, 4)
    this.#sendControl(frameType.rstStream, 0, payload)
  }

  async #run(): Promise<void> {
    try {
      let buffered: Buffer = Buffer.alloc(0)
      for await (const chunk of this.#socket as AsyncIterable<Buffer>) {
        buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk])
        for (;;) {
          const frame = readFrame(buffered)
          if (!frame) break
          buffered = buffered.subarray(frame.bytes)
          await this.#receive(frame)
        }
      }
    } catch (error) {
      if (!isConnectionEnd(error)) this.#socket.destroy(error instanceof Error ? error : new Error(String(error)))
    } finally {
      for (const stream of this.#streams.values()) stream.destroy()
      this.#inflate.close()
      this.#deflate.close()
    }
  }

  async #receive(frame: Frame): Promise<void> {
    const { control, type, flags, payload } = frame
    if (!control) {
      const stream = this.#streams.get(frame.streamId)
      if (stream && payload.length > 0) await stream.receive(payload)
      if (flags & flagFin) await stream?.receive(null)
      return
    }
    switch (type) {
      case frameType.synStream:
        return this.#open(payload, flags)
      case frameType.rstStream:
        this.#streams.get(payload.readUInt32BE(0))?.destroy()
        return
      case frameType.ping:
        this.#sendControl(frameType.ping, 0, payload)
        return
      case frameType.goAway:
        return
      default:
        // SETTINGS, HEADERS, WINDOW_UPDATE: nothing to do without flow control.
        return
    }
  }

  async #open(payload: Buffer, flags: number): Promise<void> {
    const id = payload.readUInt32BE(0) & 0x7fffffff
    const headers = parseHeaders(await pump(this.#inflate, this.#inflated, payload.subarray(10)))
    const stream = new Stream(this, id, headers)
    this.#streams.set(id, stream)
    const reply = await pump(this.#deflate, this.#deflated, Buffer.alloc(4))
    const head = Buffer.alloc(4)
    head.writeUInt32BE(id)
    this.#sendControl(frameType.synReply, 0, Buffer.concat([head, reply]))
    // A stream may be torn down by the peer at any time; whoever uses it sees `close`.
    stream.on('error', () => stream.destroy())
    this.#onStream(stream)
    if (flags & flagFin) await stream.receive(null)
  }

  #sendControl(type: number, flags: number, payload: Buffer): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return
    const head = Buffer.alloc(headerBytes)
    head.writeUInt8(controlBit)
    head.writeUInt8(version, 1)
    head.writeUInt16BE(type, 2)
    head.writeUInt32BE(payload.length, 4)
    head.writeUInt8(flags, 4)
    this.#socket.write(Buffer.concat([head, payload]))
  }
}

interface Frame {
  readonly control: boolean
  readonly type: number
  readonly streamId: number
  readonly flags: number
  readonly payload: Buffer
  /** Length of the frame with its head. */
  readonly bytes: number
}

function readFrame(buffer: Buffer): Frame | undefined {
  if (buffer.length < headerBytes) return undefined
  const length = buffer.readUIntBE(5, 3)
  if (buffer.length < headerBytes + length) return undefined
  const control = (buffer.readUInt8(0) & controlBit) !== 0
  return {
    control,
    type: control ? buffer.readUInt16BE(2) : 0,
    streamId: control ? 0 : buffer.readUInt32BE(0) & 0x7fffffff,
    flags: buffer.readUInt8(4),
    payload: buffer.subarray(headerBytes, headerBytes + length),
    bytes: headerBytes + length,
  }
}

/** Sends one block through a zlib stream that keeps its state, and returns what came out. */
function pump(codec: Inflate | Deflate, out: Buffer[], block: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    codec.once('error', reject)
    codec.write(block, () => {
      codec.flush(constants.Z_SYNC_FLUSH, () => {
        codec.off('error', reject)
        // What a flush produced is delivered before the next turn of the event loop ends.
        setImmediate(() => resolve(Buffer.concat(out.splice(0))))
      })
    })
  })
}

function parseHeaders(block: Buffer): Record<string, string> {
  const headers: Record<string, string> = {}
  let at = 4
  const take = (): string => {
    const length = block.readUInt32BE(at)
    const text = block.toString('utf8', at + 4, at + 4 + length)
    at += 4 + length
    return text
  }
  for (let left = block.readUInt32BE(0); left > 0; left--) {
    const name = take().toLowerCase()
    headers[name] = take()
  }
  return headers
}

function isConnectionEnd(error: unknown): boolean {
  const code = (error as { code?: string }).code ?? ''
  return ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED'].includes(code)
}
