// Plays what happens in a guide while requests go on, and draws who answered when.
import pc from 'picocolors'
import { type Answer, Load, percent, shareDeviations, type TimedAnswer, timeline } from '../../sandbox/index.ts'
import type { Act, Guide, GuideRun } from './guide.ts'
import { requestOf } from './measure.ts'
import { Screen } from './picture.ts'

const usualRatePerSecond = 50
/** Answers of this long tell where requests go; it is drawn for as long before the next act. */
const windowMs = 3000
const patienceMs = 60_000
/** Short, so that it tells when shares changed; long enough for some fifty answers. */
const outcomeWindowMs = 1000

/** Returns what did not go as the guide says: requests that failed, shares that never came. */
export async function play(guide: Guide, acts: readonly Act[], run: GuideRun): Promise<string[]> {
  const callers = [guide, ...(guide.beside ? [guide.beside] : [])]
  const plans = await Promise.all(callers.map((each) => requestOf(each, run.kubeconfig, run.signal)))
  const graphs: Picture[] = []
  const callGraph = await guide.callGraph?.(run)
  const startedAt = performance.now()
  const now = (): number => performance.now() - startedAt
  const answers: TimedAnswer[] = []
  const marks: { atMs: number; sign: string; text: string }[] = []
  const wrong: string[] = []
  const told: string[] = []
  const load = new Load(
    () => plans,
    { rate: guide.ratePerSecond ?? usualRatePerSecond },
    (answer) => answers.push({ atMs: answer.sentAtMs - startedAt, ...judged(guide, answer) }),
  )
  const screen = new Screen()
  const lines = (): string[] => timeline(answers, rowNames(guide), marks)
  const drawing = setInterval(() => screen.update(lines()), 250)
  const graph = async (title: string): Promise<void> => {
    if (!callGraph) return
    // What was called until now belongs to the time of change.
    await callGraph()
    await pause(windowMs, run.signal)
    graphs.push({ title, lines: await callGraph() })
  }
  try {
    await pause(windowMs, run.signal)
    await graph('who calls whom, before anything happens')
    for (const act of acts) {
      marks.push({ atMs: now(), sign: act.sign, text: act.name })
      await act.run(run)
      const began = now()
      const isDone = (): boolean => deviations(guide, answers, act, began, now()).length === 0
      while (!isDone() && now() - began < patienceMs) await pause(250, run.signal)
      wrong.push(...deviations(guide, answers, act, began, now()).map((text) => `after "${act.name}": ${text}`))
      told.push(`${act.sign} ${act.name}: ${outcome(guide, answers, act, marks.at(-1)?.atMs ?? began)}`)
      await graph(`after ${act.name}`)
    }
  } finally {
    clearInterval(drawing)
    await load.stop()
  }
  screen.final(lines())
  for (const { title, lines } of graphs) console.log([`\n  ${pc.bold(title)}`, ...lines].join('\n'))
  console.log(`\n${told.map((text) => `  ${text}`).join('\n')}`)
  const failed = answers.filter(({ status }) => status !== 200).length
  const verdict = failed === 0 ? pc.green('0 failed') : pc.red(`${failed} failed`)
  console.log(`\n  ${answers.length} requests, ${verdict}`)
  return failed > 0 ? [`${failed} requests failed`, ...wrong] : wrong
}

interface Picture {
  readonly title: string
  readonly lines: readonly string[]
}

const rowNames = (guide: Guide): string[] => [
  ...guide.rows.map(({ name }) => name),
  ...(guide.beside ? [guide.beside.name] : []),
]

/** Which row an answer belongs to, and whether it is what its caller wants. */
function judged(guide: Guide, answer: Answer): Pick<TimedAnswer, 'status' | 'from'> {
  const row = guide.rowOf(answer.headers['x-served-by'] ?? '')
  if (row !== undefined || guide.beside === undefined) return { status: answer.status, from: row ?? '' }
  return { status: guide.beside.isGood(answer) ? answer.status : 0, from: guide.beside.name }
}

/** What is wrong with the shares of the caller's last answers, which all must have been sent after the act. */
function deviations(
  { beside }: Guide,
  answers: readonly TimedAnswer[],
  { wanted }: Act,
  beganMs: number,
  nowMs: number,
): string[] {
  if (nowMs - beganMs < windowMs) return ['it has only just begun']
  const recent = answers.filter(({ atMs, from }) => atMs > nowMs - windowMs && from !== beside?.name)
  const counts = new Map<string, number>()
  for (const { from } of recent) counts.set(from, (counts.get(from) ?? 0) + 1)
  const others = [...counts.keys()].filter((from) => !(from in wanted))
  return [
    ...shareDeviations(wanted, counts, recent.length),
    ...others.map((from) => `${counts.get(from)} answers from ${from || 'nobody'}`),
  ]
}

/** Where requests go after an act, and how soon they did: from when on the answers of every window are as wanted. */
function outcome({ beside }: Guide, answers: readonly TimedAnswer[], { wanted }: Act, atMs: number): string {
  const own = answers.filter(({ from }) => from !== beside?.name)
  const lastMs = Math.max(0, ...own.map(({ atMs: sent }) => sent))
  let since: number | undefined
  for (let start = lastMs - outcomeWindowMs; start >= atMs; start -= 100) {
    const window = own.filter(({ atMs: sent }) => sent >= start && sent < start + outcomeWindowMs)
    const counts = new Map([...Map.groupBy(window, ({ from }) => from)].map(([from, { length }]) => [from, length]))
    const others = [...counts.keys()].some((from) => !(from in wanted))
    if (window.length === 0 || others || shareDeviations(wanted, counts, window.length).length > 0) break
    since = start - atMs
  }
  const places = Object.entries(wanted).map(([name, share]) => `${percent(share)} ${name}`)
  return since === undefined ? 'no lasting shares' : `${places.join(', ')} after ${(since / 1000).toFixed(1)} s`
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms)
    const end = (): void => {
      clearTimeout(timer)
      reject(new Error('stopped'))
    }
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
  })
}
