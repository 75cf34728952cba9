// Drives identity by what the clusters say: which of them are Fairlead's to sign for, which share a root, and when a new
// root has reached every proxy.
import { type CertificateAuthority, type Delivery, fingerprint, type TrustSettings } from '../../identity/index.ts'
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
  /** What the proxies that are in sight here have acknowledged. */
  readonly delivery: Delivery
  /** Whether this replica writes to clusters; the others follow what is written. */
  readonly mayWrite: () => boolean
  readonly now: () => number
  readonly failed: (cluster: string, error: unknown) => void
  /** Told when a step is taken without all acknowledgements, since it took too long to get them. */
  readonly impatient: (cluster: string, what: string) => void
}

/** What each step of a change of root waits for, beside acknowledgements; milliseconds. */
export interface TrustPatience {
  /** At least: other replicas deliver too, and their proxies are not in sight here. */
  readonly leastMs: number
  /** For clusters that show the same root as this one, and do not trust the new one (they leave a mesh, or are told later). */
  readonly peersMs: number
  /** At most: a proxy that hangs must not keep all others from a new root. */
  readonly mostMs: number
}

const patience: TrustPatience = { leastMs: 500, peersMs: 10_000, mostMs: 60_000 }
const retryMs = 2000
const forgottenMs = 5000

export class TrustDriver {
  readonly #options: TrustDriverOptions
  readonly #patience: TrustPatience
  readonly #observer: Observer
  readonly #timer: NodeJS.Timeout
  readonly #done = new Map<string, string>()
  /** Since when something is waited for, and when that was last asked. */
  readonly #waiting = new Map<string, { readonly since: number; readonly asked: number }>()
  #soon: { readonly at: number; readonly timer: NodeJS.Timeout } | undefined
  #retryAt = 0
  #isQueued = false
  #running: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: TrustDriverOptions, waits: Partial<TrustPatience> = {}) {
    this.#options = options
    this.#patience = { ...patience, ...waits }
    this.#observer = options.engine.observe(() => this.check(), { canWait: true })
    this.#observer.watch(options.wanted, '')
    this.#timer = setInterval(() => this.check(), 1000)
    this.#timer.unref()
    this.check()
  }

  /** Resolves when what is due now is done, or has failed for now. */
  get idle(): Promise<void> {
    return this.#running
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    clearTimeout(this.#soon?.timer)
    this.#observer.close()
    await this.#running
  }

  /** Takes the steps that are due. One at a time, so that steps of one cluster never overtake each other. */
  check(): void {
    if (this.#isQueued || this.#stopped) return
    this.#isQueued = true
    this.#running = this.#running.then(() => {
      this.#isQueued = false
      return this.#step()
    })
  }

  async #step(): Promise<void> {
    if (this.#stopped) return
    const { authority, engine, wanted, failed } = this.#options
    const list = engine.get(wanted, '')
    for (const cluster of authority.clusters) {
      if (list.some((w) => w.cluster === cluster)) continue
      authority.forget(cluster)
      // It may come back as it was, for instance when a restart has shown its last known state first.
      this.#done.delete(cluster)
    }
    await Promise.all(list.map((each) => this.#follow(each)))
    if (!this.#options.mayWrite()) return
    try {
      await authority.advance({
        roots: (cluster, root) => this.#haveRoot(cluster, root),
        leaves: (cluster) => this.#haveLeaves(cluster),
      })
    } catch (error) {
      failed('', error)
    }
  }

  async #follow({ cluster, settings, seen }: WantedTrust): Promise<void> {
    const { authority, now, failed } = this.#options
    const target = `${JSON.stringify(settings)} ${seen}`
    const done = this.#done.get(cluster)
    if (done === target || (done === `failed ${target}` && now() < this.#retryAt)) return
    try {
      await authority.setTrust(cluster, settings)
      this.#done.set(cluster, target)
    } catch (error) {
      this.#done.set(cluster, `failed ${target}`)
      this.#retryAt = now() + retryMs
      failed(cluster, error)
    }
  }

  #haveRoot(cluster: string, root: string): boolean {
    const peersMs = this.#peersTrust(cluster, root) ? 0 : this.#patience.peersMs
    const what = `${cluster} trusts the root ${fingerprint(root)}`
    return this.#hasHappened(cluster, what, peersMs, () => this.#options.delivery.roots(cluster, root))
  }

  #haveLeaves(cluster: string): boolean {
    const what = `${cluster} shows leaves of the authority ${this.#options.authority.trust(cluster)?.active ?? ''}`
    return this.#hasHappened(cluster, what, 0, () => this.#options.delivery.leaves(cluster))
  }

  /** Whether those who are trusted now, since they show the same root, will trust this cluster's next one. */
  #peersTrust(cluster: string, root: string): boolean {
    const { authority } = this.#options
    const shown = authority.trust(cluster)?.shown ?? []
    const others = authority.clusters.filter((other) => other !== cluster).map((other) => authority.trust(other))
    return others
      .filter((other) => other?.shown.some((each) => shown.includes(each)))
      .every((other) => other?.roots.includes(root))
  }

  #hasHappened(cluster: string, what: string, extraMs: number, hasAcknowledged: () => boolean): boolean {
    const { now, impatient } = this.#options
    const { leastMs, mostMs } = this.#patience
    const before = this.#waiting.get(what)
    // What nobody has asked for a while was given up, and begins anew.
    const since = before && now() - before.asked < forgottenMs ? before.since : now()
    this.#waiting.set(what, { since, asked: now() })
    const leftMs = since + Math.max(leastMs, extraMs) - now()
    if (leftMs > 0) {
      this.#checkIn(leftMs)
      return false
    }
    if (hasAcknowledged()) return true
    if (now() - since < mostMs) return false
    this.#waiting.delete(what)
    impatient(cluster, what)
    return true
  }

  /** Looks again when the earliest of the waits is over. */
  #checkIn(ms: number): void {
    const at = this.#options.now() + ms
    if (this.#stopped || (this.#soon && this.#soon.at <= at)) return
    clearTimeout(this.#soon?.timer)
    const timer = setTimeout(() => {
      this.#soon = undefined
      this.check()
    }, ms)
    timer.unref()
    this.#soon = { at, timer }
  }
}
