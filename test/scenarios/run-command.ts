// Runs one of the project's own commands as a user would, shows what it prints, and returns how it ended.
import { spawn } from 'node:child_process'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')

export interface Finished {
  readonly exit: number | null
  readonly printed: string
}

/** `node FILE …` in the repository's root; the output is shown as it comes and returned at the end. */
export function runNode(
  args: readonly string[],
  options: { env?: Record<string, string>; timeoutMs: number; cwd?: string },
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...args], {
      cwd: options.cwd ?? root,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let printed = ''
    const read = (chunk: Buffer): void => {
      printed += chunk.toString()
      process.stdout.write(chunk)
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    // SIGTERM first: the command takes down what it started.
    const soft = setTimeout(() => child.kill('SIGTERM'), options.timeoutMs)
    const hard = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs + 20_000)
    child.once('error', reject)
    child.once('close', (exit) => {
      clearTimeout(soft)
      clearTimeout(hard)
      resolve({ exit, printed })
    })
  })
}
