// Which processes are ours, on disk: so that nothing of a killed run stays, whoever finds it first.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startOf } from '../../supervisor/process-id.ts'

/** Signals a process group; does nothing if it is gone. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/**
 * One file per process group, named after its leader, holding when that started. A leader that is gone while its
 * group lives still names the group, since ids of living groups are not given to new processes.
 */
export class ProcessRegistry {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
    mkdirSync(directory, { recursive: true })
  }

  add(pid: number): void {
    writeFileSync(join(this.#directory, String(pid)), startOf(pid) ?? '')
  }

  remove(pid: number): void {
    rmSync(join(this.#directory, String(pid)), { force: true })
  }

  /** Kills what a killed run has left behind; returns how many groups there were. */
  async killLeftovers(): Promise<number> {
    const pids = readdirSync(this.#directory).map(Number).filter(Number.isInteger)
    const alive = pids.filter((pid) => {
      const started = startOf(pid)
      return started === undefined || started === readFileSync(join(this.#directory, String(pid)), 'utf8')
    })
    const found = alive.filter((pid) => isGroup(pid))
    for (const pid of found) signalGroup(pid, 'SIGKILL')
    for (let waitedMs = 0; found.some(isGroup) && waitedMs < 5_000; waitedMs += 20) await delay(20)
    for (const pid of pids) this.remove(pid)
    return found.length
  }

  /** Starts a small process that kills every registered group when we are gone, however we went. */
  startWatchdog(): ChildProcess {
    const watchdog = spawn('sh', ['-c', watchdogScript, 'fairlead-watchdog', this.#directory], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
    })
    watchdog.on('error', () => undefined) // no sh: what is left is found at the next start
    watchdog.stdin?.on('error', () => undefined)
    watchdog.unref()
    return watchdog
  }
}

function isGroup(pid: number): boolean {
  try {
    process.kill(-pid, 0)
    return true
  } catch {
    return false
  }
}

/** Waits for the end of its input, that is of us; field 22 of /proc/PID/stat is when a process started. */
const watchdogScript = `
cat >/dev/null
for file in "$1"/*; do
  pid=\${file##*/}
  started=; read -r started < "$file" || [ -n "$started" ] || continue
  if read -r stat 2>/dev/null < "/proc/$pid/stat"; then
    set -- "$1" \${stat##*) }
    [ "\${21}" = "$started" ] || continue
  fi
  kill -s KILL -- "-$pid" 2>/dev/null
  rm -f "$file"
done
`
