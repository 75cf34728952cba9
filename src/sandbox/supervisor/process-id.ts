// A process is named by its id and when it started, since ids are used again.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

export interface ProcessId {
  readonly pid: number
  /** As the system tells it; only compared. */
  readonly started: string
}

/** When the process of this id started; undefined if there is none (or only its remains, not yet collected). */
export function startOf(pid: number): string | undefined {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      // The second field is the program's name in parentheses, and may hold anything.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return fields[0] === 'Z' ? undefined : fields[19]
    } catch {
      return undefined
    }
  }
  try {
    const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()
    return text === '' ? undefined : text
  } catch {
    return undefined
  }
}

export function processId(pid: number): ProcessId | undefined {
  const started = startOf(pid)
  return started === undefined ? undefined : { pid, started }
}

export function isAlive(id: ProcessId): boolean {
  return startOf(id.pid) === id.started
}

/** Waits until a process is gone; false if it still is there after `withinMs`. */
export async function isGoneWithin(id: ProcessId, withinMs: number): Promise<boolean> {
  for (const end = Date.now() + withinMs; Date.now() < end; await delay(30)) if (!isAlive(id)) return true
  return !isAlive(id)
}

/** Resolves when a process is gone or the signal comes, whichever is first; keeps nobody running by itself. */
export async function untilGone(id: ProcessId, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && isAlive(id)) await delay(500, undefined, { ref: false })
}

/** Ends a process: politely first, by force after `graceMs` (0: at once). Does nothing if it is not that very process any more. */
export async function endProcess(id: ProcessId, graceMs: number): Promise<void> {
  const steps = [
    ['SIGTERM', graceMs],
    ['SIGKILL', 5000],
  ] as const
  for (const [signal, waitMs] of graceMs > 0 ? steps : steps.slice(1)) {
    if (!isAlive(id)) return
    try {
      process.kill(id.pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
    if (await isGoneWithin(id, waitMs)) return
  }
}
