// The figures of a benchmark: as rows, as a table to read, and as JSON.

export interface Row {
  readonly phase: string
  readonly changes: number
  /** Milliseconds over the changes. */
  readonly p50: number
  readonly p99: number
  readonly max: number
  /** Received by all sidecars together. */
  readonly messages: number
  readonly megabytes: number
  /** CPU seconds and memory of the control plane; memory at the end of the phase. */
  readonly cpuSeconds: number
  readonly residentMegabytes: number
  /** Values of the pipeline that were computed again, and those among them that are encoded resources. */
  readonly recomputed: number
  readonly encoded: number
}

/** The value below which a share `p` of the values lies (nearest rank). */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? Number.NaN
}

const columns: readonly [keyof Row, string, number][] = [
  ['phase', 'phase', 0],
  ['changes', 'n', 0],
  ['p50', 'p50 ms', 0],
  ['p99', 'p99 ms', 0],
  ['max', 'max ms', 0],
  ['messages', 'messages', 0],
  ['megabytes', 'MB', 1],
  ['cpuSeconds', 'cpu s', 2],
  ['residentMegabytes', 'rss MB', 0],
  ['recomputed', 'recomputed', 0],
  ['encoded', 'encoded', 0],
]

export function table(rows: readonly Row[]): string {
  const cells = [
    columns.map(([, title]) => title),
    ...rows.map((row) =>
      columns.map(([key, , digits]) => {
        const value = row[key]
        return typeof value === 'number' ? value.toFixed(digits) : value
      }),
    ),
  ]
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]?.length ?? 0)))
  return cells
    .map((line) =>
      line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
    )
    .join('\n')
}
