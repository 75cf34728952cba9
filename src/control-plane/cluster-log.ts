import type { Inputs } from './inputs.ts'
import type { Log } from './log.ts'

/** Says once when a cluster is reached, lost, or back. */
export class ClusterLog {
  readonly #log: Log
  readonly #back: (cluster: string) => void
  readonly #last = new Map<string, string>()

  constructor(log: Log, back: (cluster: string) => void) {
    this.#log = log
    this.#back = back
  }

  seen(cluster: Inputs['fleet']['clusters'][number]): void {
    const { name, state } = cluster
    const { server, problem, staleSince, synced } = state
    const now = problem !== undefined ? 'away' : staleSince === undefined && synced ? 'in sight' : 'reading'
    const before = this.#last.get(name)
    if (now === before) return
    this.#last.set(name, now)
    if (now === 'in sight') {
      this.#log.info({ cluster: name, server }, before === 'away' ? 'cluster is back' : 'cluster is in sight')
      this.#back(name)
    } else if (now === 'away') {
      const kept = synced || state.uid !== undefined ? 'its last known state stays in force' : 'will keep trying'
      this.#log.warn({ cluster: name, server, staleSince, err: problem }, `cluster cannot be reached; ${kept}`)
    }
  }
}
