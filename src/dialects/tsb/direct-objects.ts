// Istio objects of groups in mode DIRECT: as they are, on every cluster of the group that has their namespace. tctl stores
// them as DirectObjects; by kubectl they are ordinary objects of the management cluster with annotations.
import type { Problem } from '../../report/index.ts'
import { groupOf, type KubeObject, refOf } from '../../resources/index.ts'
import { managementNamespace } from '../../resources/tsb/index.ts'
import {
  asMap,
  asText,
  asTexts,
  type ClusterFacts,
  type ClusterObject,
  compact,
  isOwn,
  ownerLabel,
} from '../shared/index.ts'
import type { TsbCluster } from './clusters.ts'
import { type GroupKind, groupTaking, type Hierarchy, holds } from './hierarchy.ts'
import { namespacesIn } from './namespaces.ts'
import { type GroupType, pathOf, placeOf, type TsbObject } from './objects.ts'
import type { Tenancy } from './tenancy.ts'
import { dialectId } from './written.ts'

const kindOfGroup: Readonly<Record<GroupType, GroupKind>> = {
  trafficGroup: 'TrafficGroup',
  gatewayGroup: 'GatewayGroup',
  securityGroup: 'SecurityGroup',
  istioInternalGroup: 'IstioInternalGroup',
}

/** What each sort of group takes. */
const taken: Readonly<Record<GroupType, readonly string[]>> = {
  trafficGroup: ['VirtualService', 'DestinationRule', 'Sidecar'],
  gatewayGroup: ['Gateway', 'VirtualService', 'RequestAuthentication', 'AuthorizationPolicy'],
  securityGroup: ['PeerAuthentication', 'RequestAuthentication', 'AuthorizationPolicy'],
  istioInternalGroup: ['EnvoyFilter', 'ServiceEntry', 'WasmPlugin'],
}

const groupsOfKinds: Readonly<Record<string, string>> = {
  PeerAuthentication: 'security.istio.io',
  RequestAuthentication: 'security.istio.io',
  AuthorizationPolicy: 'security.istio.io',
  WasmPlugin: 'extensions.istio.io',
}

const groupKindOf = (kind: string): string => `${groupsOfKinds[kind] ?? 'networking.istio.io'}/${kind}`
const allKinds = [...new Set(Object.values(taken).flat())].sort()

/** An Istio object that is to be in the clusters of a group. */
interface Direct {
  readonly source: TsbObject
  readonly groupType: GroupType
  readonly istio: KubeObject
  /** Cluster that has it as it is. */
  readonly stands: string | undefined
}

export function directObjects(
  hierarchy: Hierarchy,
  clusters: readonly TsbCluster[],
  management: ClusterFacts,
  tenancy: Tenancy,
): { readonly objects: readonly ClusterObject[]; readonly problems: readonly Problem[] } {
  const problems: Problem[] = []
  const all = [...storedDirects(hierarchy, problems), ...annotatedDirects(management, tenancy, problems)]
  const byPlace = new Map<string, TsbObject>()
  const objects = all.flatMap((direct) => placed(direct, { hierarchy, clusters, problems, byPlace }))
  return { objects, problems }
}

function storedDirects(hierarchy: Hierarchy, problems: Problem[]): Direct[] {
  return hierarchy.all('DirectObject').flatMap((source) => {
    const groupType = placeOf(source.object)?.groupType
    const { apiVersion, kind, metadata, spec } = asMap(source.spec['object'])
    if (groupType === undefined) {
      problems.push(refused(source, 'the object names no group; annotations say which it is in', 'required'))
      return []
    }
    const named = asMap(metadata)
    const istio: KubeObject = {
      apiVersion: asText(apiVersion),
      kind: asText(kind),
      metadata: compact({
        name: asText(named['name']),
        namespace: asText(named['namespace']),
        labels: asTexts(named['labels']),
        annotations: asTexts(named['annotations']),
      }),
      spec,
    }
    return [{ source, groupType, istio, stands: undefined }]
  })
}

/** Objects by kubectl: they hold in the management cluster by themselves, and are for the other clusters of the group too. */
function annotatedDirects(facts: ClusterFacts, tenancy: Tenancy, problems: Problem[]): Direct[] {
  return allKinds.flatMap((kind) =>
    facts.objects(groupKindOf(kind)).flatMap((object): Direct[] => {
      const place = isOwn(object) ? undefined : placeOf(object)
      if (place?.groupType === undefined) return []
      const ref = refOf(facts.name, object)
      const source: TsbObject = { kind: 'DirectObject', name: object.metadata.name, place, ref, object, spec: {} }
      const [admitted] = tenancy.admit([source], problems)
      const { groupType } = place
      return admitted === undefined ? [] : [{ source, groupType, istio: object, stands: facts.name }]
    }),
  )
}

interface Context {
  readonly hierarchy: Hierarchy
  readonly clusters: readonly TsbCluster[]
  readonly problems: Problem[]
  readonly byPlace: Map<string, TsbObject>
}

function placed({ source, groupType, istio, stands }: Direct, context: Context): ClusterObject[] {
  const { hierarchy, clusters, problems, byPlace } = context
  const { kind, metadata } = istio
  const { name, namespace = '' } = metadata
  if (!taken[groupType].includes(kind) || groupOf(istio.apiVersion) !== groupKindOf(kind).split('/')[0]) {
    const message = `a group of this sort takes ${taken[groupType].join(', ')}, not ${istio.apiVersion} ${kind}`
    problems.push(refused(source, message))
    return []
  }
  if (namespace === '' || name === '') {
    problems.push(refused(source, 'the Istio object needs a name and a namespace', 'required'))
    return []
  }
  const group = groupTaking(hierarchy, kindOfGroup[groupType], source, problems)
  if (group === undefined) return []
  const held = clusters.filter((cluster) => holds(group, hierarchy.owners, cluster.name, namespace))
  const there = held.filter((cluster) => namespacesIn(cluster).includes(namespace))
  if (held.length === 0) {
    problems.push(refused(source, `namespace ${namespace} is not in group ${group.object.name}`))
    return []
  }
  if (there.length === 0) {
    const message = `no cluster of group ${group.object.name} has a namespace ${namespace}`
    problems.push({ code: 'reference-not-found', severity: 'warning', object: source.ref, path: '', message })
  }
  return there.flatMap((cluster) => {
    if (cluster.name === stands) return []
    const key = `${cluster.name} ${groupKindOf(kind)} ${namespace}/${name}`
    const first = byPlace.get(key)
    if (first !== undefined) {
      problems.push(refused(source, `${pathOf(first)} says ${kind} ${namespace}/${name} already`, 'conflict'))
      return []
    }
    byPlace.set(key, source)
    return [{ cluster: cluster.name, object: copyOf(istio) }]
  })
}

/** What kubectl and API servers add is no part of what the user said. */
function copyOf({ apiVersion, kind, metadata, spec }: KubeObject): KubeObject {
  const said = Object.entries(metadata.annotations ?? {}).filter(
    ([key]) => !/^(kubectl\.kubernetes\.io|fairlead\.dev)\//.test(key),
  )
  const { name, namespace = '', labels } = metadata
  return {
    apiVersion,
    kind,
    metadata: compact({
      name,
      namespace,
      labels: { ...labels, [ownerLabel]: dialectId },
      annotations: Object.fromEntries(said),
    }),
    spec,
  }
}

function refused(
  source: TsbObject,
  message: string,
  code: 'not-allowed' | 'required' | 'conflict' = 'not-allowed',
): Problem {
  const inManagement = source.object.metadata.namespace === managementNamespace
  const path = inManagement ? 'spec.object' : 'metadata'
  return { code, severity: 'error', object: source.ref, path, message }
}
