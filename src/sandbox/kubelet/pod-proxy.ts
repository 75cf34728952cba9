// The Envoy of one pod, over all its starts.
import type { ChildProcess } from 'node:child_process'
import { sleep } from '../../clusters/index.ts'
import { type Proxy, type ProxyOptions, startProxy } from '../sidecar/index.ts'
import type { ProcessTable, RunningProcess } from './processes/index.ts'

/** How long a pod goes on serving after it was told to end, so that everybody has heard that it is going. */
const leastDrainMs = 2_000

export class PodProxy {
  readonly #options: ProxyOptions
  readonly #stop = new AbortController()
  #current: Proxy | undefined

  constructor(options: ProxyOptions) {
    this.#options = options
  }

  /** Starts Envoy when the pod has a certificate, which may take as long as the control plane is away. */
  async start(
    processes: ProcessTable,
    env: Readonly<Record<string, string>>,
  ): Promise<{ process: RunningProcess; serving: Promise<void> }> {
    let running: RunningProcess | undefined
    const spawn = (argv: readonly string[], cwd: string): ChildProcess => {
      running = processes.start({ argv, env, cwd })
      return running.child
    }
    const proxy = await startProxy({ ...this.#options, signal: this.#stop.signal, spawn })
    this.#current = proxy
    if (!running) throw new Error('the proxy was not started as a process of the pod')
    return { process: running, serving: untilReady(proxy) }
  }

  /** Goes on serving while the news spreads that the pod is going, and until what is under way is done. */
  async drain(longestMs: number, signal: AbortSignal): Promise<void> {
    const proxy = this.#current
    if (!proxy || !(await proxy.ready())) return
    const end = Date.now() + longestMs
    await proxy.drain()
    await sleep(Math.min(leastDrainMs, longestMs), signal)
    while (Date.now() < end && !signal.aborted && (await proxy.activeRequests()) > 0) await sleep(200, signal)
  }

  /** Gives up waiting for a certificate; the process is ended by who started it. */
  close(): void {
    this.#stop.abort()
  }
}

async function untilReady(proxy: Proxy): Promise<void> {
  const over = new AbortController()
  void proxy.exited.then(() => over.abort())
  while (!over.signal.aborted && !(await proxy.ready())) await sleep(50, over.signal)
}
