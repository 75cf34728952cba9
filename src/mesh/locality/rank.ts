import { labelNames } from '../../discovery/index.ts'
import { distance, type Locality } from './match.ts'

// What is nearer gets the lower number; the numbers are made dense afterwards. Where labels and regions both rank, labels decide first.

type Labels = Readonly<Record<string, string>>

/**
 * Rank by labels: 0 if all match, else the later the first mismatch the better. A mismatch of the network, where it is
 * asked for first, puts an endpoint behind all of the own network but does not end the comparison. `label=value`
 * compares with the value instead of the proxy's own.
 */
export function labelRank(priorities: readonly string[], proxy: Labels, endpoint: Labels): number {
  const lowest = priorities.length
  let behind = 0
  for (const [at, priority] of priorities.entries()) {
    const [label = '', value] = priority.split('=')
    if ((value ?? proxy[label] ?? '') === (endpoint[label] ?? '')) continue
    if (at > 0 || label !== labelNames.network) return behind + lowest - at
    behind = lowest
  }
  return behind
}

interface FailoverRule {
  readonly from?: string
  readonly to?: string
}

/** Rank by locality: same subzone, zone, region, the region that a rule names (3), all others (3, or 4 with a rule). */
export function localityRank(proxy: Locality, endpoint: Locality, rules: readonly FailoverRule[]): number {
  const steps = distance(proxy, endpoint)
  if (steps < 3) return steps
  const rule = rules.find(({ from }) => from === proxy.region)
  return rule && rule.to !== endpoint.region ? 4 : 3
}

/** Ranks of `localityRank`, for composing it with label ranks. */
export const localityRanks = 5

/** Rank by region only, so that Envoy can balance the zones of the own region: own, the one that a rule names, others. */
export function regionRank(proxy: Locality, endpoint: Locality, rules: readonly FailoverRule[]): number {
  if (endpoint.region === proxy.region) return 0
  const rule = rules.find(({ from }) => from === proxy.region)
  return rule && rule.to === endpoint.region ? 1 : 2
}

export const regionRanks = 3

/** Ranks made dense: equal ones stay equal, the order stays, no number is left out. */
export function denseRanks(ranks: readonly number[]): number[] {
  const order = [...new Set(ranks)].sort((a, b) => a - b)
  const position = new Map(order.map((rank, at) => [rank, at]))
  return ranks.map((rank) => position.get(rank) ?? 0)
}
