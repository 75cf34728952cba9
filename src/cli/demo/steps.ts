// Progress of the demo: one line a step, with the time that it took; a failed step says what to do.
import pc from 'picocolors'

/** A step that failed, with the log to look at and what the user can do. */
export class StepError extends Error {
  readonly advice: string

  constructor(message: string, advice: string, cause?: unknown) {
    super(message, { cause })
    this.advice = advice
  }
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']

/** Runs one step; `say` shows what it is doing meanwhile. */
export async function step<T>(title: string, work: (say: (detail: string) => void) => Promise<T>): Promise<T> {
  const out = process.stdout
  const startedAt = performance.now()
  const took = (): string => pc.dim(`${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
  let detail = ''
  let frame = 0
  const paint = (): void => {
    const spinner = pc.cyan(frames[frame++ % frames.length] ?? '')
    out.write(
      `\r\u001b[2K${spinner} ${title} ${pc.dim(detail.slice(0, Math.max(10, (out.columns ?? 80) - title.length - 6)))}`,
    )
  }
  const timer = out.isTTY ? setInterval(paint, 100) : undefined
  const end = (mark: string): void => {
    clearInterval(timer)
    out.write(`${out.isTTY ? '\r\u001b[2K' : ''}${mark} ${title} ${took()}\n`)
  }
  try {
    const value = await work((text) => {
      detail = text
    })
    end(pc.green('✔'))
    return value
  } catch (error) {
    end(pc.red('✖'))
    throw error
  }
}
