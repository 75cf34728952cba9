// Whether what was observed is among what the evaluator says may come of a call.
import { applyChanges, type Outcome } from '../../src/evaluator/index.ts'
import type { TestCall } from './calls.ts'
import { answerBase } from './programs.ts'
import type { Observed } from './send.ts'

/** The outcome that was observed; undefined if the evaluator does not have it. */
export function matchingOutcome(test: TestCall, outcomes: readonly Outcome[], observed: Observed): Outcome | undefined {
  return outcomes.find((outcome) => outcome.share > 0 && isSame(test, outcome, observed))
}

function isSame(test: TestCall, outcome: Outcome, observed: Observed): boolean {
  switch (observed.kind) {
    case 'closed':
      return outcome.kind === 'closed'
    case 'touched':
      return outcome.kind === 'reached' && outcome.endpoint === observed.at
    case 'answered':
      return outcome.kind === 'answered' && isSameAnswer(test, outcome, observed)
    case 'reached':
      return outcome.kind === 'reached' && isSameArrival(outcome, observed)
    default:
      return false
  }
}

function isSameAnswer({ call }: TestCall, outcome: Outcome, observed: Observed & { kind: 'answered' }): boolean {
  if (outcome.status !== observed.status) return false
  if (String(outcome.grpcStatus ?? '') !== (observed.headers['grpc-status'] ?? '')) return false
  if (outcome.location !== undefined && outcome.location !== observed.headers['location']) return false
  if (outcome.body === undefined) return true
  // gRPC has no place for bodies of proxies.
  const body = outcome.grpcStatus !== undefined || call.method === 'HEAD' ? '' : outcome.body
  return body === observed.body && sameHeaders(applyChanges(new Map(), outcome.responseChanges), observed.headers)
}

function isSameArrival(outcome: Outcome, observed: Observed & { kind: 'reached' }): boolean {
  const { echo } = observed
  if (outcome.endpoint !== echo.at) return false
  // What goes through as bytes is not looked into.
  if (!outcome.request) return true
  const { host, path, method, headers } = outcome.request
  return (
    host === echo.host &&
    path === echo.path &&
    method === echo.method &&
    sameHeaders(new Map(Object.entries(headers)), echo.headers) &&
    sameHeaders(applyChanges(new Map(Object.entries(answerBase)), outcome.responseChanges), observed.headers)
  )
}

const compared = /^(t-|access-control-allow-origin$|authorization$|x-forwarded-for$)/

function sameHeaders(expected: ReadonlyMap<string, string>, found: Readonly<Record<string, string>>): boolean {
  const text = (entries: Iterable<readonly [string, string]>): string =>
    JSON.stringify(
      [...entries]
        .filter(([name]) => compared.test(name))
        .map(([name, value]) => [name, value.replace(/,\s*/g, ',')])
        .sort(([a = ''], [b = '']) => (a < b ? -1 : 1)),
    )
  return text(expected) === text(Object.entries(found))
}
