// Patches of EnvoyFilters on the resources of a proxy, one resource at a time.
import type { Cluster } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import type { TypedExtensionConfig } from '#gen/envoy/config/core/v3/extension_pb.js'
import type { Listener } from '#gen/envoy/config/listener/v3/listener_pb.js'
import type { RouteConfiguration } from '#gen/envoy/config/route/v3/route_pb.js'
import type { World } from '../../../discovery/index.ts'
import { type Proxy, type ProxyScope, patchTargets } from '../../../mesh/index.ts'
import type { Problem } from '../../../report/index.ts'
import type { Built, Removed } from '../built.ts'
import { httpProxyRoute } from '../names.ts'
import { addedClusters, patchCluster } from './cluster.ts'
import { addedListeners, patchListener } from './listener.ts'
import { type PatchContext, Patches, patchById, valueOf } from './patch.ts'
import { patchRoutes, type RoutePorts } from './routes.ts'

/** The side of a proxy that a resource is for. Gateways have one only. */
export type Side = 'inbound' | 'outbound'

function patchesFor(world: World, scope: ProxyScope, target: keyof ProxyScope['patches'], side: Side): Patches {
  const context: PatchContext =
    scope.type === 'gateway' ? 'GATEWAY' : side === 'inbound' ? 'SIDECAR_INBOUND' : 'SIDECAR_OUTBOUND'
  return new Patches(world, scope.patches[target], context)
}

function withPatches<T>({ origin, ...built }: Built<T>, resource: T, all: readonly Patches[]): Built<T> {
  const patches = all.flatMap(({ used }) => used)
  if (patches.length === 0) return { ...built, origin, resource }
  return { resource, origin: [...origin, ...all.flatMap((each) => each.origin)], patches }
}

function orRemoved<T extends { readonly name: string }>(
  built: Built<T>,
  resource: T | undefined,
  all: readonly Patches[],
): Built<T> | Removed {
  if (resource) return withPatches(built, resource, all)
  return { resource: undefined, name: built.resource.name, patches: all.flatMap(({ used }) => used) }
}

/** The ports of a pod that connections arrive at under another number. */
function arrivalsOf({ inboundPorts }: Proxy): ReadonlyMap<number, number> {
  return new Map(inboundPorts.map(({ port, bind }) => [port, Number(bind.slice(bind.lastIndexOf(':') + 1))]))
}

const noArrivals: ReadonlyMap<number, number> = new Map()

/** A listener that is the same for all proxies of a scope, after its patches. */
export function patchedListener(world: World, scope: ProxyScope, built: Built<Listener>): Built<Listener> | Removed {
  if (scope.patches.listeners.length === 0) return built
  const patches = patchesFor(world, scope, 'listeners', 'outbound')
  const place = { listener: built.resource, patches, routes: undefined, arrivals: noArrivals }
  return orRemoved(built, patchListener(place), [patches])
}

/** Listeners of one proxy's own: inbound ones of sidecars, and those of gateways; with those that patches add there. */
export function patchedOwnListeners(
  world: World,
  scope: ProxyScope,
  proxy: Proxy,
  listeners: readonly Built<Listener>[],
): (Built<Listener> | Removed)[] {
  if (scope.patches.listeners.length + scope.patches.routes.length === 0) return [...listeners]
  const arrivals = arrivalsOf(proxy)
  const changed = listeners.map((built) => {
    const patches = patchesFor(world, scope, 'listeners', 'inbound')
    const routes = scope.type === 'gateway' ? undefined : patchesFor(world, scope, 'routes', 'inbound')
    const resource = patchListener({ listener: built.resource, patches, routes, arrivals })
    return orRemoved(built, resource, routes ? [patches, routes] : [patches])
  })
  return [...changed, ...listenersAdded(world, scope, 'inbound')]
}

/** Listeners that patches add on one side of a proxy. */
export function listenersAdded(world: World, scope: ProxyScope, side: Side): Built<Listener>[] {
  const patches = patchesFor(world, scope, 'listeners', side)
  return addedListeners(patches).map((resource) => withPatches({ resource, origin: [] }, resource, [patches]))
}

/** A route configuration after its patches. */
export function patchedRoutes(
  world: World,
  scope: ProxyScope,
  built: Built<RouteConfiguration>,
): Built<RouteConfiguration> {
  if (scope.patches.routes.length === 0) return built
  const patches = patchesFor(world, scope, 'routes', 'outbound')
  const ports: RoutePorts = {
    portOf: (name) => (/^\d+$/.test(name) ? Number(name) : 0),
    ...(scope.type === 'gateway' && { gateway: scope }),
    allPorts: built.resource.name === httpProxyRoute,
  }
  return withPatches(built, patchRoutes(patches, built.resource, ports), [patches])
}

/** A cluster after its patches. `hosts`: the services of an inbound cluster. */
export function patchedCluster(
  world: World,
  scope: ProxyScope,
  side: Side,
  built: Built<Cluster>,
  hosts: readonly string[] = [],
): Built<Cluster> | Removed {
  if (scope.patches.clusters.length === 0) return built
  const patches = patchesFor(world, scope, 'clusters', side)
  return orRemoved(built, patchCluster(patches, built.resource, hosts), [patches])
}

/** Clusters that patches add on one side of a proxy. */
export function clustersAdded(world: World, scope: ProxyScope, side: Side): Built<Cluster>[] {
  const patches = patchesFor(world, scope, 'clusters', side)
  return addedClusters(patches).map((resource) => withPatches({ resource, origin: [] }, resource, [patches]))
}

/** Settings of filters that patches add, which filters ask for by name. */
export function extensionsAdded(world: World, scope: ProxyScope): Built<TypedExtensionConfig>[] {
  const patches = patchesFor(world, scope, 'extensions', 'outbound')
  return patches
    .of('EXTENSION_CONFIG')
    .filter(({ operation }) => operation === 'ADD')
    .flatMap((patch) => valueOf(patch).map((resource) => ({ resource, origin: [patch.origin], patches: [patch.id] })))
}

/** A warning for each patch that is meant for a proxy and changed none of its resources. */
export function unusedPatches(world: World, scope: ProxyScope, used: ReadonlySet<string>, whose: string): Problem[] {
  const all = patchTargets.flatMap((target) => scope.patches[target])
  return all.flatMap((id) => {
    const patch = used.has(id) ? undefined : world.get(patchById, id)
    return patch ? [unusedProblem(patch.origin, id, whose)] : []
  })
}

function unusedProblem(object: Problem['object'], id: string, whose: string): Problem {
  const index = id.slice(id.lastIndexOf('#') + 1)
  const path = `spec.configPatches[${index}]`
  return { code: 'no-effect', severity: 'warning', object, path, message: `matches nothing that ${whose} has` }
}
