// The log of one run of one container: `RFC 3339 time, space, text` per line, in a file that does not grow without end.
import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

export const maxLogBytes = 10 << 20
const maxLineBytes = 16 << 10
const flushMs = 20

/** Writes what a program prints. A disk that is full costs the lines, never the program. */
export class ContainerLog {
  readonly file: string
  #size: number
  #pending = ''
  #timer: NodeJS.Timeout | undefined
  /** The unfinished line of each stream. */
  readonly #rest = { stdout: '', stderr: '' }
  #lost = 0

  constructor(file: string) {
    this.file = file
    mkdirSync(dirname(file), { recursive: true })
    this.#size = statSync(file, { throwIfNoEntry: false })?.size ?? 0
    appendFileSync(file, '')
  }

  write(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    const lines = (this.#rest[stream] + chunk.toString()).split('\n')
    const rest = lines.pop() ?? ''
    if (rest.length > maxLineBytes) {
      lines.push(rest)
      this.#rest[stream] = ''
    } else this.#rest[stream] = rest
    if (lines.length === 0) return
    const now = new Date().toISOString().replace('Z', '000000Z')
    for (const line of lines) this.#pending += `${now} ${line.replace(/\r$/, '')}\n`
    this.#timer ??= setTimeout(() => this.flush(), flushMs)
  }

  /** Ends the last lines, and writes everything. */
  close(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.#rest[stream] !== '') this.write(stream, Buffer.from('\n'))
    }
    this.flush()
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#pending === '') return
    const text =
      this.#lost > 0 ? `${new Date().toISOString()} (${this.#lost} lines were lost: the disk was full)\n` : ''
    try {
      if (this.#size > maxLogBytes) {
        renameSync(this.file, `${this.file}.1`)
        this.#size = 0
      }
      appendFileSync(this.file, text + this.#pending)
      this.#size += text.length + this.#pending.length
      this.#lost = 0
    } catch {
      this.#lost += this.#pending.split('\n').length - 1
    }
    this.#pending = ''
  }
}
