import { sameStructure } from '../lib/index.ts'
import { type KubeObject, objectKey, refOf } from '../resources/index.ts'
import { parseKubernetesHost } from './hosts.ts'
import { podsByNamespace, serviceEntriesByHost, slicesByService, workloadEntriesByNamespace } from './indexes.ts'
import { isIpAddress } from './ip.ts'
import {
  type EndpointSliceObject,
  kinds,
  type PodObject,
  type ServiceEntryObject,
  type ServiceEntrySpec,
  type ServiceObject,
  type WorkloadEntryObject,
  type WorkloadEntrySpec,
} from './kube-types.ts'
import { kubernetesService } from './kubernetes-services.ts'
import { labelNames, selects } from './labels.ts'
import type { Endpoint, EndpointWorkload, Health, NamespacedHost } from './model.ts'
import { bareWorkload, describedWorkload, podWorkload, workloadEntryWorkload } from './workloads.ts'
import { clusterQuery, type InCluster, type Query, type World } from './world.ts'

type SliceEndpoint = NonNullable<EndpointSliceObject['endpoints']>[number]

/** The endpoints of one EndpointSlice, with what is known of their pods. */
export const sliceEndpoints = clusterQuery(
  'discovery/slice-endpoints',
  (world, { cluster, key }): readonly Endpoint[] => {
    const slice = world.object(cluster, kinds.endpointSlice, key) as EndpointSliceObject | undefined
    if (!slice || slice.addressType === 'FQDN') return []
    const namespace = slice.metadata.namespace ?? ''
    const service = `${namespace}/${slice.metadata.labels?.['kubernetes.io/service-name']}`
    const draining = drains(world, cluster, service)
    return (slice.endpoints ?? []).flatMap((endpoint) => {
      const health = healthOf(endpoint, draining)
      if (health === undefined) return []
      return (endpoint.addresses ?? []).flatMap((address) => {
        const workload = workloadOf(world, cluster, namespace, endpoint, address)
        if (!workload) return []
        const origin = { ...workload, origin: [refOf(cluster, slice), ...workload.origin] }
        return (slice.ports ?? []).map(({ name, port }) => ({
          address,
          moreAddresses: [],
          port: port ?? 0,
          portName: name ?? '',
          health,
          weight: 0,
          workload: origin,
        }))
      })
    })
  },
  { equals: sameStructure },
)

/** Services with sticky sessions keep sending to pods that are going away. */
function drains(world: World, cluster: string, key: string): boolean {
  const service = world.get(kubernetesService, { cluster, key })
  return (service?.labels[labelNames.persistentSession] ?? '') !== ''
}

/** Undefined for pods on their way out: a rollout would look like half a service failing. */
function healthOf({ conditions = {} }: SliceEndpoint, draining: boolean): Health | undefined {
  if (conditions.ready ?? true) return 'healthy'
  // Kubernetes: what is not said of serving equals ready; what is not said of terminating is false.
  if (conditions.terminating ?? false) return draining && (conditions.serving ?? false) ? 'draining' : undefined
  return 'unhealthy'
}

/** Undefined while the pod that is meant is not known: without its labels and identity it could not be reached safely. */
function workloadOf(
  world: World,
  cluster: string,
  namespace: string,
  endpoint: SliceEndpoint,
  address: string,
): EndpointWorkload | undefined {
  const { targetRef } = endpoint
  if (targetRef?.kind !== 'Pod' || targetRef.name === undefined) return bareWorkload(world, cluster, namespace, address)
  return world.get(podWorkload, { cluster, key: `${targetRef.namespace ?? namespace}/${targetRef.name}` })
}

/**
 * All endpoints of a service: its EndpointSlices in every cluster, its ServiceEntries' endpoints, and the pods and
 * WorkloadEntries that either selects. Those of a cluster whose API is away stay as last seen (design D7).
 */
export const endpointsOfService: Query<NamespacedHost, readonly Endpoint[]> = {
  name: 'discovery/endpoints-of-service',
  keyOf: ({ namespace, host }) => `${namespace}/${host}`,
  compute: (world, { namespace, host }) => {
    const named = parseKubernetesHost(host)
    const own =
      named?.namespace === namespace
        ? world.clusters().map((cluster) => kubernetesEndpoints(world, { cluster, key: `${namespace}/${named.name}` }))
        : []
    const entries = world
      .lookup(world.primary, serviceEntriesByHost, host)
      .filter(({ metadata }) => metadata.namespace === namespace)
      .map((entry) => world.get(serviceEntryEndpoints, { cluster: world.primary, key: `${objectKey(entry)}|${host}` }))
    const lists = [...own, ...entries].filter(({ length }) => length > 0)
    return lists.length === 1 ? (lists[0] ?? []) : lists.flat()
  },
  equals: sameLists,
}

/** Endpoints are shared with the lists they came from: comparing them one by one by identity settles most. */
function sameLists(a: readonly Endpoint[], b: readonly Endpoint[]): boolean {
  return a.length === b.length && a.every((item, at) => item === b[at] || sameStructure(item, b[at]))
}

function kubernetesEndpoints(world: World, { cluster, key }: InCluster): readonly Endpoint[] {
  const slices = world
    .lookup(cluster, slicesByService, key)
    .map((slice) => world.get(sliceEndpoints, { cluster, key: objectKey(slice) }))
  const lists = [...slices, selectedByService(world, cluster, key)].filter(({ length }) => length > 0)
  return lists.length === 1 ? (lists[0] ?? []) : withoutRepeats(lists.flat())
}

/** While an endpoint moves from one slice to another, both may hold it. */
function withoutRepeats(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const found = new Map<string, Endpoint>()
  for (const endpoint of endpoints) found.set(`${endpoint.address}|${endpoint.port}|${endpoint.portName}`, endpoint)
  return found.size === endpoints.length ? endpoints : [...found.values()]
}

/** WorkloadEntries stand behind Kubernetes Services that select them, too; without address, behind their network's gateways. */
function selectedByService(world: World, cluster: string, key: string): readonly Endpoint[] {
  const service = world.object(cluster, kinds.service, key) as ServiceObject | undefined
  const { selector, ports = [], type, clusterIP } = service?.spec ?? {}
  if (!selector || type === 'ExternalName' || clusterIP === 'None') return []
  const entries = entriesSelected(world, [cluster], service?.metadata.namespace ?? '', selector)
  return entries
    .filter(({ spec: { address, network } }) => (address ? isIpAddress(address) : Boolean(network)))
    .flatMap((entry) =>
      ports.map(({ name = '', port = 0, targetPort }) =>
        endpointAt(entry, name, typeof targetPort === 'number' && targetPort > 0 ? targetPort : port),
      ),
    )
}

interface SelectedEntry {
  readonly spec: WorkloadEntrySpec
  readonly workload: EndpointWorkload
  readonly health: Health
}

function entriesSelected(
  world: World,
  clusters: readonly string[],
  namespace: string,
  selector: Readonly<Record<string, string>>,
): SelectedEntry[] {
  return clusters.flatMap((cluster) =>
    world.lookup(cluster, workloadEntriesByNamespace, namespace).flatMap((object) => {
      const entry = object as WorkloadEntryObject
      if (!selects(selector, { ...entry.spec?.labels, ...entry.metadata.labels })) return []
      const workload = world.get(workloadEntryWorkload, { cluster, key: objectKey(entry) })
      return workload ? [{ spec: entry.spec ?? {}, workload, health: entryHealth(entry) }] : []
    }),
  )
}

/** A VM that is probed counts as unhealthy until its agent has said otherwise. */
function entryHealth(entry: KubeObject): Health {
  const probed = entry.metadata.annotations?.['proxy.istio.io/health-checks-enabled'] === 'true'
  const { conditions } = (entry.status ?? {}) as { conditions?: { type?: string; status?: string }[] }
  const healthy = conditions?.find(({ type }) => type === 'Healthy')?.status === 'True'
  return !probed || healthy ? 'healthy' : 'unhealthy'
}

function endpointAt({ spec, workload, health }: SelectedEntry, portName: string, servicePort: number): Endpoint {
  const address = spec.address ?? ''
  const socket = address.startsWith('unix://')
  return {
    address: socket ? address.slice('unix://'.length) : address,
    moreAddresses: [],
    port: socket ? 0 : spec.ports?.[portName] || servicePort,
    portName,
    health,
    weight: spec.weight ?? 0,
    workload,
  }
}

/** Key: `namespace/name|host`, since a DNS entry without endpoints stands for its host. */
const serviceEntryEndpoints = clusterQuery(
  'discovery/service-entry-endpoints',
  (world, { cluster, key }): readonly Endpoint[] => {
    const [name = '', host = ''] = key.split('|')
    const entry = world.object(cluster, kinds.serviceEntry, name) as ServiceEntryObject | undefined
    if (!entry?.spec) return []
    const { spec } = entry
    const resolved = spec.resolution === 'DNS' || spec.resolution === 'DNS_ROUND_ROBIN'
    if (spec.workloadSelector) return selectedByEntry(world, entry, spec, resolved)
    const listed = spec.endpoints ?? []
    if (listed.length === 0) return resolved ? hostItself(world, cluster, entry, host) : []
    return listed.flatMap((endpoint, at) => {
      const { namespace = '', name } = entry.metadata
      const described = { namespace, name: `${name}-${at}`, origin: [refOf(cluster, entry)] }
      const workload = describedWorkload(world, cluster, described, endpoint)
      return portsOf(spec).map(({ name, number }) =>
        endpointAt({ spec: endpoint, workload, health: 'healthy' }, name, number),
      )
    })
  },
  { equals: sameStructure },
)

/** Ports by name, with the number that endpoints listen on. */
function portsOf(spec: ServiceEntrySpec): { name: string; number: number }[] {
  return (spec.ports ?? []).map(({ name = '', number = 0, targetPort }) => ({ name, number: targetPort || number }))
}

function hostItself(world: World, cluster: string, entry: ServiceEntryObject, host: string): Endpoint[] {
  const { namespace = '', name } = entry.metadata
  const workload = describedWorkload(
    world,
    cluster,
    { namespace, name, origin: [refOf(cluster, entry)] },
    { labels: {} },
  )
  const outside = { ...workload, labels: {} }
  return portsOf(entry.spec ?? {}).map((port) => ({
    address: host,
    moreAddresses: [],
    port: port.number,
    portName: port.name,
    health: 'healthy',
    weight: 0,
    workload: outside,
  }))
}

function selectedByEntry(
  world: World,
  entry: ServiceEntryObject,
  spec: ServiceEntrySpec,
  resolved: boolean,
): Endpoint[] {
  const namespace = entry.metadata.namespace ?? ''
  const selector = spec.workloadSelector?.labels ?? {}
  const entries = entriesSelected(world, world.clusters(), namespace, selector).filter(
    ({ spec: { address = '' } }) => resolved || address === '' || isIpAddress(address),
  )
  const pods = world.clusters().flatMap((cluster) => podsSelected(world, cluster, namespace, selector))
  return [...entries, ...pods].flatMap((each) =>
    portsOf(spec).map(({ name, number }) => endpointAt(each, name, number)),
  )
}

function podsSelected(
  world: World,
  cluster: string,
  namespace: string,
  selector: Readonly<Record<string, string>>,
): SelectedEntry[] {
  return world.lookup(cluster, podsByNamespace, namespace).flatMap((object) => {
    const pod = object as PodObject
    const address = pod.status?.podIP
    if (!address || pod.metadata.deletionTimestamp || !selects(selector, pod.metadata.labels)) return []
    if (pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded') return []
    const workload = world.get(podWorkload, { cluster, key: objectKey(pod) })
    return workload ? [{ spec: { address }, workload, health: podReady(pod) ? 'healthy' : 'unhealthy' }] : []
  })
}

function podReady(pod: PodObject): boolean {
  const { conditions } = (pod.status ?? {}) as { conditions?: { type?: string; status?: string }[] }
  return conditions?.find(({ type }) => type === 'Ready')?.status !== 'False'
}
