// Service + Pods → EndpointSlices, and the older Endpoints.

import { matchesLabels } from '../../../lib/index.ts'
import { objectKey } from '../../../resources/index.ts'
import { resources, type Store } from '../client/index.ts'
import type { EndpointSlice, Endpoints, Node, Pod, Service } from '../kinds.ts'
import type { Controller, ControllerContext } from '../runtime/controller.ts'
import { equalJson } from '../runtime/equal.ts'
import { endpointsFor } from './legacy.ts'
import { changeSlices, managedByLabel, managedByUs, serviceNameLabel, type ZoneOf } from './slices.ts'

const byNamespace = 'namespace'
const byService = 'service'

export const endpointSliceController: Controller = {
  name: 'endpointslice',
  dutyOf: 'kube-controller-manager',
  setUp(context) {
    const { services, pods, watchServices } = sources(context)
    const slices = context.store<EndpointSlice>(resources.endpointSlices)
    const nodes = context.store<Node>(resources.nodes)
    slices.index(byService, (slice) => {
      const service = slice.metadata.labels?.[serviceNameLabel]
      const ours = slice.metadata.labels?.[managedByLabel] === managedByUs
      return service !== undefined && ours ? [`${slice.metadata.namespace}/${service}`] : []
    })
    const zoneOf: ZoneOf = (node) => nodes.get(node)?.metadata.labels?.['topology.kubernetes.io/zone']
    const queue = context.queue({
      reconcile: async (key) => {
        const service = services.get(key)
        if (!service?.spec?.selector || service.spec.type === 'ExternalName') return
        const existing = slices.by(byService, key)
        await write(context, slices, changeSlices(service, podsOf(pods, service), existing, zoneOf))
      },
    })
    watchServices((key) => queue.add(key))
    slices.listen((now, before) => {
      const slice = now ?? before
      const service = slice?.metadata.labels?.[serviceNameLabel]
      if (service !== undefined) queue.add(`${slice?.metadata.namespace}/${service}`)
    })
    nodes.listen((now, before) => {
      const zone = 'topology.kubernetes.io/zone'
      if (now?.metadata.labels?.[zone] === before?.metadata.labels?.[zone]) return
      for (const service of services.list()) queue.add(objectKey(service))
    })
  },
}

export const endpointsController: Controller = {
  name: 'endpoints',
  dutyOf: 'kube-controller-manager',
  setUp(context) {
    const { services, pods, watchServices } = sources(context)
    const endpoints = context.store<Endpoints>(resources.endpoints)
    const queue = context.queue({
      reconcile: async (key) => {
        const service = services.get(key)
        const existing = endpoints.get(key)
        if (!service) {
          if (existing && isOurs(existing)) await context.api.delete(resources.endpoints, existing.metadata)
          return
        }
        if (!service.spec?.selector || service.spec.type === 'ExternalName') return
        const wanted = endpointsFor(service, podsOf(pods, service))
        if (!existing) endpoints.put(await context.api.create(resources.endpoints, wanted))
        else if (
          !equalJson(wanted.subsets, existing.subsets?.length === 0 ? undefined : existing.subsets) ||
          !equalJson(wanted.metadata.labels, existing.metadata.labels)
        ) {
          const metadata = { ...existing.metadata, labels: wanted.metadata.labels ?? {} }
          endpoints.put(await context.api.update(resources.endpoints, { ...wanted, metadata }))
        }
      },
    })
    watchServices((key) => queue.add(key))
    endpoints.listen((now, before) => {
      const object = now ?? before
      if (object && (now === undefined || isOurs(object))) queue.add(objectKey(object))
    })
  },
}

function isOurs(endpoints: Endpoints): boolean {
  return endpoints.metadata.labels?.['endpoints.kubernetes.io/managed-by'] === 'endpoint-controller'
}

function sources(context: ControllerContext): {
  services: Store<Service>
  pods: Store<Pod>
  watchServices: (touched: (serviceKey: string) => void) => void
} {
  const services = context.store<Service>(resources.services)
  const pods = context.store<Pod>(resources.pods)
  for (const store of [services, pods] as Store[]) {
    store.index(byNamespace, (object) => [object.metadata.namespace ?? ''])
  }
  return {
    services,
    pods,
    watchServices(touched) {
      services.listen((now, before) => {
        const service = now ?? before
        if (service) touched(objectKey(service))
      })
      pods.listen((now, before) => {
        const namespace = (now ?? before)?.metadata.namespace ?? ''
        for (const service of services.by(byNamespace, namespace)) {
          if (selects(service, now) || selects(service, before)) touched(objectKey(service))
        }
      })
    },
  }
}

function selects(service: Service, pod: Pod | undefined): boolean {
  const selector = service.spec?.selector
  return pod !== undefined && selector !== undefined && matchesLabels(selector, pod.metadata.labels)
}

function podsOf(pods: Store<Pod>, service: Service): Pod[] {
  return pods.by(byNamespace, service.metadata.namespace ?? '').filter((pod) => selects(service, pod))
}

async function write(
  { api }: ControllerContext,
  slices: Store<EndpointSlice>,
  changes: ReturnType<typeof changeSlices>,
): Promise<void> {
  for (const slice of changes.create) slices.put(await api.create(resources.endpointSlices, slice))
  for (const slice of changes.update) slices.put(await api.update(resources.endpointSlices, slice))
  for (const slice of changes.remove) {
    await api.delete(resources.endpointSlices, slice.metadata)
    slices.remove(objectKey(slice), slice.metadata.uid)
  }
}
