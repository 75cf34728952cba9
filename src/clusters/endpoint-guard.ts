import type { KubeObject } from '../resources/index.ts'

/** Takes the slices that are in force. */
export interface SliceSink {
  set(key: string, slice: KubeObject): void
  delete(key: string): void
}

export interface GuardOptions {
  readonly sink: SliceSink
  /** The pod of an endpoint, by `namespace/name`, as the cluster shows it now. */
  readonly pod: (key: string) => KubeObject | undefined
  readonly changed: (held: Held | undefined) => void
  /** Milliseconds of a steady clock. */
  readonly now: () => number
  readonly after: (delayMs: number, run: () => void) => () => void
  readonly settings?: Partial<GuardSettings>
}

/** What is held back. */
export interface Held {
  /** Ready endpoints that the source does not name any more. */
  readonly lost: number
  /** Of so many. */
  readonly of: number
}

export interface GuardSettings {
  /** Losses within this time are one step. */
  readonly windowMs: number
  /** A step that loses more than this share… */
  readonly share: number
  /** …and at least so many endpoints… */
  readonly atLeast: number
  /** …is held back for so long, or until it is accepted, or until the endpoints are back. */
  readonly holdMs: number
}

const defaults: GuardSettings = { windowMs: 5_000, share: 0.5, atLeast: 20, holdMs: 300_000 }

interface Slice extends KubeObject {
  endpoints?: { conditions?: { ready?: boolean | null }; targetRef?: { kind?: string; name?: string } }[] | null
}

/**
 * Stands between one cluster's EndpointSlices and the rest. A source that loses most of its ready endpoints in one step
 * (an API server that was restored from an old backup, a controller gone wrong) is not believed at once: what was there
 * stays in force, what is new is added, and the loss is reported. A loss is believed if the pods explain it: they were
 * deleted or are not ready. Pods that are missing from a list without a word explain nothing.
 */
export class EndpointGuard {
  readonly #options: GuardOptions
  readonly #settings: GuardSettings
  /** What the source says. */
  readonly #said = new Map<string, KubeObject>()
  #total = 0
  /** Start of the current step: how much there was, and the slices that changed since, as they were. */
  #base: { atMs: number; total: number; before: Map<string, KubeObject | undefined> }
  #held: Held | undefined
  #cancel: (() => void) | undefined
  /** Pods that went missing in a list, among many. */
  #vanished = new Set<string>()

  constructor(options: GuardOptions) {
    this.#options = options
    this.#settings = { ...defaults, ...options.settings }
    this.#base = { atMs: options.now(), total: 0, before: new Map() }
  }

  get held(): Held | undefined {
    return this.#held
  }

  replace(slices: ReadonlyMap<string, KubeObject>): void {
    const changes: [string, KubeObject | undefined][] = []
    for (const key of this.#said.keys()) if (!slices.has(key)) changes.push([key, undefined])
    for (const [key, slice] of slices) if (this.#said.get(key) !== slice) changes.push([key, slice])
    this.#change(changes)
  }

  /** A list that is believed whatever it lacks: what was known before is too old to be held against it. */
  adopt(slices: ReadonlyMap<string, KubeObject>): void {
    this.#begin(this.#options.now())
    this.#base.total = 0
    this.replace(slices)
    this.accept()
    this.#begin(this.#options.now())
  }

  set(key: string, slice: KubeObject): void {
    this.#change([[key, slice]])
  }

  delete(key: string): void {
    this.#change([[key, undefined]])
  }

  /** A list of pods came: those that it leaves out, if they are many, were not seen to go. */
  podsListed(before: ReadonlySet<string>, now: ReadonlyMap<string, KubeObject>): void {
    const missing = [...before].filter((key) => !now.has(key))
    const isMass = missing.length >= this.#settings.atLeast && missing.length > before.size * this.#settings.share
    this.#vanished = new Set(isMass ? missing : [])
  }

  /** Believes the source from now on. */
  accept(): void {
    if (this.#held === undefined) return
    const changed = [...this.#base.before.keys()]
    this.#release()
    for (const key of changed) this.#pass(key, this.#said.get(key))
  }

  stop(): void {
    this.#cancel?.()
  }

  #change(changes: readonly (readonly [string, KubeObject | undefined])[]): void {
    const now = this.#options.now()
    if (this.#held === undefined && now - this.#base.atMs > this.#settings.windowMs) this.#begin(now)
    for (const [key, slice] of changes) {
      const before = this.#said.get(key)
      if (!this.#base.before.has(key)) this.#base.before.set(key, before)
      if (slice === undefined) this.#said.delete(key)
      else this.#said.set(key, slice)
      this.#total += ready(slice) - ready(before)
    }
    if (this.#held !== undefined) return this.#whileHeld(changes)
    if (this.#total > this.#base.total) this.#begin(now) // Losses are measured from the highest point.
    if (!this.#isLoss() || this.#isExplained()) {
      for (const [key, slice] of changes) this.#pass(key, slice)
      return
    }
    this.#hold()
  }

  #begin(now: number): void {
    this.#base = { atMs: now, total: this.#total, before: new Map() }
  }

  #isLoss(): boolean {
    const lost = this.#base.total - this.#total
    return lost >= this.#settings.atLeast && lost > this.#base.total * this.#settings.share
  }

  /** At least half of the endpoints that were lost belong to pods that are seen to be gone, going, or not ready. */
  #isExplained(): boolean {
    let explained = 0
    let lost = 0
    for (const [key, before] of this.#base.before) {
      const still = new Set(readyPods(this.#said.get(key)))
      const gone = readyPods(before).filter((pod) => !still.has(pod))
      lost += Math.max(gone.length, ready(before) - ready(this.#said.get(key)))
      explained += gone.filter((pod) => !this.#vanished.has(pod) && !isServing(this.#options.pod(pod))).length
    }
    return explained * 2 >= lost
  }

  /** Puts back what this step has taken away so far. */
  #hold(): void {
    for (const [key, before] of this.#base.before)
      this.#pass(key, ready(before) > ready(this.#said.get(key)) ? before : this.#said.get(key))
    this.#cancel = this.#options.after(this.#settings.holdMs, () => this.accept())
    this.#report()
  }

  #whileHeld(changes: readonly (readonly [string, KubeObject | undefined])[]): void {
    if (!this.#isLoss()) return this.accept()
    for (const [key, slice] of changes) {
      const before = this.#base.before.get(key)
      if (ready(slice) >= ready(before)) this.#pass(key, slice)
    }
    this.#report()
  }

  #report(): void {
    this.#held = { lost: this.#base.total - this.#total, of: this.#base.total }
    this.#options.changed(this.#held)
  }

  #release(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#held = undefined
    this.#begin(this.#options.now())
    this.#options.changed(undefined)
  }

  #pass(key: string, slice: KubeObject | undefined): void {
    if (slice === undefined) this.#options.sink.delete(key)
    else this.#options.sink.set(key, slice)
  }
}

function ready(slice: KubeObject | undefined): number {
  const { endpoints } = (slice ?? {}) as Partial<Slice>
  return endpoints?.reduce((sum, endpoint) => sum + (endpoint.conditions?.ready === false ? 0 : 1), 0) ?? 0
}

/** Pods of the ready endpoints. */
function readyPods(slice: KubeObject | undefined): string[] {
  const { endpoints } = (slice ?? {}) as Partial<Slice>
  return (endpoints ?? [])
    .filter(({ conditions, targetRef }) => conditions?.ready !== false && targetRef?.kind === 'Pod')
    .map(({ targetRef }) => `${slice?.metadata.namespace}/${targetRef?.name}`)
}

/** True for a pod that should have its endpoint: it runs, is ready, and is not being deleted. */
function isServing(pod: KubeObject | undefined): boolean {
  if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return false
  const { phase, conditions } = (pod.status ?? {}) as {
    phase?: string
    conditions?: { type: string; status: string }[]
  }
  return phase === 'Running' && conditions?.find(({ type }) => type === 'Ready')?.status === 'True'
}
