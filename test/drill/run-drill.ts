// One drill: load, the fault, its end, and until requests go where they went before.
import { setTimeout as delay } from 'node:timers/promises'
import type { Answer } from '../../src/sandbox/traffic/index.ts'
import { type Caller, callerOf, openLoop } from './caller.ts'
import { type Drill, expectedShares } from './drill.ts'
import { type DrillFigures, figuresOf, type Phases, type Sample, sampleOf } from './figures.ts'
import type { Place } from './place.ts'

export interface DrillOptions {
  /** GETs per second; a tenth as many POSTs are sent beside them. */
  readonly rate: number
}

export interface DrillResult {
  readonly drill: Drill
  readonly figures: DrillFigures
  readonly gets: readonly Sample[]
  readonly phases: Phases
}

const beforeMs = 1500
const faultMs = 4000
/** After healing: at least, and at most, since an endpoint that was ejected again and again stays out longer each time. */
const afterMs = { least: 4000, most: 30_000 }

/** Breaks what the drill says under load, and heals it; resolves when all is as it was, or does not become so. */
export async function runDrill(drill: Drill, place: Place, { rate }: DrillOptions): Promise<DrillResult> {
  const expected = expectedShares(drill.rule)
  await place.rule(drill.rule)
  await place.size({ pods: drill.pods ?? 1, gateways: drill.gateways ?? 1 })
  const caller = callerOf(drill.caller ?? 'program', await place.plan(drill.caller ?? 'program'))
  try {
    await settled(place, caller, expected)
    return await loaded(drill, place, caller, rate)
  } finally {
    caller.close()
  }
}

async function loaded(drill: Drill, place: Place, caller: Caller, rate: number): Promise<DrillResult> {
  const expected = expectedShares(drill.rule)
  const startedAt = performance.now()
  const now = (): number => performance.now() - startedAt
  const gets: Sample[] = []
  const getLoad = openLoop(rate, async () => void gets.push(sampleOf(await caller.get(), startedAt)))
  const posts: { path: string; answer: Answer }[] = []
  const name = `${drill.name}-${Date.now()}`
  const postLoad = openLoop(rate / 10, async (nth) => {
    const path = `/post/${name}-${nth}`
    posts.push({ path, answer: await caller.post(path) })
  })
  await delay(beforeMs)
  const phases = { faultMs: now(), healMs: 0, healedMs: 0, endMs: 0 }
  await drill.begin(place)
  await delay(drill.forMs ?? faultMs)
  phases.healMs = now()
  await drill.heal?.(place)
  phases.healedMs = now()
  await delay(afterMs.least)
  while (now() - phases.healedMs < afterMs.most && !isBack(gets, now(), expected)) await delay(250)
  phases.endMs = now()
  await Promise.all([getLoad.stop(), postLoad.stop()])
  const ran = place.posted()
  const figures = figuresOf(
    gets,
    posts.map(({ answer }) => sampleOf(answer, startedAt)),
    posts.map(({ path }) => ran.get(path) ?? 0),
    { phases, expected },
  )
  return { drill, figures, gets, phases }
}

/** The last two seconds went as expected. */
function isBack(gets: readonly Sample[], nowMs: number, expected: Readonly<Record<string, number>>): boolean {
  const recent = gets.filter(({ atMs }) => atMs > nowMs - 2000)
  return recent.length > 0 && isAsExpected(recent, expected)
}

function isAsExpected(samples: readonly Sample[], expected: Readonly<Record<string, number>>): boolean {
  return Object.entries(expected).every(([cluster, share]) => {
    const seen = samples.filter(({ status, from }) => status === 200 && from === cluster).length / samples.length
    return Math.abs(seen - share) <= 4 * Math.sqrt((share * (1 - share)) / samples.length)
  })
}

/** Waits until the rule is in force, and what the drill before broke is well again. */
async function settled(place: Place, caller: Caller, expected: Readonly<Record<string, number>>): Promise<void> {
  let seen = 'pods that are not ready'
  for (const end = performance.now() + 90_000; performance.now() < end; await delay(250)) {
    if (!(await place.isWhole())) continue
    const samples: Sample[] = []
    const load = openLoop(200, async () => void samples.push(sampleOf(await caller.get(), 0)))
    await delay(1000)
    await load.stop()
    if (isAsExpected(samples, expected)) return
    const counts = Map.groupBy(samples, ({ status, from }) => `${status} ${from}`)
    seen = [...counts].map(([what, { length }]) => `${length} × ${what}`).join(', ')
  }
  throw new Error(`the service does not answer as its rule says after 90 s; seen: ${seen}`)
}
