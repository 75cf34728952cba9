import {
  type EndpointSliceObject,
  kinds,
  type PodObject,
  type ServiceEntryObject,
  type WorkloadEntryObject,
} from './kube-types.ts'
import { labelNames } from './labels.ts'
import type { Index } from './world.ts'

/** EndpointSlices by `namespace/service`. */
export const slicesByService: Index = {
  name: 'slices-by-service',
  kind: kinds.endpointSlice,
  keys: ({ metadata }) => {
    const service = (metadata as EndpointSliceObject['metadata']).labels?.['kubernetes.io/service-name']
    return service === undefined ? [] : [`${metadata.namespace}/${service}`]
  },
}

/** Services that say which network they lead into, all under one key. */
export const gatewayServices: Index = {
  name: 'gateway-services',
  kind: kinds.service,
  keys: ({ metadata }) => (metadata.labels?.[labelNames.network] === undefined ? [] : ['']),
}

/** Services that have a selector, by namespace: those that may stand before a pod. */
export const servicesByNamespace: Index = {
  name: 'services-by-namespace',
  kind: kinds.service,
  keys: ({ metadata }) => [metadata.namespace ?? ''],
}

export const podsByNamespace: Index = {
  name: 'pods-by-namespace',
  kind: kinds.pod,
  keys: ({ metadata }) => [metadata.namespace ?? ''],
}

export const podsByAddress: Index = {
  name: 'pods-by-address',
  kind: kinds.pod,
  keys: (pod) => {
    const { podIP, podIPs } = (pod as PodObject).status ?? {}
    return [podIP, ...(podIPs ?? []).map(({ ip }) => ip)].filter((ip) => ip !== undefined)
  },
}

export const workloadEntriesByNamespace: Index = {
  name: 'workload-entries-by-namespace',
  kind: kinds.workloadEntry,
  keys: ({ metadata }) => [metadata.namespace ?? ''],
}

/** WorkloadEntries by `namespace/address`. */
export const workloadEntriesByAddress: Index = {
  name: 'workload-entries-by-address',
  kind: kinds.workloadEntry,
  keys: (entry) => {
    const { address = '' } = (entry as WorkloadEntryObject).spec ?? {}
    return address === '' ? [] : [`${entry.metadata.namespace}/${address}`]
  },
}

export const serviceEntriesByHost: Index = {
  name: 'service-entries-by-host',
  kind: kinds.serviceEntry,
  keys: (entry) => (entry as ServiceEntryObject).spec?.hosts ?? [],
}

export const serviceEntriesByNamespace: Index = {
  name: 'service-entries-by-namespace',
  kind: kinds.serviceEntry,
  keys: ({ metadata }) => [metadata.namespace ?? ''],
}

/** Every index that discovery reads: whoever binds a world to tables must keep them. */
export const discoveryIndexes: readonly Index[] = [
  slicesByService,
  gatewayServices,
  servicesByNamespace,
  podsByNamespace,
  podsByAddress,
  workloadEntriesByNamespace,
  workloadEntriesByAddress,
  serviceEntriesByHost,
  serviceEntriesByNamespace,
]
