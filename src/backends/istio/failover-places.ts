// Rungs as Istio's locality settings: `distribute` for one rung with weights, `failoverPriority` for an order.
import { labelNames } from '../../discovery/index.ts'
import { type FailoverMember, type FailoverRung, type FailoverSpec, rungName } from '../../resources/fairlead/index.ts'
import type { Place } from '../../resources/index.ts'

interface IstioPlaces {
  readonly localityLbSetting?: {
    readonly enabled: true
    readonly failoverPriority?: readonly string[]
    readonly distribute?: readonly { readonly from: string; readonly to: Readonly<Record<string, number>> }[]
  }
}

/** The locality setting that comes nearest to the rungs; what of them is lost is told. */
export function placesInIstio(spec: FailoverSpec, place: Place): IstioPlaces {
  const rungs = spec.rungs ?? []
  const [first] = rungs
  if (!first) return {}
  const at = place.field('rungs')
  if (spec.others === 'Never') lost(place.field('others'), 'endpoints of no rung are used when all others have failed')
  if (rungs.length === 1 && first.members.some(({ weight }) => weight !== undefined)) {
    const distribute = distributeOf(first)
    if (distribute) return { localityLbSetting: { enabled: true, distribute: [distribute] } }
  }
  for (const [index, { members }] of rungs.entries())
    if (members.some(({ weight }) => weight !== undefined))
      lost(at.item(index), 'weights within a rung of an order: its endpoints share evenly')
  const failoverPriority = orderOf(rungs, at)
  return failoverPriority.length === 0 ? {} : { localityLbSetting: { enabled: true, failoverPriority } }
}

function lost(at: Place, what: string): void {
  at.warn(`is lost on a cluster that runs Istio: ${what}`, 'not-supported')
}

/** Weights of localities as percents; undefined if members are anything else. */
function distributeOf({ members }: FailoverRung): { from: string; to: Record<string, number> } | undefined {
  const isPlace = ({ clusters, same, subset, labels, localities }: FailoverMember): boolean =>
    localities?.length === 1 && !clusters && !same && !subset && !labels
  if (!members.every(isPlace)) return undefined
  const total = members.reduce((sum, { weight = 0 }) => sum + weight, 0)
  let left = 100
  const to = members.map(({ localities, weight = 0 }, index): [string, number] => {
    const percent = index === members.length - 1 ? left : Math.min(left, Math.round((weight * 100) / total))
    left -= percent
    return [localities?.[0] ?? '*', percent]
  })
  return { from: '*', to: Object.fromEntries(to.filter(([, percent]) => percent > 0)) }
}

/**
 * Labels by which Istio ranks endpoints: the more of them match, from the first one on, the sooner an endpoint is used. So it
 * knows orders in which each rung asks for all that the next one asks for, and more.
 */
function orderOf(rungs: readonly FailoverRung[], place: Place): readonly string[] {
  const asked = rungs.map(({ members }) => (members.length === 1 && members[0] ? labelsOf(members[0]) : undefined))
  const [first] = asked
  if (!first) {
    lost(place.item(0), 'Istio ranks endpoints by labels that they have in common, and cannot say what this rung has')
    return []
  }
  // From the last rung, which asks for least, to the first.
  const order: string[] = []
  const nested = [...asked].reverse().every((own) => {
    const fits = own !== undefined && order.every((label) => own.includes(label))
    if (fits) order.push(...own.filter((label) => !order.includes(label)))
    return fits
  })
  if (nested) return order
  // Not one within the other: then only the first one comes before all others.
  if (rungs.length > 2) {
    const others = rungs.slice(1).map((rung, index) => rungName(rung, index + 1))
    lost(
      place,
      `the order of ${others.join(', ')}: they are used alike when ${rungName(rungs[0] ?? { members: [] }, 0)} has failed`,
    )
  }
  return first
}

/** What a member asks for as labels of endpoints, the wider ones first; undefined if that cannot be said. */
function labelsOf({ clusters, localities, same, subset, labels }: FailoverMember): string[] | undefined {
  if (subset !== undefined || (clusters?.length ?? 1) > 1 || (localities?.length ?? 1) > 1) return undefined
  const found: string[] = []
  const [region, zone, subzone] = (localities?.[0] ?? '').split('/')
  for (const [name, value] of [
    [labelNames.region, region],
    [labelNames.zone, zone],
    [labelNames.subzone, subzone],
  ] as const)
    if (value && value !== '*') found.push(`${name}=${value}`)
  found.push(...(same ? sameLabels[same] : []))
  const cluster = clusters?.[0]
  if (cluster !== undefined) found.push(cluster === '.' ? labelNames.cluster : `${labelNames.cluster}=${cluster}`)
  found.push(...Object.entries(labels ?? {}).map(([name, value]) => `${name}=${value}`))
  return [...new Set(found)]
}

const sameLabels: Readonly<Record<NonNullable<FailoverMember['same']>, readonly string[]>> = {
  Network: [labelNames.network],
  Cluster: [labelNames.cluster],
  Region: [labelNames.region],
  Zone: [labelNames.region, labelNames.zone],
  Subzone: [labelNames.region, labelNames.zone, labelNames.subzone],
  Node: [labelNames.node],
}
