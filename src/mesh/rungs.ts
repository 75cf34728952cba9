import { endpointsOfService, labelNames, type NamespacedHost, type Query, servicesOfHost } from '../discovery/index.ts'

/** How many places a service can be served from, without their endpoints: changes far less often than they do. */
export interface Rungs {
  readonly clusters: number
  readonly localities: number
}

/**
 * Clusters that have the service or endpoints of it, ready or not, and localities that have endpoints. A cluster whose pods are
 * all gone still counts: what a proxy is told must not change at the very moment of a failover.
 */
export const rungsOfService: Query<NamespacedHost, Rungs> = {
  name: 'mesh/rungs-of-service',
  keyOf: ({ namespace, host }) => `${namespace}/${host}`,
  compute: (world, key) => {
    const service = world.get(servicesOfHost, key.host).find(({ namespace }) => namespace === key.namespace)
    const clusters = new Set(service?.registry === 'kubernetes' ? service.origin.map(({ cluster }) => cluster) : [])
    const localities = new Set<string>()
    for (const { workload } of world.get(endpointsOfService, key)) {
      clusters.add(workload.cluster)
      // An endpoint may be the gateway of another cluster, though an object of this one tells of it.
      clusters.add(workload.labels[labelNames.remoteCluster] ?? workload.cluster)
      localities.add(workload.locality)
    }
    return { clusters: clusters.size, localities: localities.size }
  },
  equals: (a, b) => a.clusters === b.clusters && a.localities === b.localities,
}
