import { endpointsOfService, isDrained, type World, worldQuery } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import type { Failover } from '../../resources/fairlead/index.ts'
import { fairleadKinds } from '../kinds.ts'
import type { FailoverPlan } from './model.ts'
import { clusterOfEndpoint, rungPlaceOf } from './place.ts'
import { servicesMeant } from './problems.ts'
import { decidingClaim, failoverPlanOf } from './select.ts'
import { failoverSwitch } from './switch.ts'

// A rung that failed comes back slowly. Stages read no clock: which part of the way a rung has come is a document from
// outside of the clusters, which the control plane writes as time goes by.

/** Where it is written how far a rung has come back. */
export function failBackPlace(
  cluster: string,
  { namespace, host }: { readonly namespace: string; readonly host: string },
  rung: string,
): string {
  return `fail-back:${cluster}|${namespace}/${host}|${rung}`
}

/** `held`: not yet in use. A number: the percent of its share that it gets. Undefined: all of it. */
export type FailBackPhase = 'held' | number | undefined

export function readPhase(text: string | undefined): FailBackPhase {
  if (text === undefined) return undefined
  return text === 'held' ? 'held' : Number(text)
}

/** A rung that is to come back slowly, and whether it has failed now. */
export interface FailBackRung {
  readonly place: string
  readonly failed: boolean
  readonly afterMs: number
  readonly overMs: number
}

/** All rungs of a world that are to come back slowly: of each service those that have another one behind them. */
export const failBackRungs = worldQuery(
  'mesh/fail-back-rungs',
  (world): readonly FailBackRung[] =>
    (world.objects(world.primary, fairleadKinds.failover) as readonly Failover[])
      .filter(({ spec }) => spec?.failBack !== undefined && spec.rungs !== undefined)
      .flatMap((failover) => (failover.spec?.hosts ?? []).flatMap((host) => servicesMeant(world, failover, host)))
      .flatMap((service) => {
        const plan = world.get(failoverPlanOf, service)
        const inForce = plan && decidingClaim(world, service)?.key === plan.key
        return inForce && failoverSwitch(world, service) === 'on' ? rungsOfPlan(world, plan, service) : []
      }),
  { equals: sameStructure },
)

function rungsOfPlan(
  world: World,
  plan: FailoverPlan,
  service: { readonly namespace: string; readonly host: string },
): FailBackRung[] {
  const { afterMs, overMs } = plan.failBack
  if (afterMs === 0 && overMs === 0) return []
  const caller = { cluster: world.primary, network: '', locality: '', node: '' }
  const usable = world
    .get(endpointsOfService, service)
    .filter((endpoint) => !isDrained(world, clusterOfEndpoint(endpoint)))
  const members = Map.groupBy(usable, (endpoint) => rungPlaceOf(plan, endpoint, caller, new Map())?.rung)
  const last = plan.othersLast ? plan.rungs.length : plan.rungs.length - 1
  return plan.rungs.slice(0, last).flatMap(({ name, members: selects }, at) => {
    // Who is in such a rung differs from caller to caller.
    if (selects.some(({ same, subset }) => (same !== undefined && same !== 'Cluster') || subset !== undefined))
      return []
    const own = members.get(at) ?? []
    const ready = own.filter(({ health }) => health === 'healthy').length
    const failed = ready === 0 || (ready * 100) / own.length < plan.failedBelowPercent
    return [{ place: failBackPlace(world.primary, service, name), failed, afterMs, overMs }]
  })
}
