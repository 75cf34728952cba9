// The processes that a benchmark starts, and what the one under test says of itself.
import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { stringify } from 'yaml'

const root = join(import.meta.dirname, '../..')

/** Starts `node ARGS` in the repository's root, its output in `log`; it ends with this process. */
export function startNode(args: readonly string[], log: string): ChildProcess {
  const child = spawn(process.execPath, [...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  const file = createWriteStream(log)
  child.stdout?.pipe(file, { end: false })
  child.stderr?.pipe(file, { end: false })
  process.once('exit', () => child.kill('SIGKILL'))
  return child
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGTERM')
  const hard = setTimeout(() => child.kill('SIGKILL'), 20_000)
  await ended
  clearTimeout(hard)
}

const patienceSeconds = 60

/** Asks until `ask` answers something; rejects with its last error when that takes too long. */
export async function answer<T>(
  ask: () => Promise<T | undefined>,
  what: string,
  seconds = patienceSeconds,
): Promise<T> {
  const end = Date.now() + seconds * 1000
  let error: unknown
  while (Date.now() < end) {
    try {
      const value = await ask()
      if (value !== undefined) return value
    } catch (failed) {
      error = failed
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`waited ${seconds} s for ${what}`, { cause: error })
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

/** Several kubeconfigs' only clusters as contexts of one. */
export function mergedKubeconfig(
  members: readonly { name: string; server: string; ca: string; token: string }[],
): string {
  const [first] = members
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: members.map(({ name, server, ca }) => ({ name, cluster: { server, 'certificate-authority-data': ca } })),
    users: members.map(({ name, token }) => ({ name, user: { token } })),
    contexts: members.map(({ name }) => ({ name, context: { cluster: name, user: name } })),
    'current-context': first?.name ?? '',
  })
}

/** What `/metrics` of a control plane says, summed over labels unless `by` names one. */
export interface Vitals {
  readonly cpuSeconds: number
  readonly residentBytes: number
  /** Values computed again so far, by query. */
  readonly recomputed: ReadonlyMap<string, number>
}

export async function vitals(http: string): Promise<Vitals> {
  const text = await (await fetch(`http://${http}/metrics`)).text()
  const single = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN)
  const recomputed = new Map(
    [...text.matchAll(/^fairlead_recomputed_total\{query="([^"]*)"\} (\S+)$/gm)].map(([, query, n]) => [
      query ?? '',
      Number(n),
    ]),
  )
  return {
    cpuSeconds: single('fairlead_process_cpu_seconds_total'),
    residentBytes: single('fairlead_process_resident_memory_bytes'),
    recomputed,
  }
}
