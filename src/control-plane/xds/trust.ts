// Drives identity by what the clusters say: which of them are Fairlead's to sign for, which share a root, and when a new
// root has reached every proxy.
import { type CertificateAuthority, type Delivery, fingerprint, type TrustSettings } from '../../identity/index.ts'
import type { Engine, Observer, Query, Table } from '../../pipeline/index.ts'

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
  /** Takes why a cluster has not the trust that is wanted of it, by cluster. */
  readonly failures: Table<string>
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
  /** A Vault is asked again so often whether it signs with the same certificate: nobody else tells. */
  readonly vaultMs: number
}

const patience: TrustPatience = { leastMs: 500, peersMs: 10_000, mostMs: 60_000, vaultMs: 300_000 }
const firstRetryMs = 2000
/** A Vault that is away is not to be stormed; a cluster that is back is to have its certificates at once. */
const lastRetryMs = { vault: 60_000, kubernetes: firstRetryMs }
const forgottenMs = 5000

type Task = 'trust' | 'renewal'

/** What became of a task of a cluster the last time. */
interface Done {
  readonly target: string
  readonly failures: number
  readonly error: string | undefined
  /** Not to be done again before, unless there is another target. */
  readonly nextAt: number
}

interface Attempt {
  readonly cluster: string
  readonly task: Task
  readonly target: string
  /** After a success. */
  readonly againMs: number
  /** After failures, at most. */
  readonly mostMs: number
}

export class TrustDriver {
  readonly #options: TrustDriverOptions
  readonly #patience: TrustPatience
  readonly #observer: Observer
  readonly #timer: NodeJS.Timeout
  /** By cluster and task. */
  readonly #done = new Map<string, Done>()
  /** Steps of one cluster never overtake each other, and a cluster whose authority is slow keeps no other waiting. */
  readonly #visits = new Map<string, { running: Promise<void>; again: boolean }>()
  /** Since when something is waited for, and when that was last asked. */
  readonly #waiting = new Map<string, { readonly since: number; readonly asked: number }>()
  #soon: { readonly at: number; readonly timer: NodeJS.Timeout } | undefined
  #queued: Promise<void> | undefined
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
    return this.#idle()
  }

  async #idle(): Promise<void> {
    await this.#queued
    await Promise.all([...this.#visits.values()].map(({ running }) => running))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    clearTimeout(this.#soon?.timer)
    this.#observer.close()
    await this.#idle()
  }

  /** Takes the steps that are due. */
  check(): void {
    if (this.#stopped) return
    this.#queued ??= Promise.resolve().then(() => {
      this.#queued = undefined
      this.#step()
    })
  }

  #step(): void {
    if (this.#stopped) return
    const { authority, engine, wanted, failures } = this.#options
    const list = engine.get(wanted, '')
    const isWanted = (cluster: string): boolean => list.some((w) => w.cluster === cluster)
    for (const cluster of [...authority.clusters, ...failures.rows.keys()]) {
      if (isWanted(cluster)) continue
      authority.forget(cluster)
      // It may come back as it was, for instance when a restart has shown its last known state first.
      for (const task of ['trust', 'renewal'] as const) this.#done.delete(`${cluster} ${task}`)
      failures.delete(cluster)
    }
    for (const { cluster } of list) this.#visit(cluster)
  }

  #visit(cluster: string): void {
    const known = this.#visits.get(cluster)
    if (known) {
      known.again = true
      return
    }
    const visit = { again: true, running: Promise.resolve() }
    this.#visits.set(cluster, visit)
    visit.running = (async () => {
      while (visit.again && !this.#stopped) {
        visit.again = false
        await this.#follow(cluster)
      }
      this.#visits.delete(cluster)
    })()
  }

  async #follow(cluster: string): Promise<void> {
    const { authority, engine, wanted, mayWrite } = this.#options
    const own = engine.get(wanted, '').find((each) => each.cluster === cluster)
    if (!own) return
    const { settings, seen } = own
    const target = `${JSON.stringify(settings)} ${seen}`
    const isVault = settings.root.kind === 'vault'
    const mostMs = isVault ? lastRetryMs.vault : lastRetryMs.kubernetes
    const againMs = isVault ? this.#patience.vaultMs : Number.POSITIVE_INFINITY
    await this.#attempt({ cluster, task: 'trust', target, againMs, mostMs }, () =>
      authority.setTrust(cluster, settings),
    )
    if (!mayWrite()) return
    await this.#attempt({ cluster, task: 'renewal', target: '', againMs: 0, mostMs }, () =>
      authority.advance(cluster, {
        roots: (of, root) => this.#haveRoot(of, root),
        leaves: (of) => this.#haveLeaves(of),
      }),
    )
  }

  /** Does a task that is due, and notes when it is due again: soon after a failure, ever later after several. */
  async #attempt({ cluster, task, target, againMs, mostMs }: Attempt, action: () => Promise<void>): Promise<void> {
    const { now, failed } = this.#options
    const key = `${cluster} ${task}`
    const before = this.#done.get(key)
    if (before?.target === target && now() < before.nextAt) return
    try {
      await action()
      this.#done.set(key, { target, failures: 0, error: undefined, nextAt: now() + againMs })
    } catch (error) {
      const failures = before?.target === target ? before.failures + 1 : 1
      const waitMs = Math.min(mostMs, firstRetryMs * 2 ** (failures - 1))
      const message = error instanceof Error ? error.message : String(error)
      this.#done.set(key, { target, failures, error: message, nextAt: now() + waitMs })
      failed(cluster, error)
    }
    this.#publish(cluster)
  }

  #publish(cluster: string): void {
    const { failures } = this.#options
    const errors = (['trust', 'renewal'] as const).flatMap((task) => this.#done.get(`${cluster} ${task}`)?.error ?? [])
    const text = [...new Set(errors)].join('; ')
    if (text === (failures.latest(cluster) ?? '')) return
    if (text === '') failures.delete(cluster)
    else failures.set(cluster, text)
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
