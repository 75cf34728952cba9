// Keeps the status of one pod at the API server equal to what its kubelet sees.
import { isDeepStrictEqual } from 'node:util'
import { Backoff, isConflict, isNotFound, sleep } from '../../clusters/index.ts'
import { type KubeApi, resources } from '../controllers/client/index.ts'
import type { Pod, PodStatus } from './types.ts'

export interface StatusWriterOptions {
  readonly api: KubeApi
  readonly pod: () => Pod
  /** The status to write now; undefined while there is none to tell. */
  readonly compute: (before: PodStatus | undefined) => PodStatus | undefined
  readonly onError: (error: unknown) => void
}

/** Fields that are ours to clear when they no longer apply. */
const clearable = ['reason', 'message', 'podIP', 'podIPs', 'initContainerStatuses'] as const

/** Writes in the background, the newest state only, and again until it has been taken. */
export class StatusWriter {
  readonly #options: StatusWriterOptions
  readonly #stop = new AbortController()
  readonly #backoff = new Backoff({ firstMs: 100, maximumMs: 5_000 })
  #written: PodStatus | undefined
  #dirty = false
  #running: Promise<void> | undefined

  constructor(options: StatusWriterOptions) {
    this.#options = options
    this.#written = options.pod().status
  }

  /** Something that the status tells has changed. */
  touch(): void {
    this.#dirty = true
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
      if (this.#dirty && !this.#stop.signal.aborted) this.touch()
    })
  }

  /** Resolves when everything told so far has been written (or cannot be). */
  async flush(): Promise<void> {
    while (this.#running) await this.#running
  }

  close(): void {
    this.#stop.abort()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    // What changes in one go is written in one go.
    await Promise.resolve()
    while (this.#dirty && !signal.aborted) {
      this.#dirty = false
      const pod = this.#options.pod()
      const foreign = { ...this.#written, conditions: pod.status?.conditions ?? this.#written?.conditions ?? [] }
      const status = this.#options.compute(foreign)
      if (!status || isDeepStrictEqual(status, this.#written)) continue
      try {
        await this.#write(pod, status)
        this.#written = status
        this.#backoff.reset()
      } catch (error) {
        // Gone, or another pod of the same name by now.
        if (isNotFound(error) || isConflict(error)) return this.#stop.abort()
        this.#options.onError(error)
        this.#dirty = true
        await sleep(this.#backoff.next(), signal)
      }
    }
  }

  async #write(pod: Pod, status: PodStatus): Promise<void> {
    const cleared = Object.fromEntries(
      clearable.flatMap((field) =>
        this.#written?.[field] !== undefined && status[field] === undefined ? [[field, null]] : [],
      ),
    )
    const body = { metadata: { uid: pod.metadata.uid }, status: { ...cleared, ...status } }
    await this.#options.api.patch(resources.pods, pod.metadata, { type: 'merge', subresource: 'status', body })
  }
}
