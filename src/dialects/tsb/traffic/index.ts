// TrafficSettings of all levels → what proxies know of other hosts, how they call them, and how many requests they take in.
import type { Problem } from '../../../report/index.ts'
import { asMap, asText, at, type ClusterObject } from '../../shared/index.ts'
import type { TsbCluster } from '../clusters.ts'
import { isNamed } from '../destination-rules.ts'
import type { PatchedProxies } from '../filters/envoy-filter.ts'
import { type Group, groupTaking, type Hierarchy, holds } from '../hierarchy.ts'
import { namespacesIn } from '../namespaces.ts'
import { pathOf, type TsbObject } from '../objects.ts'
import { inboundPatches } from './inbound.ts'
import { sidecarObject } from './reachability.ts'
import { noTrafficSetting, type TrafficSetting, withTraffic } from './setting.ts'
import { upstreamPatches } from './upstream.ts'

export interface TrafficResult {
  readonly objects: readonly ClusterObject[]
  readonly problems: readonly Problem[]
  /** The egress gateway's service, as `NAMESPACE/HOST`, by which a namespace leaves the mesh; '': none. */
  readonly egressOf: (cluster: TsbCluster, namespace: string) => string
}

/** Name of what holds for a whole namespace. */
const namespaceWide = 'tsb-traffic'

export function trafficObjects(hierarchy: Hierarchy, clusters: readonly TsbCluster[]): TrafficResult {
  const problems: Problem[] = []
  const inGroups = (kind: 'TrafficSetting' | 'ServiceTrafficSetting') =>
    hierarchy.all(kind).flatMap((object) => {
      const group = groupTaking(hierarchy, 'TrafficGroup', object, problems)
      return group === undefined ? [] : [{ object, group }]
    })
  const settings = inGroups('TrafficSetting')
  const ofServices = inGroups('ServiceTrafficSetting')
  const egress = new Map<string, string>()
  const objects = clusters.flatMap((cluster) =>
    namespacesIn(cluster).flatMap((namespace) => {
      const workspace = hierarchy.owners.of(cluster.name, namespace)
      if (workspace === undefined) return []
      const groups = groupsOf(hierarchy, cluster, namespace)
      const own = settings.filter(({ group }) => groups.includes(group)).map(({ object }) => object)
      const above = [
        ...hierarchy.settingsAbove(workspace.object.place),
        ...(workspace.setting ? [workspace.setting] : []),
      ]
      const specs = [...above.map(({ spec }) => asMap(spec['defaultTrafficSetting'])), ...own.map(({ spec }) => spec)]
      const setting = specs.reduce(withTraffic, noTrafficSetting)
      egress.set(`${cluster.name}/${namespace}`, setting.egressHost)
      const place: Place = { hierarchy, cluster, namespace, groups }
      const there = ofServices.filter(({ group }) => groups.includes(group)).map(({ object }) => object)
      const taken = new Map<string, TsbObject>()
      const nearest = own.at(-1) ?? workspace.setting
      return [
        ...objectsFor(place, { name: namespaceWide, labels: undefined }, setting, tellOn(nearest, problems)),
        ...there.flatMap((object) => objectsOfService(place, setting, object, { problems, taken })),
      ]
    }),
  )
  const egressOf = (cluster: TsbCluster, namespace: string): string => egress.get(`${cluster.name}/${namespace}`) ?? ''
  return { objects, problems: distinct(problems), egressOf }
}

interface Place {
  readonly hierarchy: Hierarchy
  readonly cluster: TsbCluster
  readonly namespace: string
  readonly groups: readonly Group[]
}

function groupsOf(hierarchy: Hierarchy, cluster: TsbCluster, namespace: string): Group[] {
  return hierarchy.groups('TrafficGroup').filter((group) => holds(group, hierarchy.owners, cluster.name, namespace))
}

const tellOn =
  (object: TsbObject | undefined, problems: Problem[]): PatchedProxies['tell'] =>
  (path, message) => {
    if (object === undefined) return
    const where = object.kind === 'WorkspaceSetting' ? `spec.defaultTrafficSetting.${path}` : `spec.${path}`
    problems.push({ code: 'not-supported', severity: 'error', object: object.ref, path: where, message })
  }

type Target = Pick<PatchedProxies, 'name' | 'labels'>

function objectsFor(
  { hierarchy, cluster, namespace, groups }: Place,
  target: Target,
  setting: TrafficSetting,
  tell: PatchedProxies['tell'],
): ClusterObject[] {
  const proxies = { ...target, cluster, namespace, tell }
  return [
    ...sidecarObject({ ...proxies, groups }, setting, hierarchy),
    ...upstreamPatches({ ...proxies, context: 'SIDECAR_OUTBOUND' }, setting.upstream),
    ...inboundPatches({ ...proxies, context: 'SIDECAR_INBOUND' }, setting),
  ]
}

/** What a service says of its own workloads, beside what holds for their namespace. */
function objectsOfService(
  place: Place,
  above: TrafficSetting,
  object: TsbObject,
  { problems, taken }: { readonly problems: Problem[]; readonly taken: Map<string, TsbObject> },
): ClusterObject[] {
  const { cluster, namespace } = place
  const service = [...cluster.facts.services.values()].find(
    (each) => each.namespace === namespace && isNamed(object.spec['service'], each.name, namespace),
  )
  if (service === undefined || Object.keys(service.selector).length === 0) return []
  const first = taken.get(service.name)
  if (first !== undefined) {
    problems.push(secondOfService(object, first))
    return []
  }
  taken.set(service.name, object)
  const own = asMap(object.spec['settings'])
  const said = withTraffic(noTrafficSetting, own)
  // A Sidecar of some workloads takes the place of their namespace's; patches of both are applied.
  const whole = withTraffic(above, own)
  const isOutbound = said.reachability !== undefined || said.egressHost !== ''
  const setting: TrafficSetting = isOutbound
    ? { ...said, reachability: whole.reachability, egressHost: whole.egressHost }
    : said
  if (said.egressHost !== '' && said.egressHost !== above.egressHost)
    problems.push(egressOfService(object, asText(at(own, 'outbound', 'egress', 'host')) || said.egressHost))
  const target = { name: `tsb-traffic-${service.name}`, labels: service.selector }
  const tell: PatchedProxies['tell'] = (path, message) => tellOn(object, problems)(`settings.${path}`, message)
  return objectsFor(place, target, setting, tell)
}

function secondOfService({ ref }: TsbObject, first: TsbObject): Problem {
  const message = `${pathOf(first)} is for this service already; the object has no effect`
  return { code: 'conflict', severity: 'error', object: ref, path: 'spec.service', message }
}

function egressOfService({ ref }: TsbObject, host: string): Problem {
  const message = `${host}: which gateway is taken is said for namespaces; the service can call no unknown hosts, and gets to known ones as its namespace does`
  return { code: 'no-effect', severity: 'warning', object: ref, path: 'spec.settings.outbound.egress', message }
}

function distinct(problems: readonly Problem[]): Problem[] {
  const keyOf = ({ object, path, message }: Problem): string =>
    `${object.kind} ${object.namespace}/${object.name} ${path} ${message}`
  return [...new Map(problems.map((each) => [keyOf(each), each])).values()]
}
