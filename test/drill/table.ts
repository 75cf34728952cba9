// Drills as a table in Markdown. Pure.
import type { DrillResult } from './run-drill.ts'

const heads = [
  'drill',
  'GETs',
  'failed',
  'POSTs',
  'failed',
  'of these never run',
  'ran twice',
  '99.9 % after',
  'slowest GET',
  'wrong place',
  'back after',
]

/** A row per drill, beneath a head. */
export function table(results: readonly DrillResult[]): string[] {
  const rows = results.map(({ drill, figures: f }) => [
    drill.name,
    f.gets,
    f.failedGets,
    f.posts,
    f.failedPosts,
    f.lost,
    f.twice,
    seconds(f.recoveredMs),
    `${f.slowestMs.toFixed(0)} ms`,
    f.wrong,
    f.backMs === undefined ? 'not within the drill' : seconds(f.backMs),
  ])
  const cells = [heads, heads.map((_, at) => (at === 0 ? '---' : '--:')), ...rows].map((row) => row.map(String))
  return cells.map((row) => `| ${row.join(' | ')} |`)
}

function seconds(ms: number): string {
  return ms === 0 ? '0' : `${(ms / 1000).toFixed(1)} s`
}

/** What breaks the promise of a drill, one sentence each. */
export function broken({ drill, figures, phases }: DrillResult): string[] {
  const { share, forMs: given, afterHealing = false } = drill.allowed ?? { share: 0, forMs: 0 }
  const forMs = given + (afterHealing ? phases.healedMs - phases.faultMs : 0)
  const wrong: string[] = []
  if (figures.failedGets > figures.gets * share) wrong.push(`${figures.failedGets} of ${figures.gets} GETs failed`)
  if (figures.recoveredMs > forMs) wrong.push(`it took ${seconds(figures.recoveredMs)} until 99.9 % succeeded`)
  if (figures.twice > 0) wrong.push(`${figures.twice} POSTs ran twice`)
  if (figures.wrong > 0) wrong.push(`${figures.wrong} GETs went elsewhere while nothing was broken`)
  if (figures.backMs === undefined) wrong.push('requests did not go back where they belong')
  return wrong.map((text) => `${drill.name}: ${text}`)
}
