// Which services and workloads a selector means.
import type { ClusterRef, Service, ServiceSelector, Workload, WorkloadSelector } from './model.ts'

/** True if a map of labels has all of these. */
export function hasLabels(labels: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value)
}

const admits = (list: readonly string[], value: string): boolean => list.length === 0 || list.includes(value)

/** Key of a service: `cluster/namespace/name`. */
export function serviceKey(ref: ClusterRef): string {
  return `${ref.cluster}/${ref.namespace}/${ref.name}`
}

/** True if one of the selectors means the service; an empty list means every service. */
export function selectsService(selectors: readonly ServiceSelector[], service: Service): boolean {
  return selectors.length === 0 || selectors.some((selector) => selectsOne(selector, service))
}

function selectsOne({ matcher, refs }: ServiceSelector, service: Service): boolean {
  if (refs?.some((ref) => serviceKey(ref) === service.key)) return true
  if (matcher === undefined) return refs === undefined
  const { namespace, cluster } = service.ref
  return (
    admits(matcher.namespaces, namespace) &&
    admits(matcher.clusters, cluster) &&
    hasLabels(service.labels, matcher.labels)
  )
}

/** True if one of the selectors means the workload; an empty list means every workload. */
export function selectsWorkload(selectors: readonly WorkloadSelector[], workload: Workload): boolean {
  return (
    selectors.length === 0 ||
    selectors.some(
      (selector) =>
        admits(selector.namespaces, workload.ref.namespace) &&
        admits(selector.clusters, workload.ref.cluster) &&
        hasLabels(workload.labels, selector.labels),
    )
  )
}

/** The selectors that can mean callers of a cluster; undefined if none can. An empty list means every caller. */
export function sourcesOn(
  cluster: string,
  selectors: readonly WorkloadSelector[],
): readonly WorkloadSelector[] | undefined {
  if (selectors.length === 0) return selectors
  const possible = selectors.filter((selector) => admits(selector.clusters, cluster))
  return possible.length === 0 ? undefined : possible
}

/** Things by their labels. */
export class LabelIndex<T extends { readonly labels: Readonly<Record<string, string>> }> {
  readonly #all: readonly T[]
  readonly #byLabel = new Map<string, T[]>()

  constructor(all: readonly T[]) {
    this.#all = all
    for (const item of all)
      for (const [key, value] of Object.entries(item.labels)) {
        const label = `${key}=${value}`
        const found = this.#byLabel.get(label)
        if (found === undefined) this.#byLabel.set(label, [item])
        else found.push(item)
      }
  }

  /** Those that have all of the labels, in their order. */
  having(wanted: Readonly<Record<string, string>>): readonly T[] {
    let shortest = this.#all
    for (const [key, value] of Object.entries(wanted)) {
      const list = this.#byLabel.get(`${key}=${value}`) ?? []
      if (list.length < shortest.length) shortest = list
    }
    return shortest.filter(({ labels }) => hasLabels(labels, wanted))
  }
}

/** Services, as policies look for them. */
export class ServiceIndex {
  readonly #services: readonly Service[]
  readonly #byLabel: LabelIndex<Service>
  readonly #byKey: ReadonlyMap<string, Service>

  constructor(services: readonly Service[]) {
    this.#services = services
    this.#byLabel = new LabelIndex(services)
    this.#byKey = new Map(services.map((service) => [service.key, service]))
  }

  /** The policies that select each service. */
  select<P extends { readonly destinations: readonly ServiceSelector[] }>(
    policies: readonly P[],
  ): ReadonlyMap<Service, readonly P[]> {
    const selected = new Map<Service, P[]>()
    for (const policy of policies) {
      const { destinations } = policy
      const possible =
        destinations.length === 0 ? this.#services : destinations.flatMap((selector) => this.#candidates(selector))
      for (const service of new Set(possible)) {
        if (!selectsService(destinations, service)) continue
        const own = selected.get(service)
        if (own === undefined) selected.set(service, [policy])
        else own.push(policy)
      }
    }
    return selected
  }

  #candidates({ matcher, refs }: ServiceSelector): readonly Service[] {
    const named = (refs ?? []).flatMap((ref) => this.#byKey.get(serviceKey(ref)) ?? [])
    if (matcher === undefined) return refs === undefined ? this.#services : named
    return [...named, ...this.#byLabel.having(matcher.labels)]
  }
}
