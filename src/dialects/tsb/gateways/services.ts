// Services that gateways send requests to: `NAMESPACE/HOST`.
import type { FactService } from '../../shared/index.ts'
import { backendsOf, countOf, isObserved, type TsbCluster } from '../clusters.ts'
import type { Hierarchy } from '../hierarchy.ts'
import type { Server } from './servers.ts'

export interface ServiceReference {
  readonly namespace: string
  /** Whole host. */
  readonly host: string
}

/** Reads `NAMESPACE/HOST`, of which the host may be short, or lack its namespace. */
export function serviceReference(text: string): ServiceReference | undefined {
  const [namespace = '', host = '', ...more] = text.split('/')
  if (namespace === '' || host === '' || more.length > 0) return undefined
  const [name = '', ...rest] = host.split('.')
  const within = ['', namespace, 'svc.cluster.local', `${namespace}.svc`, `${namespace}.svc.cluster.local`]
  return { namespace, host: within.includes(rest.join('.')) ? `${name}.${namespace}.svc.cluster.local` : host }
}

/** The cluster's own Service by that name. */
export function localService({ facts }: TsbCluster, { host }: ServiceReference): FactService | undefined {
  const [name = '', namespace = ''] = host.split('.')
  return host.endsWith('.svc.cluster.local') ? facts.services.get(`${namespace}/${name}`) : undefined
}

/** Whether a gateway of a workspace may send requests to a namespace: its own, nobody's; a privileged one, everybody's. */
export function mayServe(server: Server, { owners }: Hierarchy, cluster: TsbCluster, namespace: string): boolean {
  const { workspace } = server.group
  const owner = owners.of(cluster.name, namespace)
  return owner === undefined || owner === workspace || workspace.object.spec['privileged'] === true
}

/** Whether anything that a gateway sends requests to can answer there; what is not known counts as able. */
export function canAnswer(server: Server, cluster: TsbCluster): boolean {
  const references = server.rules.flatMap(({ action }) =>
    action?.kind === 'service' ? (serviceReference(action.reference) ?? []) : [],
  )
  if (references.length === 0 || !isObserved(cluster.facts)) return true
  return references.some((reference) => {
    if (!reference.host.endsWith('.svc.cluster.local')) return true
    const service = localService(cluster, reference)
    if (service === undefined) return false
    return Object.keys(service.selector).length === 0 || countOf(backendsOf(cluster.facts, service)) > 0
  })
}
