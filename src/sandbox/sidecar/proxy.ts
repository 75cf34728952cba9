// An Envoy process beside a pod: started when the pod has a certificate, drained before the program stops.
import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { CertificateAgent } from './agent.ts'
import { bootstrap, proxyFiles } from './bootstrap.ts'
import { proxyEnvironment } from './inject.ts'
import { type ProxyOptions, proxyPorts } from './options.ts'
import { turns } from './turns.ts'

/** How an Envoy ended. */
export interface ProxyExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Proxy {
  readonly pid: number | undefined
  readonly child: ChildProcess
  /** For the pod's programs: where their proxy is. */
  readonly environment: Readonly<Record<string, string>>
  /** Resolves when the process has ended, by itself or by `stop`. */
  readonly exited: Promise<ProxyExit>
  readonly logFile: string
  /** Whether Envoy has its configuration and takes requests (admin `/ready`). */
  ready(): Promise<boolean>
  /**
   * Asks clients to go elsewhere, before the program is stopped: health checks fail, and each answer says that the
   * connection is to be closed. New requests are still served; what programs behind a sidecar send is left alone.
   */
  drain(): Promise<void>
  /** Requests under way, in either direction; 0 if Envoy does not answer. */
  activeRequests(): Promise<number>
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
  const { directory, signal } = options
  const files = proxyFiles(directory)
  mkdirSync(directory, { recursive: true })
  const agent = new CertificateAgent(options)
  const giveUp = (): void => agent.stop()
  signal?.addEventListener('abort', giveUp)
  await agent.start()
  signal?.removeEventListener('abort', giveUp)
  signal?.throwIfAborted()
  writeFileSync(files.bootstrap, JSON.stringify(bootstrap(options), undefined, 2))
  const done = await turns.take()
  try {
    const child = await launch(options, files)
    const proxy = new RunningProxy(options, child, agent, files.log)
    void giveBack(proxy, done)
    return proxy
  } catch (error) {
    agent.stop()
    done()
    throw error
  }
}

const warmUpMs = 15_000

/** An Envoy that starts needs a core for itself: the next one has to wait until it is up, has ended, or takes too long. */
async function giveBack(proxy: Proxy, done: () => void): Promise<void> {
  let ended = false
  void proxy.exited.then(() => {
    ended = true
  })
  for (const end = Date.now() + warmUpMs; Date.now() < end && !ended && !(await proxy.ready()); ) await delay(50)
  done()
}

function launch(
  options: ProxyOptions & { readonly setpriv?: string | undefined },
  files: ReturnType<typeof proxyFiles>,
): Promise<ChildProcess> {
  const args = [
    '--config-path',
    files.bootstrap,
    '--disable-hot-restart', // two Envoys of one machine would clash on their base id
    ...(options.concurrency === 0 ? [] : ['--concurrency', String(options.concurrency ?? 1)]),
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
  if (options.spawn) return Promise.resolve(options.spawn([options.envoyPath, ...args], options.directory))
  const [command, all] = options.setpriv
    ? [options.setpriv, [...parentDeath, options.envoyPath, ...args]]
    : [options.envoyPath, args]
  const log = createWriteStream(files.log, { flags: 'a' })
  log.on('error', (error) => options.log(`${files.log}: ${error.message}`)) // a full disk must not end the pod
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

  get child(): ChildProcess {
    return this.#child
  }

  async ready(): Promise<boolean> {
    return (await this.#admin('GET', '/ready')).status === 200
  }

  async drain(): Promise<void> {
    await this.#admin('POST', '/healthcheck/fail')
    const inbound = this.#options.role === 'sidecar' ? '&inboundonly' : ''
    await this.#admin('POST', `/drain_listeners?graceful&skip_exit${inbound}`)
  }

  async activeRequests(): Promise<number> {
    const { body } = await this.#admin('GET', '/stats?filter=downstream_rq_active$')
    // Requests of the administration interface, of which this is one, do not count.
    const counts = body.matchAll(/^http\.(?!admin\.|fairlead_).*: (\d+)$/gm)
    return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
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

  /** An admin request; status 0 if Envoy does not answer (not up yet, stopped, or gone). */
  #admin(method: string, path: string): Promise<{ status: number; body: string }> {
    const silent = { status: 0, body: '' }
    return new Promise((resolve) => {
      const outgoing = request(
        { host: this.#options.address, port: proxyPorts.admin, method, path, timeout: adminTimeoutMs, agent: false },
        (incoming) => {
          const chunks: Buffer[] = []
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
          incoming.on('error', () => resolve(silent))
          incoming.on('end', () =>
            resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
          )
        },
      )
      outgoing.on('timeout', () => outgoing.destroy())
      outgoing.on('error', () => resolve(silent))
      outgoing.end()
    })
  }
}
