import type { Cluster } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import type { ClusterLoadAssignment } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js'
import type { Listener } from '#gen/envoy/config/listener/v3/listener_pb.js'
import type { RouteConfiguration } from '#gen/envoy/config/route/v3/route_pb.js'
import { type Query, sameItems, type World } from '../../discovery/index.ts'
import { gatewayPlan, inboundTargets, type Proxy, type ProxyScope } from '../../mesh/index.ts'
import type { Built, Removed } from './built.ts'
import { type ClusterKey, clusterKey, outboundCluster } from './clusters/build.ts'
import { fixedClustersOf } from './clusters/fixed.ts'
import { inboundClusters } from './clusters/inbound.ts'
import { type ClusterSpec, outboundClusterSpecs } from './clusters/spec.ts'
import { clusterEndpoints, type EndpointsKey, endpointsKey } from './endpoints/build.ts'
import { withOnDemand } from './filters/on-demand.ts'
import { gatewayListeners } from './gateway/listeners.ts'
import { inboundListeners } from './listeners/inbound.ts'
import { type ListenerKey, listenerClient, outboundListener } from './listeners/outbound.ts'
import { listenerPlans, plannedRoutes } from './listeners/plan.ts'
import {
  capturingListener,
  explicitProxyListener,
  httpProxyPort,
  localProxyListener,
  tunnelListener,
} from './listeners/virtual-outbound.ts'
import { httpProxyRoute, inboundClusterName } from './names.ts'
import {
  clustersAdded,
  listenersAdded,
  patchedCluster,
  patchedListener,
  patchedOwnListeners,
  patchedRoutes,
} from './patches/apply.ts'
import { hasHostsOnDemand } from './routes/on-demand.ts'
import { buildOutboundRoutes } from './routes/route-configuration.ts'
import { observedListener } from './telemetry/listener.ts'

// What a proxy is given, one resource at a time. Lists of names depend on what there is; each resource on what is in it.

/** The outbound clusters of a scope by name, without those that would have no endpoint ever. */
export const scopeClusters: Query<ProxyScope, ReadonlyMap<string, ClusterKey>> = {
  name: 'envoy/scope-clusters',
  keyOf: ({ key }) => key,
  compute: (world, scope) => {
    const found = new Map<string, ClusterKey>()
    for (const [name, spec] of world.get(outboundClusterSpecs, scope)) {
      const key = clusterKey(world, scope, spec)
      if (key.client.endpoints === undefined || world.get(outboundCluster, key)) found.set(name, key)
    }
    return found
  },
  equals: (a, b) => sameItems([...a.keys()], [...b.keys()]) && sameTexts([...a.values()], [...b.values()]),
}

function sameTexts(a: readonly ClusterKey[], b: readonly ClusterKey[]): boolean {
  return a.every((key, at) => {
    const other = b[at]
    return (
      other !== undefined &&
      key.spec.binding === other.spec.binding &&
      outboundCluster.keyOf(key) === outboundCluster.keyOf(other)
    )
  })
}

/** A cluster of a scope by name, as it is given to proxies. */
export function clusterOf(world: World, scope: ProxyScope, name: string): Built<Cluster> | Removed | undefined {
  const key = world.get(scopeClusters, scope).get(name)
  if (!key) return fixedClusterOf(world, scope, name)
  const built = world.get(outboundCluster, key)
  return built && patchedCluster(world, scope, 'outbound', built)
}

/** A cluster that is there whatever the services, or that a patch adds. */
export function fixedClusterOf(world: World, scope: ProxyScope, name: string): Built<Cluster> | Removed | undefined {
  const fixed = world.get(fixedClusters, scope).find((cluster) => cluster.name === name)
  if (fixed) return patchedCluster(world, scope, 'outbound', { resource: fixed, origin: [] })
  return clustersAdded(world, scope, 'outbound').find(({ resource }) => resource.name === name)
}

/** Clusters that are there whatever the services. */
export const fixedClusters: Query<ProxyScope, readonly Cluster[]> = {
  name: 'envoy/fixed-clusters',
  keyOf: ({ key }) => key,
  compute: fixedClustersOf,
}

/** Names of the clusters of a scope that are not made of services: fixed ones, and those that patches add. */
export function fixedClusterNames(world: World, scope: ProxyScope): string[] {
  const added = clustersAdded(world, scope, 'outbound').map(({ resource }) => resource.name)
  return [...new Set([...world.get(fixedClusters, scope).map(({ name }) => name), ...added])]
}

/** The clusters of one proxy's own: those behind a sidecar. */
export function ownClusters(world: World, scope: ProxyScope, proxy: Proxy): (Built<Cluster> | Removed)[] {
  if (scope.type === 'gateway') return []
  const hosts = new Map(
    inboundTargets(world, proxy).map(({ port, services }) => [
      inboundClusterName(port),
      services.map(({ host }) => host),
    ]),
  )
  const own = inboundClusters(world, proxy).map((built) =>
    patchedCluster(world, scope, 'inbound', built, hosts.get(built.resource.name)),
  )
  return [...own, ...clustersAdded(world, scope, 'inbound')]
}

/** The listeners of one proxy's own: inbound ones of a sidecar, all of a gateway. */
export function ownListeners(world: World, scope: ProxyScope, proxy: Proxy): (Built<Listener> | Removed)[] {
  const made = [...inboundListeners(world, proxy).listeners, ...gatewayListeners(world, scope, proxy).listeners]
  const mode = scope.type === 'gateway' ? 'CLIENT' : 'SERVER'
  const observed = made.map((built) => observedListener(world, scope, mode, built))
  return patchedOwnListeners(world, scope, proxy, observed)
}

/** A route configuration as it is given to proxies; undefined if there is none of that name. */
export function routesOf(world: World, scope: ProxyScope, name: string): Built<RouteConfiguration> | undefined {
  const built = buildOutboundRoutes(world, scope, name)
  return built && patchedRoutes(world, scope, built)
}

/** Names of all clusters of a scope, but for inbound ones. */
export function clusterNames(world: World, scope: ProxyScope): string[] {
  return [...world.get(scopeClusters, scope).keys(), ...fixedClusterNames(world, scope)]
}

/** Key of a cluster's endpoints, for clusters that ask for them. */
export function endpointsKeyOf(world: World, scope: ProxyScope, name: string): EndpointsKey | undefined {
  const spec: ClusterSpec | undefined = world.get(outboundClusterSpecs, scope).get(name)
  return spec && endpointsKey(world, scope, spec)
}

export function endpointsOf(world: World, scope: ProxyScope, name: string): Built<ClusterLoadAssignment> | undefined {
  const key = endpointsKeyOf(world, scope, name)
  return key && world.get(clusterEndpoints, key)
}

/** Keys of the listeners for single addresses, of sidecars whose traffic is captured. */
export function outboundListenerKeys(world: World, scope: ProxyScope): ListenerKey[] {
  if (scope.type !== 'sidecar' || scope.dataPath === 'loopback') return []
  const client = listenerClient(world, scope)
  return world.get(listenerPlans, scope).map((plan) => ({ plan, client }))
}

/** Outbound listeners of a sidecar. */
export function outboundListeners(world: World, scope: ProxyScope, proxy: Proxy): (Built<Listener> | Removed)[] {
  if (scope.type !== 'sidecar') return []
  const made = sharedListeners(world, scope, proxy).map((built) => sharedListener(world, scope, built))
  return [...made, ...listenersAdded(world, scope, 'outbound')]
}

/** A listener that is the same for all proxies of a scope, as it is given to them. */
export function sharedListener(world: World, scope: ProxyScope, built: Built<Listener>): Built<Listener> | Removed {
  const observed = observedListener(world, scope, 'CLIENT', built)
  const asking = scope.onDemand
    ? { ...observed, resource: withOnDemand(observed.resource, (route) => hasHostsOnDemand(scope, route)) }
    : observed
  return patchedListener(world, scope, asking)
}

function sharedListeners(world: World, scope: ProxyScope, proxy: Proxy): Built<Listener>[] {
  if (scope.dataPath === 'loopback')
    return [explicitProxyListener(world, proxy), tunnelListener(world)].map((resource) => ({ resource, origin: [] }))
  const own = outboundListenerKeys(world, scope).map((key) => world.get(outboundListener, key))
  const port = httpProxyPort(world)
  const fixed = [
    ...(scope.interception === 'NONE' ? [] : [capturingListener(world, scope)]),
    ...(port === undefined ? [] : [localProxyListener(world, scope, port)]),
  ]
  return [...own, ...fixed.map((resource) => ({ resource, origin: [] }))]
}

/** Names of the route configurations that listeners ask for. */
export function outboundRouteNames(world: World, scope: ProxyScope): string[] {
  if (scope.type === 'gateway') {
    const servers = world.get(gatewayPlan, scope).ports.flatMap((port) => port.servers)
    return [...new Set(servers.map(({ routes }) => routes).filter((name) => name !== ''))]
  }
  if (scope.dataPath === 'loopback') return [httpProxyRoute]
  const planned = plannedRoutes(world.get(listenerPlans, scope))
  return httpProxyPort(world) === undefined || planned.includes(httpProxyRoute) ? planned : [...planned, httpProxyRoute]
}
