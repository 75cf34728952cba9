import { type KeyPlace, keyPlaceName, type WantedKeys } from '../../mesh/index.ts'
import type { Engine, Observer, Query, Table } from '../../pipeline/index.ts'
import type { Problem } from '../../report/index.ts'
import type { KeptKeys, KeyStore } from './kept-keys.ts'

export interface TokenKeysOptions {
  readonly engine: Engine
  /** Where the keys go, by name of their place. */
  readonly documents: Table<string>
  /** What rules of all clusters need; a place may occur several times. */
  readonly wanted: Query<string, readonly WantedKeys[]>
  /** Fetches the key set of a place; rejects with a sentence that says why it cannot. */
  readonly fetch: (place: KeyPlace, signal: AbortSignal) => Promise<string>
  /** Where keys are remembered over a restart; undefined remembers none. */
  readonly store: KeyStore | undefined
  readonly log: (level: 'info' | 'warn', detail: Readonly<Record<string, unknown>>, text: string) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Issuers change their keys announced, days ahead; the same interval as istiod's. */
const refreshMs = 20 * 60_000
const firstRetryMs = 1000
const lastRetryMs = 5 * 60_000
const atOnce = 8
const tickMs = 500

/** What is known of one place. */
interface Fetching {
  readonly place: KeyPlace
  kept: KeptKeys | undefined
  /** Failures since the last success. */
  failures: number
  dueAt: number
  running: Promise<void> | undefined
}

/**
 * Keeps the keys of token issuers at hand: fetches those that some RequestAuthentication needs, again from time to time,
 * and goes on with the last good ones while an issuer is away.
 */
export class TokenKeys {
  /** Why keys cannot be had, at the fields that say where they are. */
  readonly problems: Query<string, readonly Problem[]>
  readonly #options: TokenKeysOptions
  readonly #failed: Table<string>
  readonly #places = new Map<string, Fetching>()
  readonly #remembered: ReadonlyMap<string, KeptKeys>
  readonly #observer: Observer
  readonly #timer: NodeJS.Timeout
  readonly #stopped = new AbortController()

  constructor(options: TokenKeysOptions) {
    this.#options = options
    const { engine, wanted, store } = options
    this.#remembered = store?.load() ?? new Map()
    this.#failed = engine.table<string>('token keys failed')
    this.problems = engine.define<string, readonly Problem[]>('token key problems', (read) =>
      read.query(wanted, '').flatMap(({ place, wantedBy }) => {
        const why = read.get(this.#failed, keyPlaceName(place))
        if (why === undefined) return []
        return wantedBy.map(({ object, path }) => ({
          code: 'keys-not-available',
          severity: 'warning',
          object,
          path,
          message: why,
        }))
      }),
    )
    this.#observer = engine.observe(() => this.#follow(), { canWait: true })
    this.#observer.watch(wanted, '')
    this.#timer = setInterval(() => this.#start(), tickMs)
    this.#timer.unref()
    this.#follow()
  }

  /** Resolves when what is being fetched now has arrived, or cannot. */
  async settle(): Promise<void> {
    if (!this.#stopped.signal.aborted) this.#follow()
    const waiting = (): Promise<void>[] => [...this.#places.values()].flatMap(({ running }) => running ?? [])
    while (waiting().length > 0) await Promise.all(waiting())
  }

  stop(): void {
    this.#stopped.abort()
    clearInterval(this.#timer)
    this.#observer.close()
    this.#places.clear()
  }

  /** Takes up what is newly wanted, and drops what is wanted no more. */
  #follow(): void {
    const { engine, wanted, documents } = this.#options
    const places = new Map(engine.get(wanted, '').map(({ place }) => [keyPlaceName(place), place]))
    for (const name of this.#places.keys()) {
      if (places.has(name)) continue
      this.#places.delete(name)
      this.#failed.delete(name)
      documents.delete(name)
    }
    for (const [name, place] of places) {
      if (this.#places.has(name)) continue
      const kept = this.#remembered.get(name)
      if (kept) documents.set(name, kept.keys)
      this.#places.set(name, { place, kept, failures: 0, dueAt: 0, running: undefined })
    }
    this.#start()
  }

  #start(): void {
    if (this.#stopped.signal.aborted) return
    const all = [...this.#places.values()]
    let free = atOnce - all.filter(({ running }) => running !== undefined).length
    for (const each of all) {
      if (free <= 0) return
      if (each.running || each.dueAt > this.#options.now()) continue
      free--
      each.running = this.#fetch(each).finally(() => {
        each.running = undefined
        this.#start()
      })
    }
  }

  async #fetch(each: Fetching): Promise<void> {
    const { fetch, now, log, documents } = this.#options
    const name = keyPlaceName(each.place)
    let keys: string | undefined
    let why = ''
    try {
      keys = await fetch(each.place, this.#stopped.signal)
    } catch (error) {
      why = error instanceof Error ? error.message : String(error)
    }
    if (this.#places.get(name) !== each) return
    if (keys === undefined) {
      each.failures++
      each.dueAt = now() + Math.min(lastRetryMs, firstRetryMs * 2 ** (each.failures - 1))
      const effect = each.kept ? 'the last known ones stay in force' : 'tokens of this issuer are refused'
      this.#failed.set(name, `keys cannot be fetched, so ${effect}: ${why}`)
      if (each.failures === 1) log('warn', { ...each.place, err: why }, 'cannot fetch the keys of a token issuer')
      return
    }
    if (each.failures > 0) log('info', { ...each.place }, 'fetched the keys of a token issuer')
    const isNew = each.kept?.keys !== keys
    each.failures = 0
    each.kept = { keys, at: now() }
    each.dueAt = now() + refreshMs
    this.#failed.delete(name)
    documents.set(name, keys)
    if (isNew) this.#remember()
  }

  #remember(): void {
    const kept = [...this.#places].flatMap(([name, each]) => (each.kept ? [[name, each.kept] as const] : []))
    try {
      this.#options.store?.save(new Map(kept))
    } catch (error) {
      const err = error instanceof Error ? error.message : String(error)
      this.#options.log('warn', { err }, 'cannot remember the keys of token issuers on disk')
    }
  }
}
