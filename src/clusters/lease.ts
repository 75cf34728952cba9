import type { KubeObject } from '../resources/index.ts'
import { sleep } from './backoff.ts'
import { isConflict, isNotFound, type KubeClient, type ResourceType } from './client/index.ts'

export interface LeaseTiming {
  /** How long the holder may be silent before another one may take over. */
  readonly durationMs: number
  /** How often the holder renews, and the others look. */
  readonly retryMs: number
}

export interface LeaseOptions {
  readonly client: KubeClient
  /** Made if it is missing. */
  readonly namespace: string
  readonly name: string
  /** Differs between processes. */
  readonly identity: string
  /** Called with true when this process becomes the holder, with false when it may not act as one any more. */
  readonly changed: (isHolder: boolean) => void
  readonly failed?: (error: Error) => void
  readonly timing?: LeaseTiming
}

interface LeaseSpec {
  holderIdentity?: string
  leaseDurationSeconds?: number
  acquireTime?: string
  renewTime?: string
  leaseTransitions?: number
}

const leases: ResourceType = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
}
const namespaces: ResourceType = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
}
const defaultTiming: LeaseTiming = { durationMs: 6000, retryMs: 1000 }

/**
 * One holder among several processes, by a `coordination.k8s.io` Lease. As Kubernetes' own components do it: clocks of
 * different machines are never compared; who watches a Lease counts from when it last saw it change. The holder stops
 * acting when it could not renew for two thirds of the duration, that is before anybody else may begin.
 */
export class LeaseElection {
  readonly #options: LeaseOptions
  readonly #timing: LeaseTiming
  readonly #stop = new AbortController()
  #held: KubeObject<LeaseSpec> | undefined
  #seen: { readonly version: string; readonly atMs: number } | undefined
  #isHolder = false
  #holder = ''
  #renewedMs = 0
  #running: Promise<void> | undefined
  #expiry: NodeJS.Timeout | undefined

  constructor(options: LeaseOptions) {
    this.#options = options
    this.#timing = options.timing ?? defaultTiming
  }

  get isHolder(): boolean {
    return this.#isHolder
  }

  /** Identity of the holder as last seen; "" if unknown. */
  get holder(): string {
    return this.#holder
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Ends it, and gives the Lease back so that another one can take over at once. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
    clearTimeout(this.#expiry)
    const held = this.#isHolder ? this.#held : undefined
    this.#move(false)
    if (held === undefined) return
    try {
      await this.#options.client.update(leases, this.#lease(held, { ...held.spec, holderIdentity: '' }))
    } catch (error) {
      this.#options.failed?.(error as Error) // It runs out by itself.
    }
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#try()
      } catch (error) {
        if (!isConflict(error)) this.#options.failed?.(error as Error)
      }
      await sleep(this.#timing.retryMs * (0.9 + 0.2 * Math.random()), this.#stop.signal)
    }
  }

  async #try(): Promise<void> {
    const { client, name, namespace, identity } = this.#options
    const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${name}`
    const asked = performance.now()
    let lease: KubeObject<LeaseSpec> | undefined
    try {
      lease = await client.request<KubeObject<LeaseSpec>>('GET', path, { timeoutMs: this.#timing.retryMs * 2 })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
    const version = lease?.metadata.resourceVersion ?? ''
    if (this.#seen?.version !== version) this.#seen = { version, atMs: performance.now() }
    this.#holder = lease?.spec?.holderIdentity ?? ''
    const mine = this.#holder === identity
    const waitMs = Math.max(this.#timing.durationMs, (lease?.spec?.leaseDurationSeconds ?? 0) * 1000)
    const expired = performance.now() - this.#seen.atMs > waitMs
    if (this.#holder !== '' && !mine && !expired) return this.#move(false)
    const now = new Date().toISOString().replace('Z', '000Z') // MicroTime.
    const spec: LeaseSpec = {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(this.#timing.durationMs / 1000),
      acquireTime: mine ? (lease?.spec?.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: (lease?.spec?.leaseTransitions ?? 0) + (mine || lease === undefined ? 0 : 1),
    }
    const next = this.#lease(lease, spec)
    // The answer is the Lease that was sent.
    this.#held = (await (lease === undefined ? this.#create(next) : client.update(leases, next))) as typeof next
    this.#holder = identity
    this.#renewedMs = asked
    this.#move(true)
  }

  async #create(lease: KubeObject): Promise<KubeObject> {
    const { client, namespace } = this.#options
    try {
      return await client.create(leases, lease)
    } catch (error) {
      if (!isNotFound(error)) throw error
      await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
      return await client.create(leases, lease)
    }
  }

  #lease(before: KubeObject<LeaseSpec> | undefined, spec: LeaseSpec): KubeObject<LeaseSpec> {
    const { name, namespace } = this.#options
    const metadata = before?.metadata ?? { name, namespace }
    return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec }
  }

  #move(isHolder: boolean): void {
    clearTimeout(this.#expiry)
    if (isHolder) {
      const leftMs = this.#renewedMs + (this.#timing.durationMs * 2) / 3 - performance.now()
      this.#expiry = setTimeout(() => this.#move(false), Math.max(0, leftMs))
    }
    if (this.#isHolder === isHolder) return
    this.#isHolder = isHolder
    this.#options.changed(isHolder)
  }
}
