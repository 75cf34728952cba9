import type { Endpoint } from '../../discovery/index.ts'
import { compareText } from '../../lib/index.ts'
import { type FailBackPhase, type FailoverCaller, type FailoverPlan, rungPlaceOf } from '../failover/index.ts'
import { denseRanks } from '../locality/index.ts'
import type { Target, TargetGroup } from './model.ts'

type Labels = Readonly<Record<string, string>>

export interface FailoverRequest {
  readonly plan: FailoverPlan
  readonly caller: FailoverCaller
  /** Labels of the service's subsets, by name. */
  readonly subsets: ReadonlyMap<string, Labels>
  /** How far the rung of a name has come back after it failed. */
  readonly phaseOf: (rung: string) => FailBackPhase
  /** Endpoints that can be dialled, and gateways for the others. */
  readonly targetsOf: (endpoints: readonly Endpoint[]) => readonly Target[]
}

interface Placed {
  readonly endpoint: Endpoint
  readonly rung: number
  readonly member: number
}

/** A member's weight is spread over its endpoints in such parts, so that rounding does not show. */
const partsPerWeight = 1000

/**
 * The endpoints of a service in the rungs of a plan. Weights of endpoints carry the shares of members: so members that share a
 * locality need no group of their own, which Envoy would not keep apart.
 */
export function failoverGroups(endpoints: readonly Endpoint[], request: FailoverRequest): TargetGroup[] {
  const { plan, caller, subsets } = request
  const placed = endpoints.flatMap((endpoint): Placed[] => {
    const place = rungPlaceOf(plan, endpoint, caller, subsets)
    return place ? [{ endpoint, ...place }] : []
  })
  const rungs = [...Map.groupBy(placed, ({ rung }) => rung)].sort(([a], [b]) => a - b)
  const gateways = new Set<string>()
  const groups = rungs.flatMap(([rung, members]) => {
    const own = groupsOfRung(rung, members, request).map((group) => withoutGateways(group, gateways))
    for (const { targets } of own)
      for (const target of targets) if (target.kind === 'gateway') gateways.add(nameOf(target))
    return own.filter(({ targets }) => targets.length > 0)
  })
  const joined = returning(withoutNeedlessMarks(groups), request)
  const dense = denseRanks(joined.map(({ priority }) => priority))
  return joined.map((group, at) => ({ ...group, priority: dense[at] ?? 0 }))
}

/**
 * Where nothing healthy is left that counts in full, what is degraded counts in full, too. For Envoy that is the same; clients
 * that know only healthy and unhealthy endpoints (gRPC) would have none.
 */
function withoutNeedlessMarks(groups: readonly TargetGroup[]): readonly TargetGroup[] {
  const suffices = groups.some(({ degraded, targets }) => !degraded && targets.some(isHealthy))
  if (suffices) return groups
  return groups.map(({ locality, priority, weight, targets }) => ({ locality, priority, weight, targets }))
}

function isHealthy(target: Target): boolean {
  return (target.kind === 'gateway' ? target.health : target.endpoint.health) === 'healthy'
}

function groupsOfRung(rung: number, placed: readonly Placed[], request: FailoverRequest): TargetGroup[] {
  const { plan, targetsOf, phaseOf } = request
  const weighted = withMemberWeights(plan.rungs[rung]?.members.map(({ weight }) => weight) ?? [], placed)
  const degraded = isFailed(plan, placed) || phaseOf(plan.rungs[rung]?.name ?? '') === 'held'
  const byLocality = Map.groupBy(weighted, ({ workload }) => workload.locality)
  const groups = [...byLocality]
    .sort(([a], [b]) => compareText(a, b))
    .map(([locality, own]) => ({ locality, targets: targetsOf(own) }))
  return gatewaysOnce(groups).map(({ locality, targets }) => ({
    locality,
    priority: rung,
    weight: weightOf(targets),
    targets,
    ...(degraded && { degraded }),
  }))
}

interface Place {
  readonly locality: string
  readonly targets: readonly Target[]
}

/** A gateway before several localities stands in the first of them, with the shares of all. */
function gatewaysOnce(places: readonly Place[]): Place[] {
  const shares = new Map<string, number>()
  for (const target of places.flatMap(({ targets }) => targets))
    if (target.kind === 'gateway') shares.set(nameOf(target), (shares.get(nameOf(target)) ?? 0) + target.weight)
  return places.map(({ locality, targets }) => ({
    locality,
    targets: targets.flatMap((target): readonly Target[] => {
      if (target.kind === 'endpoint') return [target]
      const weight = shares.get(nameOf(target))
      shares.delete(nameOf(target))
      return weight === undefined ? [] : [{ ...target, weight }]
    }),
  }))
}

/** Parts of a whole for rungs that share the requests of one, so that percents are exact. */
const partsPerRung = 1_000_000

/** A rung that comes back takes its percent of what the next one in use has: the two are one, with weights. */
function returning(groups: readonly TargetGroup[], { plan, phaseOf }: FailoverRequest): TargetGroup[] {
  let found = [...groups]
  for (const [rung, { name }] of plan.rungs.entries()) {
    const percent = phaseOf(name)
    if (typeof percent !== 'number') continue
    const own = found.filter(({ priority, degraded }) => priority === rung && !degraded)
    const next = found.find(({ priority, degraded }) => priority > rung && !degraded)?.priority
    if (own.length === 0 || next === undefined) continue
    const other = found.filter(({ priority }) => priority === next)
    const rest = found.filter((group) => !own.includes(group) && !other.includes(group))
    const shares = [...scaled(own, percent), ...scaled(other, 100 - percent)].map((group) => ({
      ...group,
      priority: next,
    }))
    found = [...rest, ...ofOneLocality(shares)]
  }
  return found.sort((a, b) => a.priority - b.priority || compareText(a.locality, b.locality))
}

/** Groups that together have so many percent of the parts. */
function scaled(groups: readonly TargetGroup[], percent: number): TargetGroup[] {
  const all = groups.reduce((sum, { weight }) => sum + weight, 0)
  const factor = (percent * partsPerRung) / 100 / Math.max(1, all)
  return groups.map((group) => {
    const targets = group.targets.map((target) => ({
      ...target,
      weight: Math.max(1, Math.round(target.weight * factor)),
    }))
    return { ...group, targets, weight: weightOf(targets) }
  })
}

/** One group for each locality: Envoy would not keep several of a priority apart. */
function ofOneLocality(groups: readonly TargetGroup[]): TargetGroup[] {
  return [...Map.groupBy(groups, ({ locality }) => locality).values()].flatMap((same) => {
    const [first] = same
    if (!first) return []
    const targets = same.flatMap((group) => group.targets)
    return [{ ...first, targets, weight: weightOf(targets) }]
  })
}

/** Endpoints whose weights give each member its share; as they are where members have no weights. */
function withMemberWeights(weights: readonly (number | undefined)[], placed: readonly Placed[]): Endpoint[] {
  if (weights.every((weight) => weight === undefined || weight === 0)) return placed.map(({ endpoint }) => endpoint)
  const own = ({ endpoint }: Placed): number => endpoint.weight || 1
  const totals = weights.map((_, at) =>
    placed.filter(({ member }) => member === at).reduce((sum, each) => sum + own(each), 0),
  )
  return placed.flatMap((each) => {
    const share = weights[each.member] ?? 1
    if (share === 0) return []
    const weight = Math.max(1, Math.round((share * partsPerWeight * own(each)) / (totals[each.member] ?? 1)))
    return [{ ...each.endpoint, weight }]
  })
}

/** Whether so little of a rung is ready that it counts as failed. */
function isFailed({ failedBelowPercent }: FailoverPlan, placed: readonly Placed[]): boolean {
  if (failedBelowPercent === 0) return false
  const ready = placed.filter(({ endpoint }) => endpoint.health === 'healthy').length
  return (ready * 100) / placed.length < failedBelowPercent
}

/**
 * Without gateways that stand in a rung before: Envoy keeps the first of endpoints with one address. (What is behind a gateway
 * cannot be told apart by who sends to it.)
 */
function withoutGateways(group: TargetGroup, taken: ReadonlySet<string>): TargetGroup {
  const targets = group.targets.filter((target) => target.kind === 'endpoint' || !taken.has(nameOf(target)))
  return { ...group, targets, weight: weightOf(targets) }
}

const maxWeight = 0xffffffff

/** Envoy refuses sums beyond 32 bits. */
function weightOf(targets: readonly Target[]): number {
  return Math.min(
    maxWeight,
    targets.reduce((sum, { weight }) => sum + weight, 0),
  )
}

function nameOf({ gateway }: Extract<Target, { kind: 'gateway' }>): string {
  return `${gateway.address}|${gateway.port}`
}
