// `reachability` and `egress`: which hosts proxies know, and whether they may call any others → Istio's Sidecar.
import { asList, asText, type ClusterObject, compact } from '../../shared/index.ts'
import type { Group, Hierarchy } from '../hierarchy.ts'
import { holds } from '../hierarchy.ts'
import { namespacesIn, type PlacedNamespace } from '../namespaces.ts'
import { multiclusterNamespace, written } from '../written.ts'
import type { TrafficSetting } from './setting.ts'

/** Of the control plane, and of what other clusters have: without these nothing works across clusters. */
const always = ['istio-system/*', `${multiclusterNamespace}/*`]

export interface SidecarTarget extends PlacedNamespace {
  readonly name: string
  readonly labels: Readonly<Record<string, string>> | undefined
  /** Traffic groups that hold the namespace. */
  readonly groups: readonly Group[]
}

export function sidecarObject(target: SidecarTarget, setting: TrafficSetting, hierarchy: Hierarchy): ClusterObject[] {
  const hosts = hostsOf(target, setting, hierarchy)
  if (hosts === undefined && setting.egressHost === '') return []
  const { cluster, namespace, name, labels } = target
  const spec = compact({
    workloadSelector: labels && { labels },
    egress: [{ hosts: hosts === undefined ? ['*/*'] : [...new Set([...hosts, ...always])] }],
    // Who leaves by a gateway does not leave around it.
    outboundTrafficPolicy: setting.egressHost === '' ? undefined : { mode: 'REGISTRY_ONLY' },
  })
  return [written({ cluster: cluster.name, kind: 'Sidecar', namespace, name, spec })]
}

/** Undefined: all. */
function hostsOf(
  { cluster, namespace, groups }: SidecarTarget,
  { reachability }: TrafficSetting,
  { owners }: Hierarchy,
): string[] | undefined {
  const where = (isMeant: (name: string) => boolean): string[] =>
    namespacesIn(cluster)
      .filter(isMeant)
      .map((name) => `${name}/*`)
  const workspace = owners.of(cluster.name, namespace)
  switch (asText(reachability?.['mode'])) {
    case 'NAMESPACE':
      return ['./*']
    case 'GROUP':
      return where((name) => groups.some((group) => holds(group, owners, cluster.name, name)))
    case 'WORKSPACE':
      return where((name) => workspace !== undefined && owners.of(cluster.name, name) === workspace)
    case 'CUSTOM':
      return asList(reachability?.['hosts']).map((host) => wholeHost(asText(host)))
    default:
      return undefined
  }
}

/** `NAMESPACE/NAME` means a service by its short name. */
function wholeHost(text: string): string {
  const [namespace = '', host = ''] = text.split('/')
  const isShort = host !== '*' && !host.includes('.') && namespace !== '.' && namespace !== '*'
  return isShort ? `${namespace}/${host}.${namespace}.svc.cluster.local` : text
}
