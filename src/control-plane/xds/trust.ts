// Drives identity by what the clusters say: which of them are Fairlead's to sign for, which share a root, and when a new
// root has reached every proxy.
import type { CertificateAuthority, TrustSettings } from '../../identity/index.ts'
import type { Engine, Observer, Query } from '../../pipeline/index.ts'

/** What is wanted of one cluster. */
export interface WantedTrust {
  readonly cluster: string
  readonly settings: TrustSettings
  /** Differs whenever one of the Secrets concerned has changed, so that the authority looks at them again. */
  readonly seen: string
}

export interface TrustDriverOptions {
  readonly engine: Engine
  readonly authority: CertificateAuthority
  readonly wanted: Query<string, readonly WantedTrust[]>
  /** Whether every proxy of a cluster trusts what it was last told to. */
  readonly delivered: (cluster: string) => boolean
  /** Whether this replica writes to clusters; the others follow what is written. */
  readonly mayWrite: () => boolean
  readonly now: () => number
  readonly failed: (cluster: string, error: unknown) => void
}

/** How long a root stays announced at least: other replicas deliver it too, and their proxies are not in sight here. */
const announceMs = 3000
const retryMs = 2000

export class TrustDriver {
  readonly #options: TrustDriverOptions
  readonly #observer: Observer
  readonly #timer: NodeJS.Timeout
  readonly #done = new Map<string, string>()
  readonly #announcedAt = new Map<string, number>()
  #retryAt = 0
  #running: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: TrustDriverOptions) {
    this.#options = options
    this.#observer = options.engine.observe(() => this.#queue(), { canWait: true })
    this.#observer.watch(options.wanted, '')
    this.#timer = setInterval(() => this.#queue(), 1000)
    this.#timer.unref()
    this.#queue()
  }

  /** Resolves when what is due now is done, or has failed for now. */
  get idle(): Promise<void> {
    return this.#running
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    this.#observer.close()
    await this.#running
  }

  // One at a time, so that steps of one cluster never overtake each other.
  #queue(): void {
    this.#running = this.#running.then(() => this.#step())
  }

  async #step(): Promise<void> {
    if (this.#stopped) return
    const { authority, engine, wanted, now, failed } = this.#options
    const list = engine.get(wanted, '')
    const isRetryDue = now() >= this.#retryAt
    for (const cluster of authority.clusters) {
      if (list.some((w) => w.cluster === cluster)) continue
      authority.forget(cluster)
      // It may come back as it was, for instance when a restart has shown its last known state first.
      this.#done.delete(cluster)
    }
    for (const { cluster, settings, seen } of list) {
      const target = `${JSON.stringify(settings)} ${seen}`
      const done = this.#done.get(cluster)
      if (done === target || (done === `failed ${target}` && !isRetryDue)) continue
      try {
        await authority.setTrust(cluster, settings)
        this.#done.set(cluster, target)
      } catch (error) {
        this.#done.set(cluster, `failed ${target}`)
        this.#retryAt = now() + retryMs
        failed(cluster, error)
      }
    }
    if (!this.#options.mayWrite()) return
    try {
      await authority.advance((cluster, root) => this.#isDelivered(cluster, root))
    } catch (error) {
      failed('', error)
    }
  }

  #isDelivered(cluster: string, root: string): boolean {
    const key = `${cluster} ${root}`
    const since = this.#announcedAt.get(key) ?? this.#options.now()
    this.#announcedAt.set(key, since)
    return this.#options.now() - since >= announceMs && this.#options.delivered(cluster)
  }
}
