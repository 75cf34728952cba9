// A process of a machine that is started again whenever it ends, as a service manager does.
import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs'
import { dirname } from 'node:path'
import { Backoff, sleep } from '../../clusters/index.ts'
import type { RunningProcess } from '../kubelet/processes/index.ts'

export interface DaemonOptions {
  /** For messages. */
  readonly name: string
  readonly logFile: string
  /** Starts the process once; rejects if it cannot be started. */
  readonly start: (signal: AbortSignal) => Promise<RunningProcess>
  readonly log: (line: string) => void
}

export class Daemon {
  readonly #options: DaemonOptions
  readonly #out: WriteStream
  #run: { stop: AbortController; over: Promise<void> } | undefined
  #current: RunningProcess | undefined

  constructor(options: DaemonOptions) {
    this.#options = options
    mkdirSync(dirname(options.logFile), { recursive: true })
    this.#out = createWriteStream(options.logFile, { flags: 'a' })
    this.#out.on('error', (error) => options.log(`${options.logFile}: ${error.message}`))
  }

  get process(): RunningProcess | undefined {
    return this.#current
  }

  /** Keeps the process running from now on. */
  start(): void {
    if (this.#run) return
    const stop = new AbortController()
    this.#run = { stop, over: this.#keep(stop.signal) }
  }

  /** Ends it at once; it stays down until `start`. */
  async stop(): Promise<void> {
    const run = this.#run
    this.#run = undefined
    run?.stop.abort()
    this.#current?.signal('SIGKILL')
    await run?.over
  }

  async close(): Promise<void> {
    await this.stop()
    this.#out.end()
  }

  async #keep(signal: AbortSignal): Promise<void> {
    const { name, start, log } = this.#options
    const backoff = new Backoff({ firstMs: 200, maximumMs: 5_000 })
    while (!signal.aborted) {
      const startedAt = Date.now()
      try {
        const process = await start(signal)
        this.#current = process
        process.child.stdout?.pipe(this.#out, { end: false })
        process.child.stderr?.pipe(this.#out, { end: false })
        if (signal.aborted) process.signal('SIGKILL')
        const { code } = await process.exited
        if (!signal.aborted) log(`${name} ended with ${code}; it is started again`)
      } catch (error) {
        if (!signal.aborted) log(`${name}: ${error instanceof Error ? error.message : String(error)}`)
      }
      this.#current = undefined
      if (Date.now() - startedAt > 30_000) backoff.reset()
      await sleep(backoff.next(), signal)
    }
  }
}
