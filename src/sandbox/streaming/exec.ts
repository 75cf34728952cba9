// exec and attach: a process, and the channels over which kubectl speaks to it.
import type { ChildProcess } from 'node:child_process'
import { type Readable, Writable } from 'node:stream'
import type { WebSocket } from 'ws'
import type { SpdySession, SpdyStream } from './spdy.ts'

/** What kubectl asked for. */
export interface ExecOptions {
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  readonly tty: boolean
}

/** The ends of the channels on the client's side; absent ones were not asked for. */
export interface Channels {
  readonly stdin?: Readable
  readonly stdout?: Writable
  readonly stderr?: Writable
  /** Told of the size of the client's terminal, and of each change of it. */
  onResize?(listener: (columns: number, rows: number) => void): void
  /** Sends the result (a metav1.Status as JSON) and closes the connection. */
  finish(status: string): void
  /** The client has gone. */
  readonly gone: Promise<void>
}

/** A process that may have a terminal whose size can be changed. */
export interface TerminalProcess extends ChildProcess {
  resize?(columns: number, rows: number): void
}

/** The sizes in what a resize channel carries: one JSON object after the other. */
export function terminalSizes(text: string): { columns: number; rows: number }[] {
  return [...text.matchAll(/\{[^{}]*\}/g)].flatMap(([json]) => {
    try {
      const { Width: columns, Height: rows } = JSON.parse(json) as { Width?: number; Height?: number }
      return columns && rows ? [{ columns, rows }] : []
    } catch {
      return []
    }
  })
}

/** metav1.Status for an exit code, as a kubelet words it (remotecommand, v4 and later). */
export function exitStatus(code: number | null, signal: string | null): string {
  const exit = code ?? (signal === null ? 1 : 137)
  if (exit === 0) return JSON.stringify({ metadata: {}, status: 'Success' })
  return JSON.stringify({
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${exit}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exit) }] },
  })
}

/** metav1.Status for a command that could not be started. */
export function failureStatus(message: string): string {
  return JSON.stringify({ metadata: {}, status: 'Failure', message, reason: 'InternalError', code: 500 })
}

/** Joins a process to the channels and reports how it ended. */
export function joinProcess(child: TerminalProcess, channels: Channels): void {
  channels.onResize?.((columns, rows) => child.resize?.(columns, rows))
  if (child.stdin) {
    child.stdin.on('error', () => child.stdin?.destroy()) // the program need not read its input
    if (channels.stdin) channels.stdin.pipe(child.stdin)
    else child.stdin.end()
  }
  if (channels.stdout) child.stdout?.pipe(channels.stdout, { end: false })
  else child.stdout?.resume()
  if (channels.stderr) child.stderr?.pipe(channels.stderr, { end: false })
  else child.stderr?.resume()
  let ended = false
  const finish = (status: string): void => {
    if (ended) return
    ended = true
    channels.finish(status)
  }
  child.on('error', (error) => finish(failureStatus(error.message)))
  child.on('close', (code, signal) => finish(exitStatus(code, signal)))
  void channels.gone.then(() => {
    if (!ended) child.kill('SIGKILL')
  })
}

/** Channels over SPDY: one stream each, told apart by the header `streamtype`. Resolves when all have been opened. */
export function spdyChannels(
  open: (onStream: (stream: SpdyStream) => void) => SpdySession,
  options: ExecOptions,
): Promise<Channels> {
  const wanted = new Set(['error'])
  if (options.stdin) wanted.add('stdin')
  if (options.stdout) wanted.add('stdout')
  if (options.stderr && !options.tty) wanted.add('stderr')
  if (options.tty) wanted.add('resize')
  const streams = new Map<string, SpdyStream>()
  return new Promise((resolve, reject) => {
    const session = open((stream) => {
      const type = stream.headers['streamtype'] ?? ''
      streams.set(type, stream)
      if ([...wanted].every((name) => streams.has(name))) resolve(channels())
    })
    const channels = (): Channels => {
      const [stdin, stdout, stderr] = ['stdin', 'stdout', 'stderr'].map((name) => streams.get(name))
      return {
        ...(stdin ? { stdin } : {}),
        ...(stdout ? { stdout } : {}),
        ...(stderr ? { stderr } : {}),
        onResize(listener) {
          streams.get('resize')?.on('data', (data: Buffer) => {
            for (const { columns, rows } of terminalSizes(data.toString())) listener(columns, rows)
          })
        },
        finish(status) {
          stdout?.end()
          stderr?.end()
          streams.get('error')?.end(status, () => session.close())
        },
        gone: session.closed,
      }
    }
    void session.closed.then(() => reject(new Error('the client went away before it had opened its streams')))
  })
}

const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const

/** Channels over a WebSocket (v4 and v5.channel.k8s.io): the first byte of each message says which. */
export function webSocketChannels(socket: WebSocket, stdin: Writable & Readable): Channels {
  let resized: (columns: number, rows: number) => void = () => undefined
  let size: { columns: number; rows: number } | undefined
  socket.on('message', (data: Buffer) => {
    const [number] = data
    if (number === channel.stdin) stdin.write(data.subarray(1))
    else if (number === channel.resize) {
      size = terminalSizes(data.subarray(1).toString()).at(-1)
      if (size) resized(size.columns, size.rows)
    } else if (number === channel.close && data[1] === channel.stdin) stdin.end()
  })
  const sink = (number: number): Writable => new ChannelSink(socket, number)
  return {
    stdin,
    stdout: sink(channel.stdout),
    stderr: sink(channel.stderr),
    onResize(listener) {
      resized = listener
      if (size) listener(size.columns, size.rows)
    },
    finish(status) {
      socket.send(Buffer.concat([Buffer.from([channel.error]), Buffer.from(status)]), () => socket.close(1000))
    },
    gone: new Promise((resolve) => socket.once('close', () => resolve())),
  }
}

class ChannelSink extends Writable {
  readonly #socket: WebSocket
  readonly #number: number

  constructor(socket: WebSocket, number: number) {
    super()
    this.#socket = socket
    this.#number = number
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    // The client may close while the program still prints; what it prints then has no reader.
    if (this.#socket.readyState !== this.#socket.OPEN) return done()
    this.#socket.send(Buffer.concat([Buffer.from([this.#number]), chunk]), (error) => done(error ?? null))
  }
}
