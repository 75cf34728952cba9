// The DestinationRule of a service: how its callers connect, and which subsets it has.
import { compareText } from '../../../lib/index.ts'
import type { Ref, WeightedTarget } from '../model.ts'
import { canonical, compact } from '../plain.ts'
import { serviceKey } from '../selectors.ts'
import type { Claim } from './applied.ts'
import { ruleFeatures } from './features/index.ts'

type Labels = Readonly<Record<string, string>>

/** Subsets that routes refer to, by the key of the service or virtual destination. */
export type Subsets = ReadonlyMap<string, readonly Labels[]>

/** Key of a virtual destination among the subsets. */
export function virtualKey({ name, namespace }: Ref): string {
  return `virtual/${namespace}/${name}`
}

/** Collects the subsets that targets name. */
export function collectSubsets(targets: Iterable<WeightedTarget>): Subsets {
  const found = new Map<string, Map<string, Labels>>()
  for (const { target } of targets) {
    if (target.kind !== 'service' && target.kind !== 'virtual') continue
    if (Object.keys(target.subset).length === 0) continue
    const key = target.kind === 'service' ? serviceKey(target.ref) : virtualKey(target.ref)
    const labels = found.get(key) ?? new Map<string, Labels>()
    found.set(key, labels.set(canonical(target.subset), target.subset))
  }
  const sorted = (labels: Map<string, Labels>): Labels[] =>
    [...labels].sort(([a], [b]) => compareText(a, b)).map(([, each]) => each)
  return new Map([...found].map(([key, labels]) => [key, sorted(labels)]))
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
