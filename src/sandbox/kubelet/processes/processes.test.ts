import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ProcessTable, StartError } from './index.ts'

let folder = ''
let table: ProcessTable
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-processes-'))
  table = new ProcessTable(join(folder, 'pids'))
})
afterEach(async () => {
  await table.close()
  rmSync(folder, { recursive: true, force: true })
})

const env = { PATH: process.env['PATH'] ?? '' }

function isAlive(pid: number): boolean {
  try {
    // A zombie has ended, though its id is still taken.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

test('exit codes are told as a shell tells them', async () => {
  const ended = table.start({ argv: ['sh', '-c', 'exit 3'], env, cwd: folder })
  expect(await ended.exited).toEqual({ code: 3, signal: undefined })
  const killed = table.start({ argv: ['sleep', '60'], env, cwd: folder })
  killed.signal('SIGTERM')
  expect(await killed.exited).toEqual({ code: 143, signal: 'SIGTERM' })
})

test('a program that is not there is an error in the words of a container runtime', () => {
  const start = (name: string): unknown => table.start({ argv: [name], env, cwd: folder })
  expect(() => start('no-such-program')).toThrow(StartError)
  expect(() => start('no-such-program')).toThrow('exec: "no-such-program": executable file not found in $PATH')
  expect(() => start('/no/such')).toThrow('exec: "/no/such": stat /no/such: no such file or directory')
})

test('what a process started ends with it', async () => {
  const running = table.start({ argv: ['sh', '-c', 'sleep 60 & echo $!; exit 0'], env, cwd: folder })
  let output = ''
  running.child.stdout?.on('data', (text: Buffer) => {
    output += text.toString()
  })
  await running.exited
  await expect.poll(() => isAlive(Number(output))).toBe(false)
  expect(readdirSync(join(folder, 'pids'))).toEqual([])
})

/** A run of its own, which starts `sh` with a child, prints both ids, and waits. */
const runner = `
const { ProcessTable } = await import(process.argv[1])
const table = new ProcessTable(process.argv[2])
if (process.argv[3] === 'watched') await table.open()
const one = table.start({ argv: ['sh', '-c', 'sleep 60 & echo $!; wait'], env: process.env, cwd: process.argv[2] + '/..' })
one.child.stdout.on('data', (text) => console.log(one.pid + ' ' + text))
`

async function killedRun(how: 'watched' | 'unwatched'): Promise<{ leader: number; child: number }> {
  const module = fileURLToPath(new URL('./index.ts', import.meta.url))
  const args = ['--input-type=module', '-e', runner, module, join(folder, 'pids'), how]
  const run = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const text = await new Promise<string>((resolve) => run.stdout.once('data', (t: Buffer) => resolve(t.toString())))
  const [leader = 0, child = 0] = text.trim().split(/\s+/).map(Number)
  expect(isAlive(child)).toBe(true)
  run.kill('SIGKILL')
  return { leader, child }
}

test('after kill -9 nothing stays', async () => {
  const { leader, child } = await killedRun('watched')
  await expect.poll(() => isAlive(leader) || isAlive(child), { timeout: 5_000 }).toBe(false)
  await expect.poll(() => existsSync(join(folder, 'pids', String(leader)))).toBe(false)
})

test('what stays all the same is found at the next start', async () => {
  const { child } = await killedRun('unwatched')
  expect(await table.open()).toBe(1)
  expect(isAlive(child)).toBe(false)
  expect(await table.open()).toBe(0)
})
