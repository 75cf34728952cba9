// `fairlead serve`, started as users start it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Child, keepRunning } from './child.ts'
import { type ClusterAccess, kubeconfigFor, writeKubeconfig } from './kubeconfig.ts'

export interface ControlPlaneOptions {
  /** The clusters to watch from the start, each by its own name; the first is the management cluster, if any is. */
  readonly clusters: readonly { readonly name: string; readonly access: ClusterAccess }[]
  /** For its cache and its log. */
  readonly directory: string
  readonly ports: { readonly xds: number; readonly http: number; readonly xdsPlaintext?: number }
  /** As the flag of `fairlead serve`. */
  readonly workloadCertTtl?: string | undefined
  /** As the flag of `fairlead serve`. */
  readonly nameServers?: readonly string[] | undefined
  readonly onExit: (how: string) => void
}

const root = join(import.meta.dirname, '../../..')

const wrongUsage = 'exit code 2'
const mostEnds = 3

/** As in the first line of bin/fairlead.mjs: V8 would let the young generation grow to 128 MB before it looks after it. */
const nodeFlags = ['--max-semi-space-size=16']

/** The command line of `fairlead`, as a child of ours runs it. */
export function fairleadCommand(args: readonly string[]): { command: string; args: string[] } {
  return { command: process.execPath, args: [...nodeFlags, join(root, 'bin/fairlead.mjs'), ...args] }
}

export class ControlPlane {
  readonly options: ControlPlaneOptions
  readonly logFile: string
  private child: Child | undefined
  /** How it has ended since it was ready last. */
  private readonly ends: string[] = []

  constructor(options: ControlPlaneOptions) {
    this.options = options
    this.logFile = join(options.directory, 'logs', 'control-plane.log')
  }

  get pid(): number | undefined {
    return this.child?.id?.pid
  }

  get xds(): string {
    return `127.0.0.1:${this.options.ports.xds}`
  }

  get http(): string {
    return `127.0.0.1:${this.options.ports.http}`
  }

  start(): void {
    if (this.child) return
    const { clusters, directory, ports, workloadCertTtl, nameServers = [], onExit } = this.options
    const folder = join(directory, 'control-plane')
    const kubeconfig = join(folder, 'kubeconfig')
    writeKubeconfig(kubeconfig, kubeconfigFor(clusters.map(({ name, access }) => ({ ...access, context: name }))))
    const names = clusters.map(({ name }) => name)
    const plaintext = ports.xdsPlaintext === undefined ? [] : [`127.0.0.1:${ports.xdsPlaintext}`]
    const open = { '--http': [this.http], '--xds': [this.xds], '--xds-plaintext': plaintext }
    const lifetime = workloadCertTtl === undefined ? [] : [workloadCertTtl]
    const kept = { '--cluster-name': names.slice(0, 1), '--state-dir': [join(folder, 'state')] }
    const more = { ...kept, '--workload-cert-ttl': lifetime, '--name-server': nameServers }
    const flags = { '--kubeconfig': [kubeconfig], '--context': names, ...open, ...more }
    const given = Object.entries(flags).filter(([, values]) => values.length > 0)
    const serve = fairleadCommand(['serve', ...given.flat(2)])
    const ended = (how: string): void => {
      this.ends.push(how)
      onExit(how)
    }
    this.child = keepRunning({ name: 'control plane', ...serve, logFile: this.logFile, onExit: ended })
  }

  /** Whether it answers that it is ready. */
  async isReady(): Promise<boolean> {
    try {
      const answer = await fetch(`http://${this.http}/ready`, { signal: AbortSignal.timeout(2000) })
      await answer.body?.cancel()
      return answer.ok
    } catch {
      return false
    }
  }

  /** Rejects at once if it refuses its flags, or ends again and again: waiting helps with neither. */
  async awaitReady(withinMs: number, signal?: AbortSignal): Promise<void> {
    for (const end = Date.now() + withinMs; Date.now() < end; await delay(100)) {
      signal?.throwIfAborted()
      if (await this.isReady()) {
        this.ends.length = 0
        return
      }
      const last = this.ends.at(-1)
      if (last !== undefined && (last === wrongUsage || this.ends.length >= mostEnds))
        throw new Error(`the control plane ends with ${last}: ${lastLine(this.logFile)}; its log: ${this.logFile}`)
    }
    throw new Error(`the control plane is not ready after ${withinMs / 1000} s; its log: ${this.logFile}`)
  }

  async restart(): Promise<void> {
    await this.child?.restart()
  }

  /** Kills it without a word; it stays down until `start`. */
  async kill(): Promise<void> {
    const { child } = this
    this.child = undefined
    await child?.kill()
  }

  /** Stops the process without ending it, or lets it go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    const id = this.child?.id
    if (id) process.kill(id.pid, signal)
  }

  async stop(): Promise<void> {
    await this.child?.stop()
    this.child = undefined
  }
}

/** The last line of a log that says something; of a line of JSON what it says. */
export function lastLine(file: string): string {
  const line = readFileSync(file, 'utf8').trimEnd().split('\n').at(-1) ?? ''
  if (!line.startsWith('{')) return line
  const { msg, err } = JSON.parse(line) as { msg?: string; err?: unknown }
  return [msg, err].filter((part) => typeof part === 'string').join(': ')
}
