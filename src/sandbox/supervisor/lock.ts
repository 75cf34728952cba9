// One supervisor per sandbox: a file that names the process, made in one step, taken over when that process is gone.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive, type ProcessId, processId } from './process-id.ts'

export interface Lock extends ProcessId {
  /** Unix socket on which the supervisor takes orders. */
  readonly socket: string
}

export class SandboxBusy extends Error {
  readonly lock: Lock

  constructor(name: string, lock: Lock) {
    super(
      `sandbox ${name} is up already (process ${lock.pid}); end it with: fairlead sandbox down${name === 'default' ? '' : ` --name ${name}`}`,
    )
    this.name = 'SandboxBusy'
    this.lock = lock
  }
}

const fileName = 'supervisor.json'

/** Who runs the sandbox of this folder; undefined if nobody does. */
export function readLock(directory: string): Lock | undefined {
  try {
    const lock = JSON.parse(readFileSync(join(directory, fileName), 'utf8')) as Lock
    return isAlive(lock) ? lock : undefined
  } catch {
    return undefined
  }
}

/** Makes this process the supervisor; throws `SandboxBusy` if another one is. Returns how to give it up. */
export function takeLock(directory: string, name: string, socket: string): () => void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const self = processId(process.pid)
  if (!self) throw new Error('this process cannot find out when it started')
  const file = join(directory, fileName)
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(file, JSON.stringify({ ...self, socket }), { flag: 'wx', mode: 0o600 })
      return () => {
        const lock = readLock(directory)
        if (lock?.pid === process.pid) rmSync(file, { force: true })
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt > 3) throw error
      const holder = readLock(directory)
      if (holder) throw new SandboxBusy(name, holder)
      rmSync(file, { force: true })
    }
  }
}
