// Terminals for commands, without native code: util-linux's `script` makes one, `stty` tells it how large it is.
import { execFile, spawnSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

let hasScript: boolean | undefined

/** A command with a terminal around it; undefined where `script` is missing, and the command runs without one. */
export function withTerminal(argv: readonly string[]): string[] | undefined {
  hasScript ??= spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0
  if (!hasScript) return undefined
  const quoted = argv.map((text) => `'${text.replaceAll("'", "'\\''")}'`).join(' ')
  return ['script', '-qfec', `exec ${quoted}`, '/dev/null']
}

/** How to change the size of the terminal that the `script` of this id has made. */
export function resizer(pid: number): (columns: number, rows: number) => void {
  let last: Promise<void> = Promise.resolve()
  return (columns, rows) => {
    last = last.then(() => resize(pid, columns, rows))
  }
}

async function resize(pid: number, columns: number, rows: number): Promise<void> {
  // The program inside may not be there yet.
  for (let attempt = 0; attempt < 20; attempt++) {
    const terminal = terminalOf(pid)
    if (terminal !== undefined) {
      const args = ['-F', terminal, 'cols', String(columns), 'rows', String(rows)]
      return new Promise((resolve) => {
        execFile('stty', args, () => resolve()) // a program that has ended has no size
      })
    }
    await delay(25)
  }
}

/** The terminal of the program that `script` runs. */
function terminalOf(pid: number): string | undefined {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
    const path = readlinkSync(`/proc/${child}/fd/0`)
    return path.startsWith('/dev/pts/') ? path : undefined
  } catch {
    return undefined
  }
}
