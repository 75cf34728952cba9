import { parse } from 'yaml'
import { sameStructure } from '../lib/index.ts'
import type { ObjectRef } from '../report/index.ts'
import { type Drain, drainedBy } from '../resources/fairlead/index.ts'
import { type KubeObject, refOf } from '../resources/index.ts'
import { plainMeshConfig } from '../resources/istio/index.ts'
import { kinds } from './kube-types.ts'
import { labelNames } from './labels.ts'
import type { MeshConfig, MeshNetworks } from './mesh-config.ts'
import { clusterQuery, type World, worldQuery } from './world.ts'

/** The namespace that holds a cluster's part of the mesh, and rules that hold everywhere. */
export const systemNamespace = 'istio-system'

/** All Services are named under it; clusters of one mesh must agree on it. */
export const domainSuffix = 'cluster.local'

const configKey = `${systemNamespace}/istio`

/** ConfigMap `istio` of the system namespace, key by key, as far as it can be read. */
const meshConfigMap = clusterQuery(
  'discovery/mesh-config',
  (world, { cluster }): { mesh: MeshConfig; networks: MeshNetworks } => {
    const map = world.object(cluster, kinds.configMap, configKey) as
      | (KubeObject & { data?: Record<string, string> })
      | undefined
    return { mesh: plainMeshConfig(readYaml(map?.data?.['mesh'])), networks: readYaml(map?.data?.['meshNetworks']) }
  },
  { equals: sameStructure },
)

/** Text that is not a YAML mapping says nothing; lint reports it. */
function readYaml(text: string | undefined): Record<string, unknown> {
  if (text === undefined) return {}
  try {
    const value: unknown = parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {}
  } catch {
    return {}
  }
}

/** Where the mesh's settings are written; undefined if nowhere. */
export function meshConfigRef(world: World): ObjectRef | undefined {
  const map = world.object(world.primary, kinds.configMap, configKey)
  return map && refOf(world.primary, map)
}

/** MeshConfig of the mesh: that of the primary cluster. */
export function meshConfigOf(world: World): MeshConfig {
  return world.get(meshConfigMap, { cluster: world.primary, key: '' }).mesh
}

export function meshNetworksOf(world: World): MeshNetworks {
  return world.get(meshConfigMap, { cluster: world.primary, key: '' }).networks
}

export function rootNamespaceOf(world: World): string {
  return meshConfigOf(world).rootNamespace || systemNamespace
}

/** The trust domain that a cluster's workloads prove: its own setting, since a remote cluster may be of another mesh. */
export function trustDomainOf(world: World, cluster: string): string {
  const own = world.get(meshConfigMap, { cluster, key: '' }).mesh.trustDomain
  return own || meshConfigOf(world).trustDomain || domainSuffix
}

const namespaceFacts = clusterQuery(
  'discovery/namespace',
  (world, { cluster, key }) => {
    const { labels, annotations } = world.object(cluster, kinds.namespace, key)?.metadata ?? {}
    return { labels: labels ?? {}, annotations: annotations ?? {} }
  },
  { equals: sameStructure },
)

/** Labels and annotations of a namespace; none if it is not known. */
export function namespaceOf(
  world: World,
  cluster: string,
  namespace: string,
): { labels: Record<string, string>; annotations: Record<string, string> } {
  return world.get(namespaceFacts, { cluster, key: namespace })
}

/** The network that the cluster's system namespace names; '' if none. */
export function networkOfCluster(world: World, cluster: string): string {
  return namespaceOf(world, cluster, systemNamespace).labels[labelNames.network] ?? ''
}

/** Label `fairlead.dev/owner` of Drains that Fairlead writes, to tell a cluster of what others say. */
export const passedOnOwner = 'drain'

/** Whether Fairlead wrote a Drain itself. */
export function isPassedOn({ metadata }: Drain): boolean {
  return metadata.labels?.['fairlead.dev/owner'] === passedOnOwner
}

function drainedIn(world: World, counts: (drain: Drain) => boolean): ReadonlySet<string> {
  const drained = new Set<string>()
  for (const cluster of world.clusters()) {
    if (namespaceOf(world, cluster, systemNamespace).labels[labelNames.drain] === 'true') drained.add(cluster)
    const drains = (world.objects(cluster, kinds.drain) as readonly Drain[]).filter(counts)
    for (const name of drains.flatMap((drain) => drainedBy(drain, cluster))) drained.add(name)
  }
  return drained
}

/** Clusters that are drained: by the label of their system namespace, or by a Drain in any cluster of the mesh. */
export const drainedClusters = worldQuery('discovery/drained-clusters', (world) => drainedIn(world, () => true), {
  equals: (a, b) => sameStructure([...a], [...b]),
})

/** The same, without what was only passed on from other meshes. */
export const drainedByUsers = worldQuery(
  'discovery/drained-by-users',
  (world) => drainedIn(world, (drain) => !isPassedOn(drain)),
  { equals: (a, b) => sameStructure([...a], [...b]) },
)

/** Whether a cluster is drained: its endpoints are to get nothing while others are healthy. */
export function isDrained(world: World, cluster: string): boolean {
  return world.get(drainedClusters, undefined).has(cluster)
}

export function spiffeId(trustDomain: string, namespace: string, serviceAccount: string): string {
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`
}
