// How often and where requests arrived: further tries, and copies (mirrors).
import { setTimeout as delay } from 'node:timers/promises'
import { type Copy, copiesOf, type Hop, type Outcome, triesOf } from '../../src/evaluator/index.ts'
import type { TestCall } from './calls.ts'
import { type Arrivals, answerHeader } from './programs.ts'
import type { Observed } from './send.ts'

interface Sent {
  readonly test: TestCall
  readonly hop: Hop
  readonly outcomes: readonly Outcome[]
  readonly observed: Observed
}

/** A thing that may or may not happen to one call, with its odds. */
export interface Chance {
  readonly share: number
  readonly happened: boolean
}

export interface ArrivalCheck {
  /** What is otherwise than told; undefined = nothing. */
  readonly wrong: string | undefined
  readonly chances: readonly Chance[]
}

const certain = (share: number): boolean => share > 0.9999

/** Waits until all copies that must come have come; not long, for some may never. */
export async function settle(sent: readonly Sent[], seen: Arrivals): Promise<void> {
  const wanted = sent
    .filter(({ observed }) => observed.kind === 'reached')
    .map(({ test, hop }) => ({ id: test.id, count: 1 + copiesOf(hop).filter(mustArrive).length }))
    .filter(({ count }) => count > 1)
  const limit = Date.now() + 3000
  while (Date.now() < limit && wanted.some(({ id, count }) => (seen.get(id)?.length ?? 0) < count)) await delay(20)
}

function mustArrive({ share, outcomes }: Copy): boolean {
  return certain(share) && outcomes.every(({ kind, share: own }) => kind === 'reached' || own === 0)
}

export function checkArrivals({ test, hop, outcomes, observed }: Sent, seen: Arrivals): ArrivalCheck {
  const fine: ArrivalCheck = { wrong: undefined, chances: [] }
  if (observed.kind !== 'reached') return fine
  const arrivals = seen.get(test.id) ?? []
  const places = endpointsOf(outcomes)
  const copies = copiesOf(hop)
  if (copies.length > 0) return checkCopies(copies, arrivals, observed.echo.at)
  const tries = answerHeader in test.call.headers ? triesOf(hop, observed.status) : 1
  const sure = outcomes.every(({ kind }) => kind === 'reached')
  const stray = arrivals.find((at) => !places.has(at))
  if (stray !== undefined) return { ...fine, wrong: `a try went to ${stray}` }
  if (sure ? arrivals.length !== tries : arrivals.length > tries)
    return { ...fine, wrong: `${arrivals.length} tries, ${tries} expected` }
  return fine
}

function checkCopies(copies: readonly Copy[], arrivals: readonly string[], main: string): ArrivalCheck {
  const rest = [...arrivals]
  rest.splice(rest.indexOf(main), 1)
  const places = new Set(copies.flatMap(({ outcomes }) => [...endpointsOf(outcomes)]))
  const stray = rest.find((at) => !places.has(at))
  const told = `copies at ${rest.join(', ') || 'nowhere'}; expected ${JSON.stringify(copies)}`
  const least = copies.filter(mustArrive).length
  const wrong = stray !== undefined || rest.length < least || rest.length > copies.length ? told : undefined
  const [only] = copies
  const clear = copies.length === 1 && only?.outcomes.every(({ kind }) => kind === 'reached')
  const chances = clear && only && !certain(only.share) ? [{ share: only.share, happened: rest.length > 0 }] : []
  return { wrong, chances }
}

function endpointsOf(outcomes: readonly Outcome[]): ReadonlySet<string> {
  return new Set(
    outcomes.flatMap(({ kind, share, endpoint }) => (kind === 'reached' && share > 0 ? (endpoint ?? []) : [])),
  )
}
