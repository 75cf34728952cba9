// ServiceDependency: which services some workloads call. Their proxies are told of these alone, by a Sidecar object each.
import { type ServiceDependencySpec, serviceDependency } from '../../resources/gloo/index.ts'
import { type KubeObject, readKind } from '../../resources/index.ts'
import {
  type ClusterObject,
  compact,
  istioObject,
  type Outcome,
  type PolicyError,
  referenceErrors,
  type Service,
  type ServiceSelector,
  type StatusObject,
  selectsService,
  selectsWorkload,
  statusKey,
  type UserObject,
  type Workload,
  type WorkloadSelector,
} from '../shared/index.ts'
import { type Source, serviceSelectors, userObject, workloadSelectors } from './read-policies.ts'
import { observed, ownWarnings, statusOf, texts } from './status.ts'

export interface ServiceDependency extends UserObject {
  readonly sources: readonly WorkloadSelector[]
  readonly destinations: readonly ServiceSelector[]
}

/** What became of the dependencies. */
export interface Dependencies {
  readonly objects: readonly ClusterObject[]
  readonly statuses: readonly StatusObject[]
  readonly errors: ReadonlyMap<ServiceDependency, readonly PolicyError[]>
  /** What a workload's status says of them; undefined if none selects it. */
  readonly ofWorkload: (workload: Workload) => object | undefined
}

export function readServiceDependency(object: KubeObject, source: Source): ServiceDependency {
  const { spec, problems } = readKind(serviceDependency, object, source.cluster)
  const { sourceSelectors, destinationSelectors }: ServiceDependencySpec = spec
  return {
    ...userObject(object, source, problems, 'workloads'),
    sources: workloadSelectors(sourceSelectors),
    destinations: serviceSelectors(destinationSelectors),
  }
}

interface Limit {
  readonly dependencies: ServiceDependency[]
  readonly hosts: Set<string>
}

/** Workloads that at least one dependency selects call what these list, and nothing else. */
export function dependencies(all: readonly ServiceDependency[], outcome: Outcome): Dependencies {
  const errors = new Map(all.map((each) => [each, referenceErrors(each, outcome.fleet, 'destinationSelectors')]))
  const limits = new Map<Workload, Limit>()
  const selected = new Map<ServiceDependency, Workload[]>()
  for (const dependency of all) {
    if (errors.get(dependency)?.length !== 0) continue
    const services = [...outcome.fleet.services.values()].filter((each) =>
      selectsService(dependency.destinations, each),
    )
    const workloads = outcome.fleet.workloads.filter((each) => selectsWorkload(dependency.sources, each))
    selected.set(dependency, workloads)
    const hostsOn = new Map<string, readonly string[]>()
    for (const workload of workloads) {
      const { cluster } = workload.ref
      const hosts = hostsOn.get(cluster) ?? services.flatMap((service) => hostsOf(service, cluster, outcome))
      hostsOn.set(cluster, hosts)
      const limit = limits.get(workload) ?? { dependencies: [], hosts: new Set() }
      limits.set(workload, limit)
      limit.dependencies.push(dependency)
      for (const host of hosts) limit.hosts.add(host)
    }
  }
  return {
    objects: [...limits].map(([workload, limit]) => sidecar(workload, limit)),
    statuses: all.map((each) => statusFor(each, errors.get(each) ?? [], selected.get(each) ?? [])),
    errors,
    ofWorkload: (workload) => {
      const limit = limits.get(workload)
      if (limit === undefined) return undefined
      return {
        appliedServiceDependencies: limit.dependencies.map(({ object: { name, namespace } }) => ({ name, namespace })),
        destinationHostnames: [...limit.hosts].sort(),
      }
    },
  }
}

/**
 * The names under which callers of a cluster reach a service, and those to which policies and virtual destinations send
 * its requests: who depends on a service depends on what answers for it.
 */
function hostsOf(service: Service, cluster: string, outcome: Outcome): string[] {
  const own = outcome.routing.hostOn(service, cluster)
  const virtual = outcome.virtualDestinations
    .filter(({ meshes, services }) => services.includes(service) && meshes.some((mesh) => mesh.cluster === cluster))
    .map(({ destination }) => destination.hostname)
  const inForce = outcome.applied.get(service.key)?.results.filter(({ errors }) => errors.length === 0) ?? []
  const sent = inForce.flatMap(({ policy: { policy } }) => [
    ...(policy.trafficShift ?? []).flatMap(({ target }) => {
      if (target.kind === 'virtual') return outcome.routing.virtualDestination(target.ref)?.host ?? []
      if (target.kind === 'static') return outcome.routing.externalService(target.ref)?.host ?? []
      const found = target.kind === 'service' ? outcome.fleet.services.get(keyOf(target.ref)) : undefined
      return found === undefined ? [] : (outcome.routing.hostOn(found, cluster) ?? [])
    }),
    ...(policy.mirror === undefined ? [] : mirrorHost(policy.mirror.ref, cluster, outcome)),
  ])
  return [...(own === undefined ? [] : [own]), ...virtual, ...sent]
}

const keyOf = ({ cluster, namespace, name }: Service['ref']): string => `${cluster}/${namespace}/${name}`

function mirrorHost(ref: Service['ref'], cluster: string, outcome: Outcome): string[] {
  const found = outcome.fleet.services.get(keyOf(ref))
  const host = found && outcome.routing.hostOn(found, cluster)
  return host === undefined ? [] : [host]
}

function sidecar({ ref, labels, mesh, object }: Workload, { dependencies: from, hosts }: Limit): ClusterObject {
  const origin = { dialect: mesh.dialect, parents: from.map((each) => each.object) }
  const place = { cluster: ref.cluster, namespace: ref.namespace, name: object.name }
  // "~/*" is Istio's word for nothing at all.
  const egress = [{ hosts: hosts.size === 0 ? ['~/*'] : [...hosts].sort().map((host) => `*/${host}`) }]
  return istioObject('Sidecar', place, origin, { workloadSelector: { labels }, egress })
}

function statusFor(
  dependency: ServiceDependency,
  errors: readonly PolicyError[],
  workloads: readonly Workload[],
): StatusObject {
  const none =
    errors.length === 0 && workloads.length === 0
      ? [{ path: 'spec.sourceSelectors', message: 'no Workload matches, so it has no effect' }]
      : []
  return statusOf(
    dependency.object,
    compact({
      ...observed(dependency),
      state: errors.length === 0 ? 'ACCEPTED' : 'INVALID',
      errors: texts(errors),
      warnings: texts([...ownWarnings(dependency), ...none]),
      workloads: Object.fromEntries(workloads.map(({ object }) => [statusKey(object), { state: 'ACCEPTED' }])),
    }),
  )
}
