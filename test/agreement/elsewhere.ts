// What a proxy does with a request whose connection fails: with retries it tries other endpoints, which one decision does not tell.
import { type Hop, type Outcome, outcomesOf } from '../../src/evaluator/index.ts'

const mostRounds = 3

/** Everything that may come of a call, tries elsewhere included. `again`: the call, from a proxy that leaves endpoints out. */
export function allOutcomes(hop: Hop, again: (isDead: (address: string) => boolean) => Hop): Outcome[] {
  const found = outcomesOf(hop)
  const dead = new Set<string>()
  let last = hop
  for (let round = 0; round < mostRounds && last.decision.retries; round++) {
    const failing = failingEndpoints(last).filter((address) => !dead.has(address))
    if (failing.length === 0) break
    for (const address of failing) dead.add(address)
    last = again((address) => dead.has(address))
    found.push(...outcomesOf(last))
  }
  return found
}

/** Endpoints whose connections are closed by the next proxy, or show the wrong name. */
function failingEndpoints({ branches }: Hop): string[] {
  return branches.flatMap(({ endpoint, hop, wrongIdentity }) =>
    wrongIdentity || (hop?.decision.ending !== undefined && hop.decision.status === undefined) ? [endpoint] : [],
  )
}
