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
