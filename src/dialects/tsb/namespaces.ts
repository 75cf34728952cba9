// Namespaces that clusters have.
import type { ClusterFacts } from '../shared/index.ts'
import type { TsbCluster } from './clusters.ts'

/** A namespace of a cluster. */
export interface PlacedNamespace {
  readonly cluster: TsbCluster
  readonly namespace: string
}

const known = new WeakMap<ClusterFacts, readonly string[]>()

/** Names of a cluster's namespaces, sorted; where files do not list them, those in which something stands. */
export function namespacesIn({ facts }: TsbCluster): readonly string[] {
  const found =
    known.get(facts) ??
    [
      ...new Set([
        ...facts.objects('/Namespace').map(({ metadata }) => metadata.name),
        ...[...facts.services.values()].map(({ namespace }) => namespace),
        ...facts.controllers.map(({ namespace }) => namespace),
      ]),
    ].sort()
  known.set(facts, found)
  return found
}

/** The namespaces of all clusters of which something holds. */
export function namespacesWhere(
  clusters: readonly TsbCluster[],
  isMeant: (cluster: string, namespace: string) => boolean,
): PlacedNamespace[] {
  return clusters.flatMap((cluster) =>
    namespacesIn(cluster)
      .filter((namespace) => isMeant(cluster.name, namespace))
      .map((namespace) => ({ cluster, namespace })),
  )
}
