// One container: started, watched by its probes, started again by the pod's restart policy, and ended.
import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { sleep } from '../../clusters/index.ts'
import { ConfigError } from './env.ts'
import { type ProbeTarget, probeOnce, runProbe } from './probes.ts'
import { type ProcessExit, type RunningProcess, StartError } from './processes/index.ts'
import type { Container, ContainerState, ContainerStatus } from './types.ts'

/** An image that the sandbox does not know. */
export class UnknownImage extends Error {
  override readonly name = 'UnknownImage'
}

/** A container that has been started. */
export interface Started {
  readonly process: RunningProcess
  /** Resolves when it takes requests; a container is not ready before. */
  readonly serving: Promise<void>
  readonly target: ProbeTarget
}

/** What a container needs of its pod. */
export interface ContainerHost {
  /** The container as the pod spec has it now. */
  spec(): Container
  /** Starts it for the nth time. Throws `UnknownImage`, `ConfigError`, `StartError`, or whatever the API server said. */
  start(container: Container, attempt: number): Promise<Started>
  restartPolicy(): 'Always' | 'OnFailure' | 'Never'
  /** How long a container that fails its probes may take to end. */
  graceMs(): number
  record(type: 'Normal' | 'Warning', reason: string, message: string): void
  /** The status is another one now. */
  changed(): void
  /** `name_namespace(uid)`, for messages. */
  readonly podText: string
  readonly uid: string
}

const firstBackoffMs = 10_000
const longestBackoffMs = 300_000
/** Failures of a container that has run for so long are forgotten. */
const forgiveAfterMs = 600_000
/** Probes that fail while a program starts are no news. */
const quietMs = 5_000

export class ContainerRunner {
  readonly name: string
  readonly #host: ContainerHost
  readonly #stop = new AbortController()
  #state: ContainerState
  #lastState: ContainerState = {}
  #restarts = 0
  #ready = false
  #started = false
  #backoffMs = 0
  #process: RunningProcess | undefined
  #respec = new AbortController()
  /** As it was at the last start. */
  #spec: Container | undefined
  #image: string | undefined
  #id = ''
  #stopping: Promise<void> | undefined
  /** Tells whoever waits that the container has been started successfully for the first time. */
  readonly firstStart = Promise.withResolvers<void>()

  /** `before`: what an earlier run of the kubelet has written of it. */
  constructor(name: string, host: ContainerHost, waitingFor: string, before?: ContainerStatus) {
    this.name = name
    this.#host = host
    this.#state = { waiting: { reason: waitingFor } }
    if (!before) return
    this.#restarts = before.restartCount
    this.#lastState = before.lastState
    const ran = before.state.running ?? before.state.terminated
    if (!ran) return
    this.#restarts++
    this.#lastState = before.state.running ? { terminated: lost(before) } : before.state
  }

  get isRunning(): boolean {
    return this.#process !== undefined
  }

  get isReady(): boolean {
    return this.#ready
  }

  get process(): RunningProcess | undefined {
    return this.#process
  }

  get restarts(): number {
    return this.#restarts
  }

  get state(): ContainerState {
    return this.#state
  }

  get status(): ContainerStatus {
    const image = this.#image ?? this.#host.spec().image ?? ''
    return {
      name: this.name,
      state: this.#state,
      lastState: this.#lastState,
      ready: this.#ready,
      started: this.#started,
      restartCount: this.#restarts,
      image,
      imageID: this.#id === '' ? '' : `fairlead://${image}`,
      ...(this.#id === '' ? {} : { containerID: this.#id }),
    }
  }

  /** Runs until the container is not to be started again, or has been stopped. Resolves with its last exit code. */
  async run(): Promise<number | undefined> {
    let exit: number | undefined
    while (!this.#stop.signal.aborted) {
      const startedAt = Date.now()
      exit = await this.#runOnce()
      if (this.#stop.signal.aborted || exit === undefined) break
      const policy = this.#host.restartPolicy()
      if (policy === 'Never' || (policy === 'OnFailure' && exit === 0)) break
      await this.#backOff(Date.now() - startedAt)
      if (!this.#stop.signal.aborted) this.#restarts++
    }
    return exit
  }

  /** The pod has changed: what failed may work now, and another image is another container. */
  respec(): void {
    if (isDeepStrictEqual(this.#spec, this.#host.spec())) return
    if (this.#image !== undefined && this.#host.spec().image !== this.#image) {
      this.#host.record('Normal', 'Killing', `Container ${this.name} definition changed, will be restarted`)
      this.#process?.signal('SIGTERM')
    }
    this.#respec.abort()
  }

  /** Ends the container for good: asks, and after the grace period kills. */
  stop(graceMs: number): Promise<void> {
    if (this.#stopping && graceMs > 0) return this.#stopping
    this.#stopping = this.#end(graceMs)
    return this.#stopping
  }

  async #end(graceMs: number): Promise<void> {
    this.#stop.abort()
    const running = this.#process
    if (!running) return
    const deadline = Date.now() + graceMs
    if (graceMs > 0) {
      this.#host.record('Normal', 'Killing', `Stopping container ${this.name}`)
      await this.#preStop(graceMs)
      running.signal('SIGTERM')
      const over = new AbortController()
      await Promise.race([running.exited, sleep(Math.max(0, deadline - Date.now()), over.signal)])
      over.abort()
    }
    if (this.#process === running) running.signal('SIGKILL')
    await running.exited
  }

  async #preStop(graceMs: number): Promise<void> {
    const hook = this.#host.spec().lifecycle?.preStop
    if (!hook || !this.#target) return
    const { ok, message } = await probeOnce(hook, this.#target, graceMs)
    if (!ok) this.#host.record('Warning', 'FailedPreStopHook', `PreStopHook failed: ${message}`)
  }

  #target: ProbeTarget | undefined

  /** One start to one end. Undefined: it was stopped before it had started. */
  async #runOnce(): Promise<number | undefined> {
    const started = await this.#start()
    if (started === undefined || typeof started === 'number') return started
    const { process, serving, target } = started
    const startedAt = new Date().toISOString().replace(/\.\d+Z$/, 'Z')
    const hash = createHash('sha256').update(`${this.#host.uid}/${this.name}/${this.#restarts}`).digest('hex')
    this.#id = `fairlead://${hash}`
    this.#process = process
    this.#target = target
    const container = this.#host.spec()
    this.#image = container.image
    this.#state = { running: { startedAt } }
    this.#host.record('Normal', 'Started', `Started container ${this.name}`)
    this.#host.changed()
    const ended = new AbortController()
    const life = AbortSignal.any([ended.signal, this.#stop.signal])
    void this.#watch(container, started, life)
    if (this.#stop.signal.aborted) process.signal('SIGKILL')
    void serving.then(() => this.firstStart.resolve())
    const exit = await process.exited
    ended.abort()
    this.#process = undefined
    this.#ended(exit, startedAt)
    return exit.code
  }

  #ended({ code }: ProcessExit, startedAt: string): void {
    const finishedAt = new Date().toISOString().replace(/\.\d+Z$/, 'Z')
    const reason = code === 0 ? 'Completed' : 'Error'
    this.#terminated({ exitCode: code, reason, startedAt, finishedAt, containerID: this.#id })
  }

  #terminated(terminated: NonNullable<ContainerState['terminated']>): void {
    this.#state = { terminated }
    this.#ready = false
    this.#started = false
    this.#host.changed()
  }

  /** Starts the process, waiting for whatever is missing; a number is the exit code of a start that failed. */
  async #start(): Promise<Started | number | undefined> {
    for (let pauseMs = 500; !this.#stop.signal.aborted; pauseMs = Math.min(pauseMs * 2, 10_000)) {
      const container = this.#host.spec()
      this.#spec = container
      this.#respec = new AbortController()
      try {
        const started = await this.#host.start(container, this.#restarts)
        this.#host.record('Normal', 'Created', `Created container: ${this.name}`)
        return started
      } catch (error) {
        if (error instanceof StartError) return this.#failedToStart(error)
        const waits = this.#complain(error, container)
        await sleep(waits === 'for the spec' ? 2 ** 31 - 1 : pauseMs, this.#stop.signal, this.#respec.signal)
      }
    }
    return undefined
  }

  #failedToStart(error: StartError): number {
    const message = `failed to create containerd task: failed to start container process: ${error.message}`
    this.#host.record('Warning', 'Failed', `Error: ${message}`)
    const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z')
    this.#terminated({
      exitCode: 128,
      reason: 'StartError',
      message,
      startedAt: '1970-01-01T00:00:00Z',
      finishedAt: now,
    })
    return 128
  }

  /** Says why a container waits; tells what for. */
  #complain(error: unknown, container: Container): 'for the spec' | 'for a while' {
    const message = error instanceof Error ? error.message : String(error)
    const wait = (reason: string, text: string): void => {
      if (this.#state.waiting?.reason === reason && this.#state.waiting.message === text) return
      this.#state = { waiting: { reason, message: text } }
      this.#host.changed()
    }
    if (error instanceof UnknownImage) {
      this.#host.record('Normal', 'Pulling', `Pulling image "${container.image}"`)
      this.#host.record('Warning', 'Failed', `Failed to pull image "${container.image}": ${message}`)
      this.#host.record('Warning', 'Failed', 'Error: ErrImagePull')
      this.#host.record('Normal', 'BackOff', `Back-off pulling image "${container.image}"`)
      wait('ImagePullBackOff', `Back-off pulling image "${container.image}": ErrImagePull: ${message}`)
      return 'for the spec'
    }
    if (error instanceof ConfigError) {
      this.#host.record('Warning', 'Failed', `Error: ${message}`)
      wait('CreateContainerConfigError', message)
    } else wait('CreateContainerError', message)
    return 'for a while'
  }

  /** Looks after a running container: hooks, probes, readiness. */
  async #watch(container: Container, { serving, target }: Started, life: AbortSignal): Promise<void> {
    const startedMs = Date.now()
    const hook = container.lifecycle?.postStart
    if (hook) {
      const { ok, message } = await probeOnce(hook, target, 60_000)
      if (!ok && !life.aborted) {
        this.#host.record('Warning', 'FailedPostStartHook', `PostStartHook failed: ${message}`)
        return this.#restart()
      }
    }
    const unhealthy = (kind: string) => (message: string) => {
      if (Date.now() - startedMs < quietMs) return
      this.#host.record('Warning', 'Unhealthy', `${kind} probe failed: ${message}`)
    }
    const failing = (kind: string) => (ok: boolean) => {
      if (ok || life.aborted) return
      this.#host.record('Normal', 'Killing', `Container ${this.name} failed ${kind} probe, will be restarted`)
      this.#restart()
    }
    const { startupProbe, livenessProbe, readinessProbe } = container
    if (startupProbe) {
      const begun = new AbortController()
      await runProbe({
        probe: startupProbe,
        target,
        eager: true,
        signal: AbortSignal.any([life, begun.signal]),
        onFailure: unhealthy('Startup'),
        onVerdict: (ok) => (ok ? begun.abort() : failing('startup')(ok)),
      })
    }
    if (life.aborted) return
    this.#started = true
    this.#host.changed()
    if (livenessProbe) {
      const onFailure = unhealthy('Liveness')
      void runProbe({
        probe: livenessProbe,
        target,
        eager: false,
        signal: life,
        onFailure,
        onVerdict: failing('liveness'),
      })
    }
    await Promise.race([serving, aborted(life)])
    if (!readinessProbe) return this.#setReady(true, life)
    const onVerdict = (ok: boolean): void => this.#setReady(ok, life)
    await runProbe({
      probe: readinessProbe,
      target,
      eager: true,
      signal: life,
      onFailure: unhealthy('Readiness'),
      onVerdict,
    })
  }

  #setReady(ready: boolean, life: AbortSignal): void {
    if (life.aborted || this.#ready === ready) return
    this.#ready = ready
    this.#host.changed()
  }

  #restart(): void {
    const running = this.#process
    if (!running) return
    running.signal('SIGTERM')
    const timer = setTimeout(() => running.signal('SIGKILL'), this.#host.graceMs())
    void running.exited.then(() => clearTimeout(timer))
  }

  async #backOff(ranMs: number): Promise<void> {
    if (ranMs > forgiveAfterMs) this.#backoffMs = 0
    const { terminated } = this.#state
    if (this.#backoffMs > 0) {
      const text = `restarting failed container=${this.name} pod=${this.#host.podText}`
      this.#host.record(
        'Warning',
        'BackOff',
        `Back-off restarting failed container ${this.name} in pod ${this.#host.podText}`,
      )
      if (terminated) this.#lastState = { terminated }
      const message = `back-off ${duration(this.#backoffMs)} ${text}`
      this.#state = { waiting: { reason: 'CrashLoopBackOff', message } }
      this.#host.changed()
      await sleep(this.#backoffMs, this.#stop.signal, this.#respec.signal)
    } else if (terminated) this.#lastState = { terminated }
    this.#backoffMs = this.#backoffMs === 0 ? firstBackoffMs : Math.min(this.#backoffMs * 2, longestBackoffMs)
  }
}

/** `10s`, `1m20s`, `5m0s`: durations as Kubernetes prints them. */
function duration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`
}

/** What became of a container that ran when the kubelet itself was ended. */
function lost(before: ContainerStatus): NonNullable<ContainerState['terminated']> {
  return {
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
    message: 'The container could not be located when the pod was started again',
    ...(before.state.running ? { startedAt: before.state.running.startedAt } : {}),
    finishedAt: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
    ...(before.containerID === undefined ? {} : { containerID: before.containerID }),
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
