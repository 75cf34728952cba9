import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { RebuildReport } from '../pipeline/index.ts'

/** What `/metrics` shows of the pipeline and of the clusters. Other parts register theirs in `registry`. */
export class Metrics {
  readonly registry = new Registry()
  readonly writes: Counter<'cluster' | 'what'>
  readonly writeFailures: Counter<'cluster'>
  readonly #rebuildSeconds: Histogram
  readonly #recomputed: Counter<'query'>
  readonly #failures: Counter<'query'>

  constructor() {
    const registers = [this.registry]
    collectDefaultMetrics({ register: this.registry, prefix: 'fairlead_' })
    this.writes = new Counter({
      name: 'fairlead_writes_total',
      help: 'Objects and statuses written to clusters, and objects removed.',
      labelNames: ['cluster', 'what'],
      registers,
    })
    this.writeFailures = new Counter({
      name: 'fairlead_write_failures_total',
      help: 'Writes to clusters that failed; they are tried again.',
      labelNames: ['cluster'],
      registers,
    })
    this.#rebuildSeconds = new Histogram({
      name: 'fairlead_rebuild_seconds',
      help: 'Duration of a rebuild of the pipeline.',
      buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3],
      registers,
    })
    this.#recomputed = new Counter({
      name: 'fairlead_recomputed_total',
      help: 'Values that rebuilds computed again, by query.',
      labelNames: ['query'],
      registers,
    })
    this.#failures = new Counter({
      name: 'fairlead_query_failures_total',
      help: 'Computations that failed: defects of Fairlead. The last good value stays in force.',
      labelNames: ['query'],
      registers,
    })
  }

  rebuilt(report: RebuildReport): void {
    this.#rebuildSeconds.observe(report.durationMs / 1000)
    for (const [query, count] of report.recomputed) this.#recomputed.inc({ query }, count)
  }

  queryFailed(query: string): void {
    this.#failures.inc({ query })
  }

  /** A gauge that is read when it is asked for: for each of `read()`, its labels and value. */
  gauge<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    read: () => Iterable<readonly [Readonly<Record<L, string>>, number]>,
  ): void {
    new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      collect() {
        this.reset()
        for (const [labels, value] of read()) this.set({ ...labels }, value)
      },
    })
  }
}
