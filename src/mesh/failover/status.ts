import { endpointsOfService, textQuery, type World } from '../../discovery/index.ts'
import { compareText, sameStructure } from '../../lib/index.ts'
import type { Failover, FailoverStatus } from '../../resources/fairlead/index.ts'
import { fairleadKinds } from '../kinds.ts'
import { comparesCallers, type FailoverPlan } from './model.ts'
import { clusterOfEndpoint, rungPlaceOf } from './place.ts'
import { servicesMeant } from './problems.ts'
import { decidingClaim, failoverPlanOf } from './select.ts'
import { failoverSwitch } from './switch.ts'

type ServiceStatus = NonNullable<FailoverStatus['services']>[number]

/** What became of each service that a Failover (`namespace/name`) names. */
export const failoverServices = textQuery(
  'mesh/failover-services',
  (world, key): readonly ServiceStatus[] => {
    const failover = world.object(world.primary, fairleadKinds.failover, key) as Failover | undefined
    const found = (failover?.spec?.hosts ?? []).flatMap((host) =>
      failover ? servicesMeant(world, failover, host) : [],
    )
    return found.map((service): ServiceStatus => {
      const { host } = service
      if (decidingClaim(world, service)?.key !== key) return { host, inForce: false, reason: 'Conflict' }
      const state = failoverSwitch(world, service)
      if (state === 'object') return { host, inForce: true, reason: 'Disabled' }
      if (state !== 'on') return { host, inForce: false, reason: 'SwitchedOff' }
      const plan = world.get(failoverPlanOf, service)
      return { host, inForce: true, reason: 'InForce', ...(plan && rungsOf(world, plan, service)) }
    })
  },
  { equals: sameStructure },
)

const places = ['Cluster', 'Network', 'Region', 'Zone', 'Subzone', 'Node'] as const

/** Who is in which rung, where that is the same for all callers. */
function rungsOf(
  world: World,
  plan: FailoverPlan,
  service: { readonly namespace: string; readonly host: string },
): Pick<ServiceStatus, 'rungs'> {
  const differs = places.some((what) => comparesCallers(plan, what))
  const namesSubsets = plan.rungs.some(({ members }) => members.some(({ subset }) => subset !== undefined))
  if (plan.rungs.length === 0 || differs || namesSubsets) return {}
  const nowhere = { cluster: '', network: '', locality: '', node: '' }
  const members = Map.groupBy(
    world.get(endpointsOfService, service),
    (endpoint) => rungPlaceOf(plan, endpoint, nowhere, new Map())?.rung,
  )
  return {
    rungs: plan.rungs.map(({ name }, at) => {
      const own = members.get(at) ?? []
      const workloads = new Set(own.map(({ workload, address }) => `${workload.cluster}|${workload.name}|${address}`))
      const clusters = [...new Set(own.map(clusterOfEndpoint))].sort(compareText)
      return { name, clusters, endpoints: workloads.size }
    }),
  }
}
