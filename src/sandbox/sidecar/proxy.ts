// An Envoy process beside a pod: started when the pod has a certificate, drained before the program stops.
import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { CertificateAgent } from './agent.ts'
import { bootstrap, proxyFiles, secretFiles } from './bootstrap.ts'
import { proxyEnvironment } from './inject.ts'
import { type ProxyOptions, proxyPorts } from './options.ts'

/** How an Envoy ended. */
export interface ProxyExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Proxy {
  readonly pid: number | undefined
  /** For the pod's programs: where their proxy is. */
  readonly environment: Readonly<Record<string, string>>
  /** Resolves when the process has ended, by itself or by `stop`. */
  readonly exited: Promise<ProxyExit>
  readonly logFile: string
  /** Whether Envoy has its configuration and takes requests (admin `/ready`). */
  ready(): Promise<boolean>
  /** Asks clients to go elsewhere: fails health checks and closes listeners gracefully. Before the program is stopped. */
  drain(): Promise<void>
  /** Ends the process: SIGTERM, and SIGKILL after `graceMs`. */
  stop(graceMs: number): Promise<void>
  /** Sends a signal (SIGSTOP, SIGCONT, SIGKILL: for faults). */
  signal(name: NodeJS.Signals): void
}

const adminTimeoutMs = 1000
const drainSeconds = 10
const parentDeath = ['--pdeathsig', 'KILL', '--']

/**
 * Gets a certificate for the pod, writes the bootstrap and starts Envoy. Resolves when the process runs (not: when it is
 * ready); rejects if it cannot be started. `setpriv`: the path of setpriv(1), so that Envoy dies with this process.
 */
export async function startProxy(options: ProxyOptions & { readonly setpriv?: string | undefined }): Promise<Proxy> {
  const { directory } = options
  const files = proxyFiles(directory)
  mkdirSync(directory, { recursive: true })
  const agent = new CertificateAgent(options)
  await agent.start()
  for (const { path, content } of secretFiles(directory)) writeFileSync(path, JSON.stringify(content))
  writeFileSync(files.bootstrap, JSON.stringify(bootstrap(options), undefined, 2))
  const child = await launch(options, files)
  return new RunningProxy(options, child, agent, files.log)
}

function launch(
  options: ProxyOptions & { readonly setpriv?: string | undefined },
  files: ReturnType<typeof proxyFiles>,
): Promise<ChildProcess> {
  const args = [
    '--config-path',
    files.bootstrap,
    '--disable-hot-restart', // two Envoys of one machine would clash on their base id
    '--concurrency',
    '1',
    '--drain-time-s',
    String(drainSeconds),
    '--parent-shutdown-time-s',
    String(drainSeconds + 5),
    '--drain-strategy',
    'immediate',
    '--file-flush-interval-msec',
    '250',
    '--log-level',
    'warning',
  ]
  const [command, all] = options.setpriv
    ? [options.setpriv, [...parentDeath, options.envoyPath, ...args]]
    : [options.envoyPath, args]
  const log = createWriteStream(files.log, { flags: 'a' })
  const child = spawn(command, all, { stdio: ['ignore', 'pipe', 'pipe'], cwd: options.directory })
  child.stdout?.pipe(log, { end: false })
  child.stderr?.pipe(log, { end: false })
  child.once('close', () => log.end())
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(child))
    child.once('error', reject)
  })
}

class RunningProxy implements Proxy {
  readonly environment: Readonly<Record<string, string>>
  readonly exited: Promise<ProxyExit>
  readonly logFile: string
  readonly #options: ProxyOptions
  readonly #child: ChildProcess
  readonly #agent: CertificateAgent

  constructor(options: ProxyOptions, child: ChildProcess, agent: CertificateAgent, logFile: string) {
    this.#options = options
    this.#child = child
    this.#agent = agent
    this.logFile = logFile
    this.environment = proxyEnvironment(options.address, proxyPorts.outbound)
    this.exited = new Promise((resolve) =>
      child.once('exit', (code, signal) => {
        agent.stop()
        resolve({ code, signal })
      }),
    )
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  async ready(): Promise<boolean> {
    return (await this.#admin('GET', '/ready')) === 200
  }

  async drain(): Promise<void> {
    await this.#admin('POST', '/healthcheck/fail')
    await this.#admin('POST', '/drain_listeners?graceful&skip_exit')
  }

  async stop(graceMs: number): Promise<void> {
    this.#agent.stop()
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGCONT')
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), graceMs)
    await this.exited
    clearTimeout(timer)
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Status of an admin request; 0 if Envoy does not answer (not up yet, stopped, or gone). */
  #admin(method: string, path: string): Promise<number> {
    return new Promise((resolve) => {
      const outgoing = request(
        { host: this.#options.address, port: proxyPorts.admin, method, path, timeout: adminTimeoutMs, agent: false },
        (incoming) => {
          incoming.resume()
          resolve(incoming.statusCode ?? 0)
        },
      )
      outgoing.on('timeout', () => outgoing.destroy())
      outgoing.on('error', () => resolve(0))
      outgoing.end()
    })
  }
}
