// Long-running child processes: they write to a log file, are started again when they end, and die with us.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { endProcess, type ProcessId, processId } from './process-id.ts'

export interface ChildOptions {
  /** For messages. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  readonly logFile: string
  /** Told each time that the child ends without having been asked to. */
  readonly onExit: (how: string) => void
}

export interface Child {
  /** The process at work now; undefined while it is down. */
  readonly id: ProcessId | undefined
  /** Ends it and starts it anew at once. */
  restart(): Promise<void>
  stop(): Promise<void>
  /** Ends it at once, by force, for good. */
  kill(): Promise<void>
}

const graceMs = 5000
const longestPauseMs = 10_000
let setpriv: boolean | undefined

/** `command` wrapped so that the kernel kills it when we die; as it is where the system has no such thing. */
export function dyingWithUs(command: string, args: readonly string[]): { command: string; args: string[] } {
  setpriv ??= process.platform === 'linux' && spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status === 0
  return setpriv
    ? { command: 'setpriv', args: ['--pdeathsig', 'KILL', '--', command, ...args] }
    : { command, args: [...args] }
}

/** Starts a child and keeps it running until it is stopped. */
export function keepRunning(options: ChildOptions): Child {
  mkdirSync(dirname(options.logFile), { recursive: true })
  let stopped = false
  let current: ChildProcess | undefined
  let failures = 0
  let timer: NodeJS.Timeout | undefined
  const launch = (): void => {
    const log = openSync(options.logFile, 'a')
    const { command, args } = dyingWithUs(options.command, options.args)
    const startedAt = Date.now()
    const child = spawn(command, args, { stdio: ['ignore', log, log], env: options.env ?? process.env })
    closeSync(log)
    current = child
    const ended = (how: string): void => {
      if (current !== child) return
      current = undefined
      if (stopped) return
      failures = Date.now() - startedAt > 30_000 ? 0 : failures + 1
      options.onExit(how)
      timer = setTimeout(launch, Math.min(longestPauseMs, 200 * 2 ** Math.min(failures - 1, 8)))
    }
    child.on('error', (error) => ended(error.message))
    child.on('exit', (code, signal) => ended(signal === null ? `exit code ${code}` : `signal ${signal}`))
  }
  const end = async (waitMs = graceMs): Promise<void> => {
    const child = current
    current = undefined
    clearTimeout(timer)
    const id = child?.pid === undefined ? undefined : processId(child.pid)
    if (id) await endProcess(id, waitMs)
  }
  launch()
  return {
    get id() {
      return current?.pid === undefined ? undefined : processId(current.pid)
    },
    async restart() {
      await end()
      if (!stopped) launch()
    },
    async stop() {
      stopped = true
      await end()
    },
    async kill() {
      stopped = true
      await end(0)
    },
  }
}
