// Which services each cluster lets other clusters call, and by which gateways.
import type { ObjectRef, Problem } from '../../report/index.ts'
import { asText, at, type FactService, hasLabels, type Plain } from '../shared/index.ts'
import { type Backend, backendsOf, countOf, isObserved, type TsbCluster } from './clusters.ts'
import {
  type EastWestGateway,
  exposedLabels,
  findGateways,
  type GatewaySelector,
  selectorOf,
} from './east-west-gateways.ts'
import { eastWestItems, type Hierarchy, type Workspace } from './hierarchy.ts'

/** One item of a workspace's east-west settings, on one cluster that has its gateway. */
export interface Exposure {
  readonly workspace: Workspace
  readonly setting: ObjectRef
  /** Position of the item in its list. */
  readonly index: number
  readonly cluster: TsbCluster
  readonly selector: GatewaySelector
  readonly gateways: readonly EastWestGateway[]
  readonly services: readonly ExposedService[]
}

export interface ExposedService {
  readonly cluster: TsbCluster
  readonly service: FactService
  readonly workspace: Workspace
  readonly gateways: readonly EastWestGateway[]
  /** Pods with a proxy. A gateway can reach no others. */
  readonly backends: readonly Backend[]
}

/** All exposures, and what keeps settings from exposing what they mean to. */
export function findExposures(
  hierarchy: Hierarchy,
  clusters: readonly TsbCluster[],
): { readonly exposures: readonly Exposure[]; readonly problems: readonly Problem[] } {
  const exposures: Exposure[] = []
  const problems: Problem[] = []
  for (const workspace of hierarchy.workspaces) {
    const { setting } = workspace
    if (setting === undefined) continue
    const items = eastWestItems(workspace)
    // First item that matches a service owns it; on each cluster by itself.
    const taken = new Set<string>()
    for (const [index, item] of items.entries()) {
      const found = clusters.flatMap((cluster) => exposureOn(cluster, { hierarchy, workspace, item, index, taken }))
      exposures.push(...found.flatMap(({ exposure }) => exposure ?? []))
      const path = `spec.defaultEastWestGatewaySettings[${index}]`
      const warn = (message: string): void => {
        problems.push({ code: 'reference-not-found', severity: 'warning', object: setting.ref, path, message })
      }
      for (const { reasons } of found) for (const reason of reasons) warn(reason)
      if (found.every(({ exposure, reasons }) => exposure === undefined && reasons.length === 0))
        warn('no cluster has a gateway with these labels in this namespace')
      else if (exposedLabels(item) !== undefined && found.every(({ exposure }) => !exposure?.services.length))
        warn('exposedServices matches no service of the workspace')
    }
  }
  return { exposures, problems }
}

interface ItemContext {
  readonly hierarchy: Hierarchy
  readonly workspace: Workspace
  readonly item: Plain
  readonly index: number
  readonly taken: Set<string>
}

function exposureOn(
  cluster: TsbCluster,
  { hierarchy, workspace, item, index, taken }: ItemContext,
): { readonly exposure: Exposure | undefined; readonly reasons: readonly string[] }[] {
  const selector = selectorOf(item)
  const { gateways, unusable } = findGateways(cluster, selector)
  const reasons = unusable.map(({ reason }) => reason)
  const setting = workspace.setting?.ref
  if (gateways.length === 0 || setting === undefined) return [{ exposure: undefined, reasons }]
  const labels = exposedLabels(item)
  const gatewayNames = new Set(gateways.map(({ service }) => service))
  const services: ExposedService[] = []
  for (const service of cluster.facts.services.values()) {
    const key = `${cluster.name}/${service.namespace}/${service.name}`
    if (taken.has(key) || gatewayNames.has(service) || !canBeCalled(service)) continue
    if (hierarchy.owners.of(cluster.name, service.namespace) !== workspace) continue
    if (labels !== undefined && !labels.some((wanted) => hasLabels(service.labels, wanted))) continue
    taken.add(key)
    const all = backendsOf(cluster.facts, service)
    const backends = all.filter(({ inMesh }) => inMesh)
    if (all.length > 0 && backends.length === 0)
      reasons.push(
        `${service.namespace}/${service.name} of cluster ${cluster.name} is not exposed: its pods have no proxy`,
      )
    services.push({ cluster, service, workspace, gateways, backends })
  }
  return [{ exposure: { workspace, setting, index, cluster, selector, gateways, services }, reasons }]
}

/** Services that are a name and nothing else, or have no address that answers for all pods, cannot fail over. */
function canBeCalled({ type, selector, object, ports }: FactService): boolean {
  if (type === 'ExternalName' || Object.keys(selector).length === 0 || ports.length === 0) return false
  return asText(at(object.spec, 'clusterIP')) !== 'None'
}

/** What stands behind the gateways and can answer now; where only files are known, it is taken to. */
export function readyCount({ cluster, backends }: ExposedService): number {
  return isObserved(cluster.facts) ? countOf(backends) : Math.max(1, countOf(backends))
}

export function hostOf({ name, namespace }: { readonly name: string; readonly namespace: string }): string {
  return `${name}.${namespace}.svc.cluster.local`
}
