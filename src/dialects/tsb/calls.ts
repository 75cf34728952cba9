// Brings together, for each service on each cluster, what several objects say of it, and makes the objects that tell the
// cluster's proxies.
import type { Problem } from '../../report/index.ts'
import type { ClusterObject } from '../shared/index.ts'
import type { TsbCluster } from './clusters.ts'
import { type CalledService, destinationRule } from './destination-rules.ts'
import { type Exposure, hostOf } from './exposure.ts'
import { groupOfObject, type Hierarchy, holds, missingParent } from './hierarchy.ts'
import type { SharedService } from './remote-services.ts'
import { readServiceRoute, type ServiceRoute, virtualServiceSpec } from './service-routes.ts'
import { multiclusterNamespace, written } from './written.ts'

export interface CallInputs {
  readonly hierarchy: Hierarchy
  readonly clusters: readonly TsbCluster[]
  readonly exposures: readonly Exposure[]
  readonly shared: readonly SharedService[]
}

export function callObjects(inputs: CallInputs): {
  readonly objects: readonly ClusterObject[]
  readonly problems: readonly Problem[]
} {
  const { hierarchy, clusters, exposures, shared } = inputs
  const problems: Problem[] = []
  const routes = readRoutes(hierarchy, problems)
  const exposedKeys = new Set(
    exposures.flatMap(({ services }) => services.map(({ cluster, service }) => keyOf(cluster, service))),
  )
  const remotes = new Map(shared.map((each) => [keyOf(each.client, each), each.remotes]))
  const keys = new Map<string, { cluster: TsbCluster; namespace: string; name: string }>()
  const add = (cluster: TsbCluster, { namespace, name }: { namespace: string; name: string }): void => {
    keys.set(keyOf(cluster, { namespace, name }), { cluster, namespace, name })
  }
  for (const { services } of exposures) for (const { cluster, service } of services) add(cluster, service)
  for (const each of shared) add(each.client, each)
  for (const { route } of routes)
    for (const cluster of clusters)
      if (cluster.facts.services.has(`${route.namespace}/${route.name}`)) add(cluster, route)
  const objects = [...keys].flatMap(([key, { cluster, namespace, name }]): ClusterObject[] => {
    const route = routes.find(
      (each) => each.route.namespace === namespace && each.route.name === name && each.isOn(cluster),
    )?.route
    const service: CalledService = {
      cluster,
      namespace,
      name,
      local: cluster.facts.services.get(`${namespace}/${name}`),
      remotes: remotes.get(key) ?? [],
      isShared: exposedKeys.has(key) || remotes.has(key),
      subsets: route?.subsets ?? [],
    }
    return [...destinationRule(service, hierarchy), ...(route === undefined ? [] : virtualService(service, route))]
  })
  return { objects, problems }
}

const keyOf = (cluster: TsbCluster, { namespace, name }: { namespace: string; name: string }): string =>
  `${cluster.name}/${namespace}/${name}`

interface PlacedRoute {
  readonly route: ServiceRoute
  readonly isOn: (cluster: TsbCluster) => boolean
}

/** Routes in force, each where its group holds the service's namespace. */
function readRoutes(hierarchy: Hierarchy, problems: Problem[]): PlacedRoute[] {
  const groups = hierarchy.groups('TrafficGroup')
  return hierarchy.all('ServiceRoute').flatMap((object) => {
    const group = groupOfObject(groups, object)
    const route = readServiceRoute(object)
    if (group === undefined) problems.push(missingParent(object, `traffic group ${object.place.group}`))
    if ('code' in route) problems.push(route)
    if (group === undefined || 'code' in route) return []
    return [{ route, isOn: (cluster) => holds(group, hierarchy.owners, cluster.name, route.namespace) }]
  })
}

function virtualService({ cluster, namespace, name, local }: CalledService, route: ServiceRoute): ClusterObject[] {
  const host = hostOf({ name, namespace })
  const spec = virtualServiceSpec(route, host)
  if (spec === undefined) return []
  return [
    written({
      cluster: cluster.name,
      kind: 'VirtualService',
      namespace: local === undefined ? multiclusterNamespace : namespace,
      name: `${name}-${route.object.name}`,
      spec: { ...spec, exportTo: ['*'] },
    }),
  ]
}
