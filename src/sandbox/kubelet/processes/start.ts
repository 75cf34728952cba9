// Processes that stand for containers: each leads a group of its own, dies with us, and takes its children with it.
import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, mkdirSync, statSync } from 'node:fs'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import { dyingWithUs } from '../../supervisor/child.ts'
import { ProcessRegistry, signalGroup } from './registry.ts'

export interface ProcessOptions {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** Opens a channel to a program of Node. */
  readonly ipc?: boolean
}

/** A program that cannot be started; worded as a container runtime words it. */
export class StartError extends Error {
  override readonly name = 'StartError'
}

export interface ProcessExit {
  /** As a shell tells it: 128 + signal for a process that a signal ended. */
  readonly code: number
  readonly signal: NodeJS.Signals | undefined
}

export interface RunningProcess {
  readonly pid: number
  readonly child: ChildProcess
  /** Resolves when the process has ended and its output has been read. */
  readonly exited: Promise<ProcessExit>
  /** Signals the process and all that it has started. */
  signal(signal: NodeJS.Signals): void
}

/** How long to wait for output after a process has ended: what it started may hold the pipe open for ever. */
const outputGraceMs = 200

/** All processes of one kubelet. */
export class ProcessTable {
  readonly #registry: ProcessRegistry
  readonly #running = new Map<number, RunningProcess>()
  #watchdog: ChildProcess | undefined

  constructor(directory: string) {
    this.#registry = new ProcessRegistry(directory)
  }

  /** Ends what a killed run left, and sees to it that this run leaves nothing. Returns how many groups were ended. */
  async open(): Promise<number> {
    const ended = await this.#registry.killLeftovers()
    this.#watchdog = this.#registry.startWatchdog()
    return ended
  }

  /** Starts a process. Throws `StartError`. */
  start(options: ProcessOptions): RunningProcess {
    const [name = '', ...rest] = options.argv
    const file = findProgram(name, options.env['PATH'] ?? '', options.cwd)
    mkdirSync(options.cwd, { recursive: true })
    const { command, args } = dyingWithUs(file, rest)
    const stdio = ['pipe', 'pipe', 'pipe', ...(options.ipc ? (['ipc'] as const) : [])] as const
    const child = spawn(command, args, { cwd: options.cwd, env: { ...options.env }, stdio: [...stdio], detached: true })
    const { pid } = child
    if (pid === undefined) {
      child.on('error', () => undefined)
      throw new StartError(`exec: "${name}": cannot be started on this machine`)
    }
    this.#registry.add(pid)
    child.stdin?.on('error', () => undefined) // a program need not read its input
    child.on('error', () => undefined) // of a channel whose program is ending
    const exited = exitOf(child).then((exit) => {
      signalGroup(pid, 'SIGKILL')
      this.#running.delete(pid)
      this.#registry.remove(pid)
      return exit
    })
    const running = { pid, child, exited, signal: (signal: NodeJS.Signals) => signalGroup(pid, signal) }
    this.#running.set(pid, running)
    child.kill = (signal) => {
      signalGroup(pid, (signal ?? 'SIGTERM') as NodeJS.Signals)
      return true
    }
    return running
  }

  /** Kills everything at once. */
  async close(): Promise<void> {
    const all = [...this.#running.values()]
    for (const one of all) one.signal('SIGKILL')
    await Promise.all(all.map((one) => one.exited))
    this.#watchdog?.stdin?.end()
  }
}

function exitOf(child: ChildProcess): Promise<ProcessExit> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      const exit = { code: code ?? 128 + (signal ? (signalNumbers[signal] ?? 0) : 0), signal: signal ?? undefined }
      const timer = setTimeout(() => resolve(exit), outputGraceMs)
      child.once('close', () => {
        clearTimeout(timer)
        resolve(exit)
      })
    })
  })
}

const signalNumbers: Partial<Record<NodeJS.Signals, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
}

/** The file that a program's name means. Throws `StartError` if there is none. */
export function findProgram(name: string, path: string, cwd: string): string {
  const candidates = name.includes('/')
    ? [isAbsolute(name) ? name : resolve(cwd, name)]
    : path.split(delimiter).map((folder) => join(folder, name))
  const found = candidates.find(isProgram)
  if (found !== undefined && name !== '') return found
  const what = name.includes('/') ? `stat ${name}: no such file or directory` : 'executable file not found in $PATH'
  throw new StartError(`exec: "${name}": ${what}`)
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}
