// Service + pods → the EndpointSlices that should be there, and what must change to get there. Pure.
import { compareText } from '../../../lib/index.ts'
import type { Endpoint, EndpointPort, EndpointSlice, Pod, Service } from '../kinds.ts'
import { equalJson } from '../runtime/equal.ts'
import { controllerRef } from '../runtime/owners.ts'
import { isFinished, isReady } from '../workloads/pods.ts'
import { portsOn } from './ports.ts'

export const serviceNameLabel = 'kubernetes.io/service-name'
export const managedByLabel = 'endpointslice.kubernetes.io/managed-by'
export const managedByUs = 'endpointslice-controller.k8s.io'
const headlessLabel = 'service.kubernetes.io/headless'
const maxEndpoints = 100

/** Zone of a node, by its name. */
export type ZoneOf = (node: string) => string | undefined

interface Group {
  readonly ports: EndpointPort[]
  readonly endpoints: Endpoint[]
}

export interface SliceChanges {
  readonly create: EndpointSlice[]
  readonly update: EndpointSlice[]
  readonly remove: EndpointSlice[]
}

/** One endpoint of a service, as its pod is now; undefined while the pod has no address or is finished. */
export function endpointOf(pod: Pod, service: Service, zoneOf: ZoneOf): Endpoint | undefined {
  const address = pod.status?.podIP ?? ''
  if (address === '' || isFinished(pod)) return undefined
  const serving = isReady(pod)
  const terminating = pod.metadata.deletionTimestamp !== undefined
  const nodeName = pod.spec?.nodeName
  const zone = nodeName === undefined ? undefined : zoneOf(nodeName)
  const hasHostname = pod.spec?.hostname && pod.spec.subdomain === service.metadata.name
  return {
    addresses: [address],
    conditions: {
      ready: service.spec?.publishNotReadyAddresses === true || (serving && !terminating),
      serving,
      terminating,
    },
    ...(hasHostname ? { hostname: pod.spec?.hostname ?? '' } : {}),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(zone === undefined ? {} : { zone }),
    targetRef: {
      kind: 'Pod',
      namespace: pod.metadata.namespace ?? '',
      name: pod.metadata.name,
      uid: pod.metadata.uid ?? '',
    },
  }
}

/** What must be created, updated and removed so that the slices of a service tell of `pods`. */
export function changeSlices(
  service: Service,
  pods: readonly Pod[],
  existing: readonly EndpointSlice[],
  zoneOf: ZoneOf,
): SliceChanges {
  const groups = groupByPorts(service, pods, zoneOf)
  const spare = new Set(existing)
  const create: EndpointSlice[] = []
  const update: EndpointSlice[] = []
  const fixed = groups.flatMap(({ ports, endpoints }) => {
    const fitting = existing.filter((slice) => spare.has(slice) && equalJson(slice.ports ?? [], ports))
    return place(endpoints, fitting).map(({ slice, endpoints: content }) => {
      if (slice) spare.delete(slice)
      return { ports, slice, content }
    })
  })
  for (const { ports, slice, content } of fixed) {
    // A slice that fits no group any more is used again, so that a change of ports does not make a gap.
    const target = slice ?? (spare.values().next().value as EndpointSlice | undefined)
    if (target) spare.delete(target)
    const wanted = sliceFor(service, ports, content, target)
    if (!target) create.push(wanted)
    else if (!equalJson(strip(wanted), strip(target))) update.push(wanted)
  }
  return { create, update, remove: [...spare] }
}

function groupByPorts(service: Service, pods: readonly Pod[], zoneOf: ZoneOf): Group[] {
  const groups = new Map<string, Group>()
  for (const pod of [...pods].sort((a, b) => compareText(a.metadata.name, b.metadata.name))) {
    const endpoint = endpointOf(pod, service, zoneOf)
    if (!endpoint) continue
    const ports = portsOn(pod, service.spec?.ports ?? [])
    const key = JSON.stringify(ports)
    const group = groups.get(key) ?? { ports, endpoints: [] }
    group.endpoints.push(endpoint)
    groups.set(key, group)
  }
  // Even without pods there is one slice, so that readers see that the service has been looked at.
  if (groups.size === 0) return [{ ports: [], endpoints: [] }]
  return [...groups.values()]
}

/** Leaves endpoints in the slices that hold them already, as far as these have room; the rest goes to new ones. */
function place(
  endpoints: readonly Endpoint[],
  slices: readonly EndpointSlice[],
): { slice: EndpointSlice | undefined; endpoints: Endpoint[] }[] {
  const homes = new Map<string | undefined, EndpointSlice>()
  for (const slice of slices) for (const e of slice.endpoints ?? []) homes.set(e.targetRef?.uid, slice)
  const placed: { slice: EndpointSlice | undefined; endpoints: Endpoint[] }[] = slices.map((slice) => ({
    slice,
    endpoints: [],
  }))
  const homeless: Endpoint[] = []
  for (const endpoint of endpoints) {
    const home = placed.find((p) => p.slice && p.slice === homes.get(endpoint.targetRef?.uid))
    if (home) home.endpoints.push(endpoint)
    else homeless.push(endpoint)
  }
  for (const endpoint of homeless) {
    let room = placed.find((p) => p.endpoints.length < maxEndpoints)
    if (!room) {
      room = { slice: undefined, endpoints: [] }
      placed.push(room)
    }
    room.endpoints.push(endpoint)
  }
  const used = placed.filter((p) => p.endpoints.length > 0)
  if (used.length > 0) return used
  return placed.length > 0 ? placed.slice(0, 1) : [{ slice: undefined, endpoints: [] }]
}

function sliceFor(
  service: Service,
  ports: EndpointPort[],
  endpoints: Endpoint[],
  existing: EndpointSlice | undefined,
): EndpointSlice {
  const { name, namespace = '', labels } = service.metadata
  const headless = service.spec?.clusterIP === 'None'
  const metadata = existing?.metadata ?? ({ generateName: `${name}-`, namespace } as EndpointSlice['metadata'])
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      ...metadata,
      labels: {
        ...labels,
        ...(headless ? { [headlessLabel]: '' } : {}),
        [serviceNameLabel]: name,
        [managedByLabel]: managedByUs,
      },
      ownerReferences: [controllerRef({ ...service, apiVersion: 'v1', kind: 'Service' })],
    },
    addressType: service.spec?.ipFamilies?.[0] ?? 'IPv4',
    endpoints,
    ports,
  }
}

/** What of a slice is compared: all but what the server itself writes. */
function strip(slice: EndpointSlice): unknown {
  const { labels, ownerReferences } = slice.metadata
  const endpoints = slice.endpoints ?? []
  return { labels, ownerReferences, endpoints, ports: slice.ports ?? [], addressType: slice.addressType }
}
