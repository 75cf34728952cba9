import { type KubeObject, objectKey } from '../resources/index.ts'
import { Backoff, sleep } from './backoff.ts'
import { ApiError, isGone, isNotFound, type KubeClient, type ResourceType, UnreachableError } from './client/index.ts'

/** Where a reflector's view comes from. `absent`: the server does not serve the kind. */
export type ReflectorState = 'starting' | 'listing' | 'watching' | 'absent' | 'failing' | 'stopped'

export interface ReflectorSink {
  /** The whole content, after a list. Objects that did not change are the same JavaScript objects as before. */
  replace(objects: ReadonlyMap<string, KubeObject>): void
  set(key: string, object: KubeObject): void
  delete(key: string): void
  /** Any byte from the server proves that it lives. */
  alive?(): void
  state?(state: ReflectorState, error: Error | undefined): void
}

export interface ReflectorOptions {
  readonly client: KubeClient
  readonly type: ResourceType
  readonly sink: ReflectorSink
  /** To spare traffic only: a server that does not know the field sends everything. */
  readonly fieldSelector?: string
  readonly labelSelector?: string
  /** Makes of an object what is kept: smaller, if possible. */
  readonly keep?: (object: KubeObject) => KubeObject
  /** What is known from before (a cache): in force until the first list. */
  readonly known?: ReadonlyMap<string, KubeObject>
  readonly timing?: Partial<ReflectorTiming>
}

export interface ReflectorTiming {
  readonly pageSize: number
  readonly firstRetryMs: number
  readonly maximumRetryMs: number
  /** Servers send a bookmark about once a minute. A watch that is silent for longer is dead, and is made anew. */
  readonly silenceMs: number
  /** How long a watch is asked to last. */
  readonly watchSeconds: number
  /** How long to wait before asking again for a kind that is not served, or that we may not read. */
  readonly refusedMs: number
}

const defaultTiming: ReflectorTiming = {
  pageSize: 500,
  firstRetryMs: 500,
  maximumRetryMs: 30_000,
  silenceMs: 90_000,
  watchSeconds: 300,
  refusedMs: 30_000,
}

/**
 * Keeps the objects of one kind of one cluster: lists them in pages, then watches from there on. What goes wrong is
 * met in the least costly way, and never by forgetting what is known:
 *
 *     watch ended, broken or silent   watch again from the last resourceVersion (bookmarks keep it young)
 *     410 Gone                        list again; objects that did not change keep their identity
 *     server away                     wait, longer each time, with jitter; `kick` ends the wait
 *     404 for the whole kind          the kind is gone, so are its objects
 */
export class Reflector {
  readonly type: ResourceType
  readonly #options: ReflectorOptions
  readonly #timing: ReflectorTiming
  readonly #stop = new AbortController()
  readonly #backoff: Backoff
  #objects: Map<string, KubeObject>
  #fieldSelector: string | undefined
  /** "" means: list first. */
  #resourceVersion = ''
  #state: ReflectorState = 'starting'
  #error: Error | undefined
  /** Asked for from outside, while an attempt was under way that may still write its resourceVersion. */
  #relist = false
  #reconnecting = false
  #attempt = new AbortController()
  #waiting: AbortController | undefined
  #running: Promise<void> | undefined

  constructor(options: ReflectorOptions) {
    this.type = options.type
    this.#options = options
    this.#timing = { ...defaultTiming, ...options.timing }
    this.#objects = new Map(options.known)
    this.#fieldSelector = options.fieldSelector
    this.#backoff = new Backoff({
      firstMs: this.#timing.firstRetryMs,
      maximumMs: this.#timing.maximumRetryMs,
    })
  }

  get state(): ReflectorState {
    return this.#state
  }

  get error(): Error | undefined {
    return this.#error
  }

  /** Where the next watch starts; '' = after a list. */
  get resourceVersion(): string {
    return this.#resourceVersion
  }

  get objects(): ReadonlyMap<string, KubeObject> {
    return this.#objects
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Ends a wait now: the server is back, or serves the kind now. */
  kick(): void {
    this.#backoff.reset()
    this.#waiting?.abort()
  }

  /** Gives up the connection that is in use and makes a new one: the server may not be there any more. */
  reconnect(): void {
    this.#reconnecting = true
    this.#attempt.abort()
    this.kick()
  }

  /** Starts anew from a list. */
  relist(): void {
    this.#resourceVersion = ''
    this.#relist = true
    this.reconnect()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    this.#attempt.abort()
    await this.#running
    this.#move('stopped', undefined)
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#attempt = new AbortController()
      if (this.#relist) this.#resourceVersion = ''
      this.#relist = false
      let waitMs: number
      try {
        if (this.#resourceVersion === '') await this.#list(this.#attempt.signal)
        waitMs = await this.#watch(this.#attempt.signal)
      } catch (error) {
        if (this.#stop.signal.aborted) return
        waitMs = this.#reconnecting ? 0 : this.#failed(error)
      }
      this.#reconnecting = false
      if (waitMs > 0) await this.#wait(waitMs)
    }
  }

  /** Decides how to go on after an error; returns how long to wait. */
  #failed(error: unknown): number {
    if (error instanceof ApiError && error.status === 400 && this.#fieldSelector !== undefined) {
      this.#fieldSelector = undefined // A server that cannot select by this field: take all.
      this.#resourceVersion = ''
      return 0
    }
    if (isGone(error)) {
      this.#resourceVersion = ''
      return this.#backoff.failures === 0 ? this.#backoff.next() / 10 : this.#backoff.next()
    }
    if (isNotFound(error)) {
      this.#resourceVersion = ''
      this.#adopt(new Map())
      this.#move('absent', undefined)
      return this.#timing.refusedMs
    }
    const known = error instanceof ApiError || error instanceof UnreachableError
    this.#move('failing', error instanceof Error ? error : new Error('unknown failure', { cause: error }))
    if (!known) this.#resourceVersion = '' // A defect of ours, perhaps half applied: start from a list.
    if (error instanceof ApiError && (error.status === 401 || error.status === 403)) return this.#timing.refusedMs
    return this.#backoff.next()
  }

  async #wait(ms: number): Promise<void> {
    this.#waiting = new AbortController()
    await sleep(ms, this.#waiting.signal, this.#stop.signal)
    this.#waiting = undefined
  }

  async #list(signal: AbortSignal): Promise<void> {
    if (this.#state !== 'failing') this.#move('listing', undefined)
    const { client, type, labelSelector } = this.#options
    const fieldSelector = this.#fieldSelector
    const next = new Map<string, KubeObject>()
    const selectors = { ...(fieldSelector && { fieldSelector }), ...(labelSelector && { labelSelector }) }
    let token = ''
    let limit: number | undefined = this.#timing.pageSize
    for (;;) {
      const options = { ...selectors, ...(limit !== undefined && { limit }), ...(token && { continue: token }) }
      try {
        const page = await client.list(type, options, signal)
        this.#options.sink.alive?.()
        for (const object of page.items) {
          const key = objectKey(object)
          const before = this.#objects.get(key)
          next.set(key, before !== undefined && isSame(before, object) ? before : this.#kept(object))
        }
        token = page.continue
        if (token === '') {
          this.#resourceVersion = page.resourceVersion
          break
        }
      } catch (error) {
        // The pages outlived their snapshot. Once more, in one piece.
        if (!isGone(error) || limit === undefined) throw error
        next.clear()
        token = ''
        limit = undefined
      }
    }
    this.#adopt(next)
  }

  #adopt(next: Map<string, KubeObject>): void {
    this.#objects = next
    this.#options.sink.replace(next)
  }

  /** Until the watch ends in an orderly way; returns how long to wait before the next one. */
  async #watch(signal: AbortSignal): Promise<number> {
    const { client, type, labelSelector, sink } = this.#options
    const fieldSelector = this.#fieldSelector
    const started = performance.now()
    const silence = new AbortController()
    let timer: NodeJS.Timeout | undefined
    const watchSeconds = Math.round(this.#timing.watchSeconds * (1 + Math.random()))
    try {
      const events = await client.watch(type, {
        resourceVersion: this.#resourceVersion,
        timeoutSeconds: watchSeconds,
        signal: AbortSignal.any([signal, silence.signal]),
        ...(fieldSelector && { fieldSelector }),
        ...(labelSelector && { labelSelector }),
      })
      this.#move('watching', undefined)
      sink.alive?.()
      timer = setTimeout(() => silence.abort(), this.#timing.silenceMs)
      for await (const event of events) {
        timer.refresh()
        sink.alive?.()
        this.#backoff.reset()
        this.#resourceVersion = event.object.metadata.resourceVersion ?? this.#resourceVersion
        if (event.type === 'BOOKMARK') continue
        const key = objectKey(event.object)
        if (event.type === 'DELETED') {
          this.#objects.delete(key)
          sink.delete(key)
        } else {
          const object = this.#kept(event.object)
          this.#objects.set(key, object)
          sink.set(key, object)
        }
      }
    } catch (error) {
      if (silence.signal.aborted && !this.#stop.signal.aborted) return 0 // Dead; the connection was given up.
      throw error
    } finally {
      clearTimeout(timer)
    }
    // A server that ends each watch at once must not be asked in a tight loop.
    return performance.now() - started < 1000 ? this.#backoff.next() : 0
  }

  #kept(object: KubeObject): KubeObject {
    return this.#options.keep?.(object) ?? object
  }

  #move(state: ReflectorState, error: Error | undefined): void {
    if (this.#state === state && this.#error?.message === error?.message) return
    this.#state = state
    this.#error = error
    this.#options.sink.state?.(state, error)
  }
}

function isSame(a: KubeObject, b: KubeObject): boolean {
  return a.metadata.uid === b.metadata.uid && a.metadata.resourceVersion === b.metadata.resourceVersion
}
