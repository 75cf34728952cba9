import { sameStructure } from '../lib/index.ts'
import { refOf } from '../resources/index.ts'
import { spiffeId, trustDomainOf } from './cluster-settings.ts'
import { kinds, type PodObject, type WorkloadEntryObject, type WorkloadEntrySpec } from './kube-types.ts'
import { labelNames, withPlace } from './labels.ts'
import type { EndpointWorkload } from './model.ts'
import { networkOfWorkload } from './networks.ts'
import { clusterQuery, type World } from './world.ts'

/** Locality of a node by its labels, `region/zone/subzone`; '' if it has none. */
const nodeLocality = clusterQuery('discovery/node-locality', (world, { cluster, key }): string => {
  const labels = world.object(cluster, kinds.node, key)?.metadata.labels ?? {}
  const region = labels[labelNames.region] ?? labels['failure-domain.beta.kubernetes.io/region'] ?? ''
  const zone = labels[labelNames.zone] ?? labels['failure-domain.beta.kubernetes.io/zone'] ?? ''
  const subzone = labels[labelNames.subzone] ?? ''
  return region || zone || subzone ? `${region}/${zone}/${subzone}` : ''
})

/** Label `istio-locality`: `.` separates, since labels take no `/`. A value that has `/` already is kept. */
export function localityFromLabel(label: string): string {
  return label.includes('/') ? label : label.replaceAll('.', '/')
}

/** The part of a pod's controller name that stays over rollouts: what telemetry calls the workload. */
export function workloadName(pod: PodObject): string {
  const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller)
  if (!owner) return pod.metadata.name
  const hash = pod.metadata.labels?.['pod-template-hash']
  if (owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`))
    return owner.name.slice(0, -hash.length - 1)
  return owner.kind === 'Job' ? owner.name.replace(/-\d{8,}$/, '') : owner.name
}

/** What endpoints tell of a pod; undefined if there is no such pod (yet). Its status is of no meaning here, but the address. */
export const podWorkload = clusterQuery(
  'discovery/pod-workload',
  (world, { cluster, key }): EndpointWorkload | undefined => {
    const pod = world.object(cluster, kinds.pod, key) as PodObject | undefined
    if (!pod) return undefined
    const { labels, namespace = '' } = pod.metadata
    const node = pod.spec?.nodeName ?? ''
    const label = labels?.[labelNames.locality]
    const locality = label ? localityFromLabel(label) : node ? world.get(nodeLocality, { cluster, key: node }) : ''
    const network = networkOfWorkload(world, cluster, { labels, address: pod.status?.podIP ?? '' })
    const subdomain = pod.spec?.subdomain ?? ''
    return {
      namespace,
      name: workloadName(pod),
      cluster,
      network,
      locality,
      node,
      labels: withPlace(labels, { cluster, network, locality, node }),
      identity: spiffeId(trustDomainOf(world, cluster), namespace, pod.spec?.serviceAccountName ?? 'default'),
      meshTls: labels?.[labelNames.tlsMode] === 'istio',
      hostname: subdomain === '' ? '' : (pod.spec?.hostname ?? pod.metadata.name),
      subdomain,
      origin: [refOf(cluster, pod)],
    }
  },
  { equals: sameStructure },
)

/** Where a pod runs, `region/zone/subzone`; '' if that, or the pod, is not known. */
export const podLocality = clusterQuery(
  'discovery/pod-locality',
  (world, pod): string => world.get(podWorkload, pod)?.locality ?? '',
  { equals: Object.is },
)

/** An endpoint without pod: known by address only. */
export function bareWorkload(world: World, cluster: string, namespace: string, address: string): EndpointWorkload {
  const network = networkOfWorkload(world, cluster, { labels: undefined, address })
  return {
    namespace,
    name: '',
    cluster,
    network,
    locality: '',
    node: '',
    labels: withPlace(undefined, { cluster, network, locality: '', node: '' }),
    identity: '',
    meshTls: false,
    hostname: '',
    subdomain: '',
    origin: [],
  }
}

/** A workload that an object describes itself: a WorkloadEntry, or an endpoint within a ServiceEntry. */
export function describedWorkload(
  world: World,
  cluster: string,
  object: {
    namespace: string
    name: string
    origin: EndpointWorkload['origin']
    labels?: Record<string, string> | undefined
  },
  spec: WorkloadEntrySpec,
): EndpointWorkload {
  const labels = { ...spec.labels, ...object.labels }
  const label = labels[labelNames.locality]
  const locality = spec.locality || (label ? localityFromLabel(label) : '')
  // Only a network that is named counts, not that of the cluster that holds the object: an entry may well stand outside
  // of every network.
  const network = spec.network ?? ''
  const { serviceAccount } = spec
  return {
    namespace: object.namespace,
    name: object.name,
    cluster,
    network,
    locality,
    node: '',
    labels: withPlace(labels, { cluster, network, locality, node: '' }),
    identity: serviceAccount ? spiffeId(trustDomainOf(world, cluster), object.namespace, serviceAccount) : '',
    meshTls:
      labels[labelNames.tlsMode] === undefined ? Boolean(serviceAccount) : labels[labelNames.tlsMode] === 'istio',
    hostname: '',
    subdomain: '',
    origin: object.origin,
  }
}

/** On a WorkloadEntry that is a gateway: JSON list of what stands behind it, by labels (decision 0070). */
const behindAnnotation = 'fairlead.dev/behind'

function readBehind(text: string | undefined): EndpointWorkload['behind'] {
  if (text === undefined) return undefined
  try {
    const list: unknown = JSON.parse(text)
    if (!Array.isArray(list)) return undefined
    return list.filter(
      (each): each is NonNullable<EndpointWorkload['behind']>[number] =>
        typeof each?.labels === 'object' && each.labels !== null && typeof each.count === 'number',
    )
  } catch {
    // Whatever it says, the entry itself is an endpoint with the labels that it has.
    return undefined
  }
}

export const workloadEntryWorkload = clusterQuery(
  'discovery/workload-entry',
  (world, { cluster, key }): EndpointWorkload | undefined => {
    const entry = world.object(cluster, kinds.workloadEntry, key) as WorkloadEntryObject | undefined
    if (!entry?.spec) return undefined
    const { name, namespace = '', labels, annotations } = entry.metadata
    const described = { namespace, name, labels, origin: [refOf(cluster, entry)] }
    const workload = describedWorkload(world, cluster, described, entry.spec)
    const behind = readBehind(annotations?.[behindAnnotation])
    return behind === undefined ? workload : { ...workload, behind }
  },
  { equals: sameStructure },
)
