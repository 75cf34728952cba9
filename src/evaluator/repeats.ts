// How often a request is sent: copies of it (mirrors), and further tries after an answer that asks for them.
import { isRetried } from './retries.ts'
import { type Hop, type Outcome, outcomesOfCopies } from './trace.ts'

/** How often a program gets a request that it always answers with `status`, as proxies on the way to it ask again. */
export function triesOf(hop: Hop, status: number): number {
  const { retries } = hop.decision
  const own = retries && isRetried(retries, status) ? 1 + retries.count : 1
  const behind = hop.branches.map((branch) => (branch.hop ? triesOf(branch.hop, status) : 1))
  return own * Math.max(1, ...behind)
}

/** A copy of a request that a proxy sends beside it. */
export interface Copy {
  /** Share of calls of which such a copy is sent. */
  readonly share: number
  readonly cluster: string
  readonly outcomes: readonly Outcome[]
}

/** Every copy that is sent of a call that reaches its end. */
export function copiesOf(hop: Hop): Copy[] {
  const passed = 1 - (hop.decision.fault?.abort?.share ?? 0)
  const own = (hop.decision.mirrors ?? []).map(
    ({ cluster, share }, at): Copy => ({ share: share * passed, cluster, outcomes: outcomesOfCopies(hop, at) }),
  )
  const behind = hop.branches.flatMap((branch) => (branch.hop ? copiesOf(branch.hop) : []))
  return [...own, ...behind]
}
