// Makes what proxies will ask for before the first of them asks.
import { type ProxyResources, type ResourceList, typeUrls } from '../../ads/index.ts'

/** A proxy that is shown its resources though it is not connected. */
export interface RehearsedProxy {
  readonly resources: ProxyResources
  close(): void
}

export interface RehearsalOptions {
  /** Shows stand-ins what they would be given, one after the other. */
  readonly standIns: () => Iterable<() => RehearsedProxy>
  /** Whether a proxy is connected. */
  readonly isServing: () => boolean
}

/** How long it may keep the process from its other work. */
const sliceMs = 8
/** How long stand-ins stay after the first proxy has come: others follow, and use what is there. */
const stayMs = 60_000
/** Between two that leave. */
const leaveMs = 50

const types = [typeUrls.cluster, typeUrls.endpoint, typeUrls.listener, typeUrls.route]

/**
 * When a replica starts, all proxies of the one that it replaces may come at once. Until the first comes, resources are
 * made for stand-ins, a few milliseconds at a time; what they share with real proxies is there when these ask for it. On
 * a replica that no proxy is connected to, stand-ins stay, so that it is ready to take over.
 */
export class Rehearsal {
  readonly #options: RehearsalOptions
  readonly #shown: RehearsedProxy[] = []
  #cancel: (() => void) | undefined

  constructor(options: RehearsalOptions) {
    this.#options = options
  }

  start(): void {
    this.#go(this.#work())
  }

  /** Forgets all stand-ins at once. */
  stop(): void {
    this.#cancel?.()
    for (const shown of this.#shown.splice(0)) shown.close()
  }

  #go(work: Iterator<undefined>): void {
    const next = setImmediate(() => {
      const end = performance.now() + sliceMs
      let isOver = this.#options.isServing()
      while (!isOver && performance.now() < end) isOver = work.next().done === true
      if (isOver) this.#wait()
      else this.#go(work)
    })
    this.#cancel = () => clearImmediate(next)
  }

  *#work(): Generator<undefined> {
    const seen = new Set<ResourceList>()
    for (const show of this.#options.standIns()) {
      const shown = show()
      this.#shown.push(shown)
      for (const typeUrl of types) {
        for (const list of shown.resources.lists(typeUrl)) {
          yield
          if (seen.has(list)) continue
          seen.add(list)
          for (const name of list.names) {
            shown.resources.get(typeUrl, name)
            yield
          }
        }
      }
    }
  }

  /** Until stand-ins have had their time. */
  #wait(): void {
    this.#after(stayMs, () => (this.#options.isServing() ? this.#leave() : this.#wait()))
  }

  #leave(): void {
    this.#shown.shift()?.close()
    if (this.#shown.length > 0) this.#after(leaveMs, () => this.#leave())
  }

  #after(ms: number, run: () => void): void {
    const timer = setTimeout(run, ms)
    timer.unref()
    this.#cancel = () => clearTimeout(timer)
  }
}
