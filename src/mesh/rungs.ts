import { endpointsOfService, type NamespacedHost, type Query } from '../discovery/index.ts'

/** How many places a service can be served from, without their endpoints: changes far less often than they do. */
export interface Rungs {
  readonly clusters: number
  readonly localities: number
}

/** Clusters and localities that have endpoints of a service, ready or not. */
export const rungsOfService: Query<NamespacedHost, Rungs> = {
  name: 'mesh/rungs-of-service',
  keyOf: ({ namespace, host }) => `${namespace}/${host}`,
  compute: (world, key) => {
    const clusters = new Set<string>()
    const localities = new Set<string>()
    for (const { workload } of world.get(endpointsOfService, key)) {
      clusters.add(workload.cluster)
      localities.add(workload.locality)
    }
    return { clusters: clusters.size, localities: localities.size }
  },
  equals: (a, b) => a.clusters === b.clusters && a.localities === b.localities,
}
