// One pod, from its arrival on the node to the end of its last process.
import { rmSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Backoff, sleep } from '../../clusters/index.ts'
import { resources } from '../controllers/client/index.ts'
import type { ProgramFault } from '../images/index.ts'
import { proxyContainer, proxyImage, proxyPorts } from '../sidecar/index.ts'
import { ContainerRunner } from './container.ts'
import { type ContainerSurroundings, startContainer } from './launch.ts'
import { podStatus } from './pod-status.ts'
import { isSidecarContainer } from './ports.ts'
import { settlePod } from './settle.ts'
import type { NodeSite, PodSite } from './site.ts'
import { StatusWriter } from './status-writer.ts'
import { type Container, type ContainerStatus, isFinished, type Pod, type PodStatus } from './types.ts'

const longestDrainMs = 10_000
const volumeRefreshMs = 30_000

export class PodWorker {
  readonly #node: NodeSite
  readonly #status: StatusWriter
  readonly #closing = new AbortController()
  readonly #startTime: string
  readonly #init = new Map<string, ContainerRunner>()
  readonly #main = new Map<string, ContainerRunner>()
  /** A proxy that is not in the pod spec. */
  #injected: ContainerRunner | undefined
  readonly #surroundings = new Map<string, ContainerSurroundings>()
  #pod: Pod
  #site: PodSite | undefined
  #initialized = false
  #failure: { reason: string; message: string } | undefined
  #fault: ProgramFault = {}
  #stopped = false
  #ending: { grace: Promise<void>; untilMs: number } | undefined
  #over = false
  #closeNetwork: () => void = () => undefined

  constructor(node: NodeSite, pod: Pod) {
    this.#node = node
    this.#pod = pod
    this.#startTime = pod.status?.startTime ?? new Date().toISOString().replace(/\.\d+Z$/, 'Z')
    for (const container of pod.spec?.initContainers ?? [])
      this.#init.set(container.name, this.#runner(container, 'init'))
    for (const container of pod.spec?.containers ?? []) this.#main.set(container.name, this.#runner(container, 'main'))
    this.#status = new StatusWriter({
      api: node.api,
      pod: () => this.#pod,
      compute: (before) => this.#compute(before),
      onError: (error) => this.#log('status', error),
    })
    if (isFinished(pod)) this.#over = true
  }

  get pod(): Pod {
    return this.#pod
  }

  get site(): PodSite | undefined {
    return this.#site
  }

  /** A container of the pod, its proxy included. */
  container(name: string): ContainerRunner | undefined {
    if (name === proxyContainer && this.#injected) return this.#injected
    return this.#main.get(name) ?? this.#init.get(name)
  }

  surroundings(name: string): ContainerSurroundings | undefined {
    return this.#surroundings.get(name)
  }

  /** Starts whatever the pod needs; returns when it has come to its end, or has been closed. */
  async run(): Promise<void> {
    if (this.#pod.metadata.deletionTimestamp !== undefined) return this.terminate()
    if (this.#over) return
    this.#status.touch()
    const site = await this.#untilDone('settling', async () => settlePod(this.#node, this.#pod))
    if (!site) return
    this.#site = site
    if (this.#isLeaving) return this.#ending ? this.#ending.grace.then(() => this.#release()) : this.#release()
    this.#status.touch()
    await this.#untilDone('volumes', async () => site.volumes.refresh(this.#pod), 'FailedMount')
    if (this.#isLeaving) return
    void this.#refreshVolumes(site)
    if (site.proxy) this.#startInjected(site)
    else await this.#openNetwork(site)
    this.#watchDeadline()
    if (!(await this.#runInit())) return this.#finish()
    this.#initialized = true
    this.#status.touch()
    await Promise.all([...this.#main.values()].map((runner) => runner.run()))
    if (!this.#isLeaving) await this.#finish()
  }

  /** The API server has a newer version of the pod. */
  update(pod: Pod): void {
    const marked = pod.metadata.deletionTimestamp !== undefined
    this.#pod = pod
    if (marked) void this.terminate()
    else if (!this.#over) {
      for (const runner of [...this.#init.values(), ...this.#main.values()]) runner.respec()
      this.#status.touch()
    }
  }

  /** Ends the pod as its deletion asks, and then takes it away from the API server. */
  async terminate(): Promise<void> {
    const { deletionGracePeriodSeconds, deletionTimestamp } = this.#pod.metadata
    const graceMs = (deletionGracePeriodSeconds ?? this.#pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000
    const sinceMs = deletionTimestamp === undefined ? Date.now() : Date.parse(deletionTimestamp) - graceMs
    const untilMs = graceMs === 0 ? 0 : Math.max(Date.now() + 1000, sinceMs + graceMs)
    if (this.#ending) {
      // Asked again, with less patience.
      if (untilMs < this.#ending.untilMs - 1000) this.#kill()
      return this.#ending.grace
    }
    const grace = this.#end(graceMs === 0 ? 0 : Math.max(0, untilMs - Date.now()))
    this.#ending = { grace, untilMs }
    await grace
  }

  /** The pod is gone from the API server: so are its processes. */
  async removed(): Promise<void> {
    this.#kill()
    await this.#stopAll(0)
    this.#release()
  }

  /** The kubelet ends; the pod stays as it is written, and starts anew with the next kubelet. */
  close(): void {
    this.#closing.abort()
    this.#status.close()
    this.#kill()
    this.#site?.proxy?.close()
    this.#closeNetwork()
  }

  /** What the programs do to requests from now on; undefined ends it. */
  setProgramFault(fault: ProgramFault | undefined): void {
    this.#fault = fault ?? {}
    for (const name of this.#names()) this.#applyFault(name)
  }

  /** Signals all processes, the proxy's included, or those of one container. Those that are started while the pod is stopped are stopped too. */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT', only?: string): void {
    if (only === undefined && signal !== 'SIGKILL') this.#stopped = signal === 'SIGSTOP'
    for (const name of this.#names())
      if (only === undefined || name === only) this.container(name)?.process?.signal(signal)
  }

  get #isLeaving(): boolean {
    return this.#closing.signal.aborted || this.#ending !== undefined || this.#over
  }

  #names(): string[] {
    return [...this.#init.keys(), ...this.#main.keys(), ...(this.#injected ? [proxyContainer] : [])]
  }

  #runner(container: Container, kind: 'init' | 'main' | 'injected'): ContainerRunner {
    const { name } = container
    const list = kind === 'init' ? 'initContainers' : 'containers'
    const { uid = '', namespace = '' } = this.#pod.metadata
    const before = kind === 'init' ? this.#pod.status?.initContainerStatuses : this.#pod.status?.containerStatuses
    const waitsForInit = kind === 'main' && (this.#pod.spec?.initContainers ?? []).length > 0
    const known = before?.find((status) => status.name === name)
    return new ContainerRunner(
      name,
      {
        spec: () => this.#pod.spec?.[list]?.find((c) => c.name === name) ?? container,
        start: async (spec, attempt) => {
          if (!this.#site) throw new Error('the pod has no place yet')
          const started = await startContainer(this.#site, this.#pod, spec, attempt)
          this.#surroundings.set(name, started.surroundings)
          queueMicrotask(() => this.#applyFault(name))
          return started
        },
        restartPolicy: () => this.#restartPolicy(container, kind),
        graceMs: () => (this.#pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000,
        record: (type, reason, message) => this.#node.events.record(this.#pod, type, reason, message),
        changed: () => this.#status.touch(),
        podText: `${this.#pod.metadata.name}_${namespace}(${uid})`,
        uid,
      },
      waitsForInit ? 'PodInitializing' : 'ContainerCreating',
      known,
    )
  }

  #restartPolicy(container: Container, kind: 'init' | 'main' | 'injected'): 'Always' | 'OnFailure' | 'Never' {
    const policy = this.#pod.spec?.restartPolicy ?? 'Always'
    if (kind === 'injected' || container.restartPolicy === 'Always') return 'Always'
    if (kind === 'init') return policy === 'Never' ? 'Never' : 'OnFailure'
    return policy
  }

  #startInjected(site: PodSite): void {
    const spec = this.#pod.spec?.containers ?? []
    if (!site.proxied || spec.some(isSidecarContainer)) return
    this.#injected = this.#runner({ name: proxyContainer, image: proxyImage }, 'injected')
    void this.#injected.run()
  }

  async #openNetwork({ address }: PodSite): Promise<void> {
    this.#closeNetwork = await this.#node.network.open(this.#pod.metadata.namespace ?? '', address, proxyPorts.outbound)
    if (this.#over || this.#closing.signal.aborted) this.#closeNetwork()
  }

  /** Runs init containers one after the other; false if one of them has failed for good. */
  async #runInit(): Promise<boolean> {
    for (const container of this.#pod.spec?.initContainers ?? []) {
      const runner = this.#init.get(container.name)
      if (!runner || this.#isLeaving) return false
      if (container.restartPolicy === 'Always') {
        void runner.run()
        await Promise.race([runner.firstStart.promise, aborted(this.#closing.signal)])
      } else if ((await runner.run()) !== 0) return false
    }
    return !this.#isLeaving
  }

  /** Does something that may have to wait for the API server or for other objects; undefined if the pod left first. */
  async #untilDone<T>(what: string, act: () => Promise<T>, reason?: string): Promise<T | undefined> {
    const backoff = new Backoff({ firstMs: 300, maximumMs: 5_000 })
    while (!this.#isLeaving) {
      try {
        return await act()
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        if (reason === undefined) this.#log(what, error)
        else this.#node.events.record(this.#pod, 'Warning', reason, `MountVolume.SetUp failed: ${message}`)
        await sleep(backoff.next(), this.#closing.signal)
      }
    }
    return undefined
  }

  async #refreshVolumes(site: PodSite): Promise<void> {
    const { signal } = this.#closing
    while (!this.#isLeaving) {
      await sleep(volumeRefreshMs, signal)
      if (this.#isLeaving) return
      await site.volumes.refresh(this.#pod).catch((error: unknown) => this.#log('volumes', error))
    }
  }

  #watchDeadline(): void {
    const seconds = this.#pod.spec?.activeDeadlineSeconds
    if (seconds === undefined) return
    const leftMs = Date.parse(this.#startTime) + seconds * 1000 - Date.now()
    void sleep(Math.max(0, leftMs), this.#closing.signal).then(async () => {
      if (this.#isLeaving) return
      const message = 'Pod was active on the node longer than the specified deadline'
      this.#failure = { reason: 'DeadlineExceeded', message }
      await this.#finish()
    })
  }

  /** All containers have ended for good: the pod stays as a record of it. */
  async #finish(): Promise<void> {
    if (this.#isLeaving) return
    this.#over = true
    await this.#stopAll(2_000)
    this.#site?.proxy?.close()
    this.#closeNetwork()
    this.#status.touch()
    await this.#status.flush()
    if (this.#site) this.#node.addresses.release(this.#site.address)
  }

  async #end(graceMs: number): Promise<void> {
    const { name, namespace = '', uid = '' } = this.#pod.metadata
    const deadline = Date.now() + graceMs
    if (!this.#over && graceMs > 0) await this.#drain(graceMs)
    await this.#stopAll(Math.max(0, deadline - Date.now()))
    this.#over = true
    await this.#status.flush()
    this.#status.close()
    this.#release()
    const backoff = new Backoff({ firstMs: 200, maximumMs: 5_000 })
    while (!this.#closing.signal.aborted) {
      try {
        return void (await this.#node.api.delete(resources.pods, { name, namespace }, { gracePeriodSeconds: 0, uid }))
      } catch (error) {
        if (error instanceof Error && 'status' in error && error.status === 409) return
        this.#log('delete', error)
        await sleep(backoff.next(), this.#closing.signal)
      }
    }
  }

  async #drain(graceMs: number): Promise<void> {
    if (this.#stopped) return
    await this.#site?.proxy?.drain(Math.min(longestDrainMs, graceMs / 2), this.#closing.signal)
  }

  /** Stops programs first, then what served them. */
  async #stopAll(graceMs: number): Promise<void> {
    const deadline = Date.now() + graceMs
    const left = (leastMs: number): number => (graceMs === 0 ? 0 : Math.max(leastMs, deadline - Date.now()))
    const spec = [...(this.#pod.spec?.containers ?? [])]
    const isProxy = (name: string): boolean => spec.some((c) => c.name === name && isSidecarContainer(c))
    const main = [...this.#main.values()]
    await Promise.all(main.filter((r) => !isProxy(r.name)).map((runner) => runner.stop(left(0))))
    for (const runner of [...this.#init.values()].reverse()) await runner.stop(left(500))
    await Promise.all(main.map((runner) => runner.stop(left(500))))
    await this.#injected?.stop(left(500))
    this.#site?.proxy?.close()
  }

  #kill(): void {
    for (const name of this.#names()) void this.container(name)?.stop(0)
  }

  #release(): void {
    const site = this.#site
    this.#closeNetwork()
    if (!site) return
    this.#site = undefined
    this.#node.addresses.release(site.address)
    try {
      rmSync(site.folder, { recursive: true, force: true })
    } catch (error) {
      this.#log('folder', error)
    }
  }

  #applyFault(name: string): void {
    const process = this.container(name)?.process
    if (!process) return
    if (process.child.connected) process.child.send({ fault: this.#fault })
    if (this.#stopped) process.signal('SIGSTOP')
  }

  #compute(before: PodStatus | undefined): PodStatus | undefined {
    const proxy = this.#injected?.status
    const init = [...this.#init.values()].map(({ status }): ContainerStatus => {
      const isSidecar = this.#pod.spec?.initContainers?.find((c) => c.name === status.name)?.restartPolicy === 'Always'
      return isSidecar ? status : { ...status, ready: status.state.terminated?.exitCode === 0 }
    })
    const view = {
      hostIP: this.#node.hostIP,
      podIP: this.#site?.address ?? (this.#over ? before?.podIP : undefined),
      startTime: this.#startTime,
      init,
      initialized: this.#initialized,
      main: [...this.#main.values()].map((runner) => runner.status),
      proxy,
      failure: this.#failure,
    }
    return podStatus(this.#pod, view, before, new Date().toISOString().replace(/\.\d+Z$/, 'Z'))
  }

  #log(what: string, error: unknown): void {
    if (this.#closing.signal.aborted) return
    const { namespace, name } = this.#pod.metadata
    this.#node.log(`pod ${namespace}/${name}: ${what}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await delay(1 << 30, undefined, { signal }).catch(() => undefined)
}
