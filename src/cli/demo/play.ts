// Plays what happens in a guide while requests go on, and draws who answered when.
import { Load, type RequestPlan, shareDeviations, type TimedAnswer, timeline } from '../../sandbox/index.ts'
import type { Act, Guide, GuideRun } from './guide.ts'
import { Screen } from './picture.ts'

const ratePerSecond = 50
/** Answers of this long tell where requests go; it is drawn for as long before the next act. */
const windowMs = 3000
const patienceMs = 60_000

/** Returns what did not go as the guide says: requests that failed, shares that never came. */
export async function play(guide: Guide, acts: readonly Act[], plan: RequestPlan, run: GuideRun): Promise<string[]> {
  const startedAt = performance.now()
  const now = (): number => performance.now() - startedAt
  const answers: TimedAnswer[] = []
  const marks: { atMs: number; sign: string; text: string }[] = []
  const wrong: string[] = []
  const load = new Load(
    () => [plan],
    { rate: ratePerSecond },
    ({ sentAtMs, status, headers }) =>
      answers.push({ atMs: sentAtMs - startedAt, status, from: guide.rowOf(headers['x-served-by'] ?? '') ?? '' }),
  )
  const screen = new Screen()
  const lines = (): string[] => timeline(answers, rowNames(guide), marks)
  const drawing = setInterval(() => screen.update(lines()), 250)
  try {
    await pause(windowMs, run.signal)
    for (const act of acts) {
      marks.push({ atMs: now(), sign: act.sign, text: act.name })
      await act.run(run)
      const began = now()
      while (deviations(answers, act, began, now()).length > 0 && now() - began < patienceMs)
        await pause(250, run.signal)
      wrong.push(...deviations(answers, act, began, now()).map((text) => `after "${act.name}": ${text}`))
    }
  } finally {
    clearInterval(drawing)
    await load.stop()
  }
  screen.final(lines())
  const failed = answers.filter(({ status }) => status !== 200).length
  console.log(`\n  ${answers.length} requests, ${failed} failed`)
  return failed > 0 ? [`${failed} requests failed`, ...wrong] : wrong
}

const rowNames = (guide: Guide): string[] => guide.rows.map(({ name }) => name)

/** What is wrong with the shares of the last answers, which all must have been sent after the act. */
function deviations(answers: readonly TimedAnswer[], { wanted }: Act, beganMs: number, nowMs: number): string[] {
  if (nowMs - beganMs < windowMs) return ['it has only just begun']
  const recent = answers.filter(({ atMs }) => atMs > nowMs - windowMs)
  const counts = new Map<string, number>()
  for (const { from } of recent) counts.set(from, (counts.get(from) ?? 0) + 1)
  const others = [...counts.keys()].filter((from) => !(from in wanted))
  return [
    ...shareDeviations(wanted, counts, recent.length),
    ...others.map((from) => `${counts.get(from)} answers from ${from || 'nobody'}`),
  ]
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
