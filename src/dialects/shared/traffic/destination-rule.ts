// The DestinationRule of a service: how its callers connect, and which subsets it has.
import type { Service, TrafficPolicy } from '../model.ts'
import { canonical, compact } from '../plain.ts'
import { serviceKey } from '../selectors.ts'
import type { AppliedPolicies, Claim } from './applied.ts'
import { ruleFeatures } from './features/index.ts'

type Labels = Readonly<Record<string, string>>

/** Subsets that routes refer to, by the service's key. */
export type Subsets = ReadonlyMap<string, readonly Labels[]>

/** Collects the subsets that shifts refer to. */
export function collectSubsets(policies: Iterable<TrafficPolicy>): Subsets {
  const found = new Map<string, Map<string, Labels>>()
  for (const { policy } of policies)
    for (const { target } of policy.trafficShift ?? []) {
      if (target.kind !== 'service' || Object.keys(target.subset).length === 0) continue
      const key = serviceKey(target.ref)
      const labels = found.get(key) ?? new Map<string, Labels>()
      found.set(key, labels.set(canonical(target.subset), target.subset))
    }
  return new Map(
    [...found].map(([key, labels]) => [key, [...labels].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, l]) => l)]),
  )
}

/** What a DestinationRule is made from, beside the policies. */
export interface RuleInput {
  readonly host: string
  readonly tlsMode: string
  readonly keepalive?: Readonly<Record<string, unknown>> | undefined
  readonly subsets: readonly Labels[]
  readonly subsetName: (labels: Labels) => string
}

/** The spec of a DestinationRule. */
export function ruleSpec(input: RuleInput, claims: ReadonlyMap<string, Claim>): Record<string, unknown> {
  const parts = ruleFeatures.flatMap(({ field, emit }) => {
    const claimed = claims.get(field)
    return claimed === undefined ? [] : [emit(claimed.value as never)]
  })
  const connectionPool = input.keepalive && { tcp: { tcpKeepalive: input.keepalive } }
  return compact({
    host: input.host,
    trafficPolicy: Object.assign({ tls: { mode: input.tlsMode } }, connectionPool && { connectionPool }, ...parts),
    subsets: input.subsets.map((labels) => ({ name: input.subsetName(labels), labels })),
  })
}

export type { AppliedPolicies, Service }
