import { gatewayNamePlace } from '../../discovery/index.ts'
import type { Engine, Observer, Query, Table } from '../../pipeline/index.ts'

/** What a name stands for, and for how long. */
export interface Resolved {
  readonly addresses: readonly string[]
  readonly ttlSeconds: number
}

export interface GatewayNamesOptions {
  readonly engine: Engine
  /** Where addresses go, by the place of their name. */
  readonly documents: Table<string>
  /** Names of gateways of networks, of all clusters. */
  readonly wanted: Query<string, readonly string[]>
  /** Rejects if the name cannot be resolved. */
  readonly resolve: (name: string) => Promise<Resolved>
  readonly log: (level: 'info' | 'warn', detail: Readonly<Record<string, unknown>>, text: string) => void
}

/** A change of a record is followed in this time at most, whatever its time to live: calls depend on it. */
const longestSeconds = 30
const shortestSeconds = 5

interface Known {
  timer: NodeJS.Timeout | undefined
  failing: boolean
}

/**
 * Keeps the addresses of gateways at hand whose load balancers have names instead: endpoints of other networks are
 * addresses. While a name cannot be resolved, the last known addresses stay in force.
 */
export class GatewayNames {
  readonly #options: GatewayNamesOptions
  readonly #known = new Map<string, Known>()
  readonly #observer: Observer
  #stopped = false

  constructor(options: GatewayNamesOptions) {
    this.#options = options
    this.#observer = options.engine.observe(() => this.#follow(), { canWait: true })
    this.#observer.watch(options.wanted, '')
    this.#follow()
  }

  stop(): void {
    this.#stopped = true
    this.#observer.close()
    for (const { timer } of this.#known.values()) clearTimeout(timer)
    this.#known.clear()
  }

  /** Takes up names that are new, and drops those that nobody has any more. */
  #follow(): void {
    const wanted = new Set(this.#options.engine.get(this.#options.wanted, ''))
    for (const [name, { timer }] of this.#known) {
      if (wanted.has(name)) continue
      clearTimeout(timer)
      this.#known.delete(name)
      this.#options.documents.delete(gatewayNamePlace(name))
    }
    for (const name of wanted) {
      if (this.#known.has(name)) continue
      this.#known.set(name, { timer: undefined, failing: false })
      void this.#resolve(name)
    }
  }

  async #resolve(name: string): Promise<void> {
    const { documents, resolve, log } = this.#options
    let seconds = shortestSeconds
    let why: string | undefined
    try {
      const { addresses, ttlSeconds } = await resolve(name)
      seconds = Math.min(longestSeconds, Math.max(shortestSeconds, ttlSeconds))
      if (this.#known.has(name)) documents.set(gatewayNamePlace(name), JSON.stringify([...addresses].sort()))
    } catch (error) {
      why = error instanceof Error ? error.message : String(error)
    }
    const known = this.#known.get(name)
    if (!known || this.#stopped) return
    if (why !== undefined && !known.failing) log('warn', { name, err: why }, 'cannot resolve the name of a gateway')
    if (why === undefined && known.failing) log('info', { name }, 'the name of a gateway is resolved again')
    known.failing = why !== undefined
    known.timer = setTimeout(() => void this.#resolve(name), seconds * 1000)
    known.timer.unref()
  }
}
