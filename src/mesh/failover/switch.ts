import { labelNames, namespaceOf, type Service, systemNamespace, type World } from '../../discovery/index.ts'
import type { Problem } from '../../report/index.ts'
import { collect, groupKind, type KubeObject, refOf } from '../../resources/index.ts'
import type { FailoverPlan } from './model.ts'
import { failoverPlanOf } from './select.ts'

type SwitchedService = Pick<Service, 'namespace' | 'host' | 'labels'>

/** Where failing over was switched off. */
export type FailoverSwitch = 'on' | 'service' | 'object' | 'namespace' | 'mesh'

/** What a switch (label `fairlead.dev/failover`) says; undefined if nothing that is known. */
export function readSwitch(value: string | undefined): boolean | undefined {
  if (value === 'disabled' || value === 'off' || value === 'false') return false
  if (value === 'enabled' || value === 'on' || value === 'true') return true
  return undefined
}

/** Labels that are meant to be switches and say nothing, of objects that can have one. */
export function switchProblems(objects: readonly KubeObject[]): Problem[] {
  const switchable = new Set(['/Namespace', '/Service', 'networking.istio.io/ServiceEntry'])
  return objects.flatMap((object) => {
    const value = object.metadata.labels?.[labelNames.failover]
    if (value === undefined || readSwitch(value) !== undefined || !switchable.has(groupKind(object))) return []
    return collect(refOf('', object), (root) =>
      root
        .field('metadata')
        .field('labels')
        .field(labelNames.failover)
        .warn(`says nothing: ${JSON.stringify(value)} is neither enabled nor disabled`),
    )
  })
}

/** Whether a service fails over, and if not, who said so. The nearest word counts: service, Failover, namespace, mesh. */
export function failoverSwitch(world: World, service: SwitchedService): FailoverSwitch {
  const own = readSwitch(service.labels[labelNames.failover])
  if (own !== undefined) return own ? 'on' : 'service'
  if (world.get(failoverPlanOf, service)?.disabled) return 'object'
  for (const [namespace, level] of [
    [service.namespace, 'namespace'],
    [systemNamespace, 'mesh'],
  ] as const) {
    const said = readSwitch(namespaceOf(world, world.primary, namespace).labels[labelNames.failover])
    if (said !== undefined) return said ? 'on' : level
  }
  return 'on'
}

/** What a Failover says of a service, as far as failing over is not switched off. */
export function failoverOf(world: World, service: SwitchedService): FailoverPlan | undefined {
  const plan = world.get(failoverPlanOf, service)
  return plan && failoverSwitch(world, service) === 'on' ? plan : undefined
}
