// What a drill's answers say. Pure.
import type { Answer } from '../../src/sandbox/traffic/index.ts'

/** One request of a drill. */
export interface Sample {
  /** When it was sent, since the drill began. */
  readonly atMs: number
  readonly latencyMs: number
  readonly status: number
  /** Cluster that answered; '' if none did. */
  readonly from: string
}

/** When a drill's parts began, since its start. */
export interface Phases {
  readonly faultMs: number
  readonly healMs: number
  /** When healing was done: a control plane that was started again is ready, pods are there. */
  readonly healedMs: number
  readonly endMs: number
}

export interface DrillFigures {
  readonly gets: number
  readonly failedGets: number
  readonly posts: number
  readonly failedPosts: number
  /** POSTs that programs got more than once. */
  readonly twice: number
  /**
   * POSTs that failed for the caller, and that no program ever got. Nobody could know: whoever died had taken them and said
   * nothing more.
   */
  readonly lost: number
  /** From the fault until 99.9 % of the GETs that follow succeed; 0 if none failed. */
  readonly recoveredMs: number
  /** The slowest GET. */
  readonly slowestMs: number
  /** GETs that were answered elsewhere than they should while nothing was broken. */
  readonly wrong: number
  /** From healing until requests go where they went before; undefined if they do not within the drill. */
  readonly backMs: number | undefined
}

export function sampleOf(answer: Answer, startedAtMs: number): Sample {
  const { status, headers, latencyMs, sentAtMs } = answer
  const from = (headers['x-served-by'] ?? '').split('/')[0] ?? ''
  return { atMs: sentAtMs - startedAtMs, latencyMs, status, from }
}

const failed = ({ status }: Sample): boolean => status !== 200

/**
 * `expected`: share of the answers per cluster while nothing is broken. `ran`: how often a program got each POST that was sent, in
 * the order of `posts`.
 */
export function figuresOf(
  gets: readonly Sample[],
  posts: readonly Sample[],
  ran: readonly number[],
  { phases, expected }: { phases: Phases; expected: Readonly<Record<string, number>> },
): DrillFigures {
  const back = backAt(gets, phases.healMs, expected)
  const settled = gets.filter(
    ({ atMs, latencyMs }) => atMs + latencyMs < phases.faultMs || (back !== undefined && atMs > back + windowMs),
  )
  return {
    gets: gets.length,
    failedGets: gets.filter(failed).length,
    posts: posts.length,
    failedPosts: posts.filter(failed).length,
    twice: ran.filter((times) => times > 1).length,
    lost: posts.filter((post, at) => failed(post) && ran[at] === 0).length,
    recoveredMs: recovery(gets, phases.faultMs),
    slowestMs: Math.max(0, ...gets.map(({ latencyMs }) => latencyMs)),
    wrong: settled.filter(({ status, from }) => status === 200 && !expected[from]).length,
    backMs: back === undefined ? undefined : back - phases.healMs,
  }
}

/** From the fault to the first moment after which at least 99.9 % succeed. */
function recovery(gets: readonly Sample[], faultMs: number): number {
  const after = gets.filter(({ atMs }) => atMs >= faultMs).sort((a, b) => a.atMs - b.atMs)
  let bad = 0
  for (let at = after.length - 1; at >= 0; at--) {
    const sample = after[at]
    if (sample === undefined || !failed(sample)) continue
    bad++
    if (bad / (after.length - at) > 0.001) return sample.atMs - faultMs
  }
  return 0
}

/** Where requests go is told by this much of time. */
const windowMs = 1000

/** The moment after healing from which on the answers of every window are spread as expected, within 4 sigma. */
function backAt(
  gets: readonly Sample[],
  healMs: number,
  expected: Readonly<Record<string, number>>,
): number | undefined {
  const after = gets.filter(({ atMs, status }) => atMs >= healMs && status === 200)
  const lastMs = Math.max(0, ...after.map(({ atMs }) => atMs))
  let back: number | undefined
  const latest = healMs + Math.floor((lastMs - windowMs - healMs) / 100) * 100
  for (let start = latest; start >= healMs; start -= 100) {
    const window = after.filter(({ atMs }) => atMs >= start && atMs < start + windowMs)
    if (window.length === 0 || !isSpread(window, expected)) break
    back = start
  }
  return back
}

function isSpread(window: readonly Sample[], expected: Readonly<Record<string, number>>): boolean {
  const clusters = new Set([...Object.keys(expected), ...window.map(({ from }) => from)])
  return [...clusters].every((cluster) => {
    const share = expected[cluster] ?? 0
    const seen = window.filter(({ from }) => from === cluster).length / window.length
    const sigma = Math.sqrt((share * (1 - share)) / window.length)
    return Math.abs(seen - share) <= 4 * sigma
  })
}
