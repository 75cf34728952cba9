import { type Endpoint, labelNames, selects } from '../../discovery/index.ts'
import { distance, localityMatches, parseLocality } from '../locality/match.ts'
import type { FailoverMember, FailoverPlan } from './model.ts'

type Labels = Readonly<Record<string, string>>

/** What of a caller decides in which rung an endpoint is for it. */
export interface FailoverCaller {
  readonly cluster: string
  readonly network: string
  readonly locality: string
  readonly node: string
}

export interface RungPlace {
  /** Position of the rung; one more than the last is for those that none has. */
  readonly rung: number
  readonly member: number
}

/** The rung that an endpoint is in, and which of its members has it; undefined if it is not to be used. */
export function rungPlaceOf(
  plan: FailoverPlan,
  endpoint: Endpoint,
  caller: FailoverCaller,
  subsets: ReadonlyMap<string, Labels>,
): RungPlace | undefined {
  for (const [rung, { members }] of plan.rungs.entries()) {
    const member = members.findIndex((each) => selectsEndpoint(each, endpoint, caller, subsets))
    if (member >= 0) return { rung, member }
  }
  return plan.othersLast ? { rung: plan.rungs.length, member: 0 } : undefined
}

/** The cluster that an endpoint stands for: of a gateway of another cluster, that one. */
export function clusterOfEndpoint({ workload }: Endpoint): string {
  return workload.labels[labelNames.remoteCluster] ?? workload.cluster
}

function selectsEndpoint(
  { clusters, localities, same, subset, labels }: FailoverMember,
  endpoint: Endpoint,
  caller: FailoverCaller,
  subsets: ReadonlyMap<string, Labels>,
): boolean {
  const { workload } = endpoint
  const cluster = clusterOfEndpoint(endpoint)
  const place = parseLocality(workload.locality)
  if (clusters && !clusters.some((name) => (name === '.' ? caller.cluster : name) === cluster)) return false
  if (localities && !localities.some((pattern) => localityMatches(place, pattern))) return false
  if (same && !isSame(same, endpoint, caller)) return false
  if (labels && !selects(labels, workload.labels)) return false
  if (subset === undefined) return true
  const wanted = subsets.get(subset)
  return wanted !== undefined && selects(wanted, workload.labels)
}

function isSame(same: NonNullable<FailoverMember['same']>, endpoint: Endpoint, caller: FailoverCaller): boolean {
  const { workload } = endpoint
  const steps = distance(parseLocality(caller.locality), parseLocality(workload.locality))
  switch (same) {
    case 'Cluster':
      return clusterOfEndpoint(endpoint) === caller.cluster
    case 'Network':
      return workload.network === caller.network
    case 'Node':
      return workload.node !== '' && workload.node === caller.node && workload.cluster === caller.cluster
    case 'Region':
      return steps < 3
    case 'Zone':
      return steps < 2
    case 'Subzone':
      return steps === 0
  }
}
