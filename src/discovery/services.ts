import { compareText, sameStructure } from '../lib/index.ts'
import { objectKey } from '../resources/index.ts'
import { isDiscovered } from './discovery-selectors.ts'
import { parseKubernetesHost, serviceHost } from './hosts.ts'
import { serviceEntriesByHost } from './indexes.ts'
import { kinds, type ServiceEntryObject } from './kube-types.ts'
import { kubernetesService } from './kubernetes-services.ts'
import type { Service } from './model.ts'
import { serviceEntryServices } from './service-entries.ts'
import { textQuery, type World, worldQuery } from './world.ts'

/**
 * The services with a host name: a Kubernetes Service first, then by namespace and age; one for each namespace that
 * declares it, but for ServiceEntries that cannot be one (`mergeEntries`). Kubernetes Services of that name in several clusters are one service.
 */
export const servicesOfHost = textQuery(
  'discovery/services-of-host',
  (world, host): readonly Service[] => {
    const own = mergedKubernetesService(world, host)
    const entries = world
      .lookup(world.primary, serviceEntriesByHost, host)
      .flatMap((entry) => serviceOfEntry(world, entry as ServiceEntryObject, host))
      .sort(compareAge)
    const namespaces = Map.groupBy(entries, ({ namespace }) => namespace)
    if (own) namespaces.delete(own.namespace)
    return [...(own ? [own] : []), ...[...namespaces.values()].flatMap(mergeEntries)]
  },
  { equals: sameStructure },
)

function serviceOfEntry(world: World, entry: ServiceEntryObject, host: string): Service[] {
  const services = world.get(serviceEntryServices, { cluster: world.primary, key: objectKey(entry) })
  return services.filter((service) => service.host === host)
}

/** Oldest first, then by name and namespace. */
export function compareAge(a: Service, b: Service): number {
  return (
    compareText(a.createdAt, b.createdAt) ||
    compareText(a.origin[0]?.name ?? '', b.origin[0]?.name ?? '') ||
    compareText(a.namespace, b.namespace)
  )
}

/** The first cluster that has the Service decides what it is; the others add addresses and identities. */
function mergedKubernetesService(world: World, host: string): Service | undefined {
  const named = parseKubernetesHost(host)
  if (!named) return undefined
  const key = `${named.namespace}/${named.name}`
  const parts = world
    .clusters()
    .filter((cluster) => isDiscovered(world, cluster, named.namespace))
    .flatMap((cluster) => world.get(kubernetesService, { cluster, key }) ?? [])
  const [first, ...others] = parts
  if (!first || others.length === 0) return first
  return {
    ...first,
    origin: parts.flatMap(({ origin }) => origin),
    addresses: new Map(parts.flatMap(({ addresses }) => [...addresses])),
    defaultAddresses: first.defaultAddresses,
    identities: [...new Set(parts.flatMap(({ identities }) => identities))],
  }
}

/**
 * ServiceEntries for one host in one namespace: equal ones add their ports to the oldest. Others stay services of their
 * own: each may be for other clients, and of those that a client sees the first counts.
 */
function mergeEntries(entries: readonly Service[]): Service[] {
  const [first, ...others] = entries
  if (!first) return []
  const mergeable = others.filter((other) => canMerge(first, other))
  const rest = mergeEntries(others.filter((other) => !mergeable.includes(other)))
  if (mergeable.length === 0) return [first, ...rest]
  const ports = [...first.ports]
  for (const port of mergeable.flatMap((other) => other.ports))
    if (!ports.some(({ number }) => number === port.number)) ports.push(port)
  const merged = {
    ...first,
    ports,
    origin: [...first.origin, ...mergeable.flatMap(({ origin }) => origin)],
    defaultAddresses: [...new Set([...first.defaultAddresses, ...mergeable.flatMap((each) => each.defaultAddresses)])],
  }
  return [merged, ...rest]
}

function canMerge(a: Service, b: Service): boolean {
  return (
    a.resolution === b.resolution &&
    sameStructure(a.labels, b.labels) &&
    sameStructure(a.selector, b.selector) &&
    sameStructure(a.exportTo, b.exportTo)
  )
}

/** The hosts of all services. */
const allHosts = worldQuery(
  'discovery/all-hosts',
  (world): readonly string[] => {
    const hosts = new Set<string>()
    for (const cluster of world.clusters())
      for (const { metadata } of world.objects(cluster, kinds.service))
        hosts.add(serviceHost(metadata.name, metadata.namespace ?? ''))
    for (const entry of world.objects(world.primary, kinds.serviceEntry) as readonly ServiceEntryObject[])
      for (const host of entry.spec?.hosts ?? []) hosts.add(host)
    return [...hosts].sort(compareText)
  },
  { equals: sameStructure },
)

/** All services, oldest first: where services collide, the first one counts. */
export const allServices = worldQuery(
  'discovery/all-services',
  (world): readonly Service[] =>
    world
      .get(allHosts, undefined)
      .flatMap((host) => world.get(servicesOfHost, host))
      .sort(
        (a, b) =>
          compareText(a.createdAt, b.createdAt) || compareText(a.name, b.name) || compareText(a.namespace, b.namespace),
      ),
  { equals: sameItems },
)

/** Whether two lists hold the very same things: services that did not change are the same object. */
export function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, at) => item === b[at])
}
