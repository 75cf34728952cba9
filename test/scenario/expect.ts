// Judges the answers of a call or a load.
import { type Answer, type AnswerClass, classify, percent, shareDeviations } from '../../src/sandbox/traffic/index.ts'
import { Failure } from './context.ts'
import type { Fields } from './file.ts'

type CallExpectation = Fields<'call'>['expect']
type LoadExpectation = NonNullable<Fields<'stop'>['expect']>

/** Throws a Failure that says what was expected and what came, unless all holds. */
export function judge(
  answers: readonly Answer[],
  expectation: CallExpectation | LoadExpectation,
  classes: Readonly<Record<string, AnswerClass>>,
  tolerance: number | undefined,
): void {
  if (answers.length === 0) throw new Failure('not one request was sent')
  const wrong = [
    ...statusFaults(answers, expectation, tolerance),
    ...classFaults(answers, expectation, classes, tolerance),
    ...contentFaults(answers, expectation),
    ...('errors' in expectation || 'notBodyShare' in expectation ? loadFaults(answers, expectation) : []),
  ]
  if (wrong.length > 0)
    throw new Failure(`${wrong.join('; ')} (${answers.length} answers: ${summary(answers, classes)})`)
}

function statusFaults(
  answers: readonly Answer[],
  { status }: CallExpectation,
  tolerance: number | undefined,
): string[] {
  if (status === undefined) return []
  const wanted = typeof status === 'number' ? { [status]: 1 } : status
  const seen = new Map<string, number>()
  for (const answer of answers) seen.set(String(answer.status), (seen.get(String(answer.status)) ?? 0) + 1)
  return shareDeviations(wanted, seen, answers.length, tolerance).map((text) => `status ${text}`)
}

function classFaults(
  answers: readonly Answer[],
  { shares, only }: CallExpectation,
  classes: Readonly<Record<string, AnswerClass>>,
  tolerance: number | undefined,
): string[] {
  if (!shares && !only) return []
  const named = [...Object.keys(shares ?? {}), ...(only ?? [])].filter((name) => !(name in classes))
  if (named.length > 0) throw new Failure(`the file has no answer class ${named.join(', ')}`)
  const seen = new Map<string, number>()
  for (const answer of answers) {
    const name = classify(answer, classes) ?? 'none of the classes'
    seen.set(name, (seen.get(name) ?? 0) + 1)
  }
  const wrong = shares ? shareDeviations(shares, seen, answers.length, tolerance) : []
  const others = [...seen.keys()].filter((name) => !(only ? only.includes(name) : name in (shares ?? {})))
  return [...wrong, ...others.map((name) => `${seen.get(name)} from ${name}`)]
}

function contentFaults(answers: readonly Answer[], expectation: CallExpectation): string[] {
  const { body, notBody, header, maxMs } = expectation
  const wrong: string[] = []
  const count = (what: string, bad: (answer: Answer) => boolean): void => {
    const hits = answers.filter(bad)
    const first = hits[0]
    if (first)
      wrong.push(`${hits.length} ${what}, the first: ${first.error ?? `${first.status} ${excerpt(first.body)}`}`)
  }
  if (body !== undefined) count(`without /${body}/ in the body`, (a) => !new RegExp(body).test(a.body))
  if (notBody !== undefined) count(`with /${notBody}/ in the body`, (a) => new RegExp(notBody).test(a.body))
  for (const [name, pattern] of Object.entries(header ?? {})) {
    count(`with another header ${name}`, (a) => !new RegExp(pattern).test(a.headers[name.toLowerCase()] ?? ''))
  }
  if (maxMs !== undefined) {
    const slowest = Math.max(...answers.map((a) => a.latencyMs))
    if (slowest > maxMs) wrong.push(`the slowest took ${slowest.toFixed(0)} ms instead of at most ${maxMs}`)
  }
  return wrong
}

function loadFaults(answers: readonly Answer[], { errors, notBodyShare }: LoadExpectation): string[] {
  const wrong: string[] = []
  if (errors !== undefined) {
    const failed = answers.filter((a) => a.status === 0 || a.status >= 500)
    if (failed.length / answers.length > errors) {
      const [first, last] = [failed[0], failed.at(-1)]
      const from = answers[0]?.sentAtMs ?? 0
      const when = [first, last].map((a) => (((a?.sentAtMs ?? 0) - from) / 1000).toFixed(1)).join(' and ')
      const what = first?.error ?? `${first?.status} ${excerpt(first?.body ?? '')}`
      wrong.push(`${failed.length} failed, at most ${percent(errors)} may, between ${when} s; the first: ${what}`)
    }
  }
  if (notBodyShare) {
    const hits = answers.filter((a) => new RegExp(notBodyShare.pattern).test(a.body)).length
    if (hits / answers.length > notBodyShare.atMost) wrong.push(`${hits} with /${notBodyShare.pattern}/ in the body`)
  }
  return wrong
}

function summary(answers: readonly Answer[], classes: Readonly<Record<string, AnswerClass>>): string {
  const seen = new Map<string, number>()
  for (const answer of answers) {
    const name = `${answer.status || (answer.error ?? 'no answer')} ${classify(answer, classes) ?? 'unclassified'}`
    seen.set(name, (seen.get(name) ?? 0) + 1)
  }
  return [...seen].map(([name, count]) => `${count} × ${name}`).join(', ')
}

function excerpt(body: string): string {
  const flat = body.replace(/\s+/g, ' ').trim()
  return flat.length > 300 ? `${flat.slice(0, 300)}…` : flat
}
