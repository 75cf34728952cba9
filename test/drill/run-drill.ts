// One drill: load, the fault, its end, and until requests go where they went before.
import { Agent } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { type Answer, Load, type RequestPlan, send, sendMany } from '../../src/sandbox/traffic/index.ts'
import { type Drill, expectedShares } from './drills.ts'
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

/** How long a caller waits for an answer. */
const patienceMs = 4000
const beforeMs = 1500
const faultMs = 4000
/** After healing: at least, and at most, since an endpoint that was ejected again and again stays out longer each time. */
const afterMs = { least: 4000, most: 30_000 }

/** Breaks what the drill says under load, and heals it; resolves when all is as it was, or does not become so. */
export async function runDrill(drill: Drill, place: Place, { rate }: DrillOptions): Promise<DrillResult> {
  const expected = expectedShares(drill.rule)
  await place.rule(drill.rule)
  await settled(place, expected)
  const get = { ...(await place.plan('GET', '/get')), timeoutMs: patienceMs }
  const post = await place.plan('POST', '/post')
  const startedAt = performance.now()
  const now = (): number => performance.now() - startedAt
  const gets: Sample[] = []
  const getLoad = new Load(
    () => [get],
    { rate },
    (answer) => gets.push(sampleOf(answer, startedAt)),
  )
  const posts = sendPosts({ ...post, timeoutMs: patienceMs }, rate / 10, `${drill.name}-${Date.now()}`)
  await delay(beforeMs)
  const phases = { faultMs: now(), healMs: 0, endMs: 0 }
  await drill.begin(place)
  await delay(drill.forMs ?? faultMs)
  phases.healMs = now()
  await drill.heal?.(place)
  await delay(afterMs.least)
  while (now() - phases.healMs < afterMs.most && !isBack(gets, now(), expected)) await delay(250)
  phases.endMs = now()
  await getLoad.stop()
  const sent = await posts.stop()
  const ran = place.posted()
  const figures = figuresOf(
    gets,
    sent.map(({ answer }) => sampleOf(answer, startedAt)),
    sent.map(({ path }) => ran.get(path) ?? 0),
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
async function settled(place: Place, expected: Readonly<Record<string, number>>): Promise<void> {
  let seen = 'pods that are not ready'
  for (const end = performance.now() + 90_000; performance.now() < end; await delay(250)) {
    if (!(await place.isWhole())) continue
    const answers = await sendMany([await place.plan('GET', '/get')], { count: 200, parallel: 4, rate: 200 })
    const samples = answers.map((answer) => sampleOf(answer, 0))
    if (isAsExpected(samples, expected)) return
    const counts = Map.groupBy(samples, ({ status, from }) => `${status} ${from}`)
    seen = [...counts].map(([what, { length }]) => `${length} × ${what}`).join(', ')
  }
  throw new Error(`the service does not answer as its rule says after 90 s; seen: ${seen}`)
}

interface Posted {
  readonly path: string
  readonly answer: Answer
}

/** POSTs at a fixed rate, each to a path of its own. */
function sendPosts(plan: RequestPlan, rate: number, name: string): { stop(): Promise<readonly Posted[]> } {
  const agent = new Agent({ keepAlive: true })
  const pending: Promise<Posted>[] = []
  const timer = setInterval(() => {
    const path = `/post/${name}-${pending.length}`
    const one = send({ ...plan, url: new URL(path, plan.url).href }, agent)
    pending.push(one.then((answer) => ({ path, answer })))
  }, 1000 / rate)
  return {
    async stop() {
      clearInterval(timer)
      const sent = await Promise.all(pending)
      agent.destroy()
      return sent
    },
  }
}
