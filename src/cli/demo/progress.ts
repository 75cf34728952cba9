// Progress of the demo: one line a step, with the time that it took.
import pc from 'picocolors'
import type { ProgressEvent } from '../../sandbox/index.ts'

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const frameMs = 100

/** Shows steps as they begin and end; the last one spins on a terminal. */
export class ProgressLines {
  readonly #out: NodeJS.WriteStream
  #running: string[] = []
  #detail = ''
  #frame = 0
  #timer: NodeJS.Timeout | undefined

  constructor(out: NodeJS.WriteStream = process.stdout) {
    this.#out = out
  }

  readonly show = (event: ProgressEvent): void => {
    switch (event.state) {
      case 'started':
        this.#running.push(event.step)
        this.#detail = ''
        break
      case 'note':
        this.#detail = event.detail ?? ''
        break
      case 'done':
      case 'failed': {
        this.#running = this.#running.filter((step) => step !== event.step)
        const mark = event.state === 'done' ? pc.green('✔') : pc.red('✖')
        this.#line(`${mark} ${event.step} ${pc.dim(`${((event.tookMs ?? 0) / 1000).toFixed(1)} s`)}`)
        break
      }
    }
    this.#spin()
  }

  /** Runs one more step, shown like those of the sandbox. */
  async step<T>(name: string, work: (say: (detail: string) => void) => Promise<T>): Promise<T> {
    const startedAt = performance.now()
    const tookMs = (): number => performance.now() - startedAt
    this.show({ step: name, state: 'started' })
    try {
      const value = await work((detail) => this.show({ step: name, state: 'note', detail }))
      this.show({ step: name, state: 'done', tookMs: tookMs() })
      return value
    } catch (error) {
      this.show({ step: name, state: 'failed', tookMs: tookMs() })
      throw error
    }
  }

  #line(text: string): void {
    this.#out.write(`${this.#out.isTTY ? '\r\u001b[2K' : ''}${text}\n`)
  }

  #spin(): void {
    if (!this.#out.isTTY) return
    if (this.#running.length === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
      return
    }
    this.#timer ??= setInterval(() => {
      const step = this.#running.at(-1)
      if (step === undefined) return
      const room = Math.max(0, (this.#out.columns ?? 80) - step.length - 6)
      const frame = frames[this.#frame++ % frames.length] ?? ''
      this.#out.write(`\r\u001b[2K${pc.cyan(frame)} ${step} ${pc.dim(this.#detail.slice(0, room))}`)
    }, frameMs)
  }
}
