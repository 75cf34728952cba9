// Lists and resources of programs that speak xDS themselves by gRPC, without an Envoy beside them.
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js'
import { type Listener, ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js'
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js'
import { typeUrls } from '../../ads/index.ts'
import {
  type Built,
  type ClusterSpec,
  clientCluster,
  clientEndpoints,
  clientListener,
  clientRoutes,
  clusterKey,
  dialledNames,
  endpointsKey,
  nowhere,
  outboundClusterSpecs,
  routesName,
  serverListeners,
} from '../../backends/envoy/index.ts'
import type { World } from '../../discovery/index.ts'
import { unreachable } from '../../lib/index.ts'
import { type Proxy, type ProxyScope, scopeOf } from '../../mesh/index.ts'
import type { Backend, Key, Listed } from './backend.ts'
import { encodeResource } from './encode.ts'
import type { XdsResource } from './xds-resource.ts'

type Kind = 'grpc-listeners' | 'grpc-servers' | 'grpc-routes' | 'grpc-clusters' | 'grpc-endpoints'

export type ProxylessList = Key & { readonly kind: Kind; readonly proxy: Proxy; readonly scope: ProxyScope }

export type ProxylessResource = Key &
  (
    | { readonly kind: 'grpc-listener'; readonly name: string; readonly routes: string }
    | { readonly kind: 'grpc-server'; readonly name: string; readonly proxy: Proxy }
    | { readonly kind: 'grpc-route'; readonly name: string; readonly scope: ProxyScope }
    | { readonly kind: 'grpc-nowhere'; readonly type: 'cluster' | 'endpoints' }
    | { readonly kind: 'grpc-cluster' | 'grpc-endpoint-set'; readonly spec: ClusterSpec; readonly scope: ProxyScope }
  )

const kindsOfType: Readonly<Record<string, readonly Kind[]>> = {
  [typeUrls.listener]: ['grpc-listeners', 'grpc-servers'],
  [typeUrls.route]: ['grpc-routes'],
  [typeUrls.cluster]: ['grpc-clusters'],
  [typeUrls.endpoint]: ['grpc-endpoints'],
}

function lists(world: World, proxy: Proxy, typeUrl: string): ProxylessList[] {
  const scope = scopeOf(world, proxy)
  return (kindsOfType[typeUrl] ?? []).map((kind) => {
    const text = kind === 'grpc-servers' ? `${kind} ${JSON.stringify(proxy)}` : `${kind} ${scope.key}`
    return { kind, text, proxy, scope }
  })
}

function list(world: World, { kind, proxy, scope }: ProxylessList): Listed<ProxylessResource>[] {
  switch (kind) {
    case 'grpc-listeners':
      return [...dialledNames(world, scope)].map(([name, dialled]) => {
        const routes = routesName(dialled)
        return { name, key: { kind: 'grpc-listener', text: `grpc-listener ${name} ${routes}`, name, routes } }
      })
    case 'grpc-servers':
      return serverListeners(world, proxy).map(({ resource: { name } }) => ({
        name,
        key: { kind: 'grpc-server', text: `grpc-server ${name} ${JSON.stringify(proxy)}`, name, proxy },
      }))
    case 'grpc-routes': {
      const names = new Set([...dialledNames(world, scope).values()].map(routesName))
      return [...names].map((name) => ({
        name,
        key: { kind: 'grpc-route', text: `grpc-route ${name} ${scope.key}`, name, scope },
      }))
    }
    case 'grpc-clusters':
    case 'grpc-endpoints': {
      const made = kind === 'grpc-clusters' ? 'grpc-cluster' : 'grpc-endpoint-set'
      const type = kind === 'grpc-clusters' ? 'cluster' : 'endpoints'
      const none: Listed<ProxylessResource> = {
        name: nowhere.cluster.name,
        key: { kind: 'grpc-nowhere', text: `grpc-nowhere ${type}`, type },
      }
      const specs = [...world.get(outboundClusterSpecs, scope)].map(([name, spec]) => ({
        name,
        key: { kind: made, text: `${made} ${name} ${spec.binding.key} ${scope.key}`, spec, scope } as const,
      }))
      return [...specs, none]
    }
    default:
      return unreachable(kind)
  }
}

function make(world: World, key: ProxylessResource): XdsResource | undefined {
  switch (key.kind) {
    case 'grpc-listener':
      return listener({ resource: clientListener(key.name, key.routes), origin: [] })
    case 'grpc-server': {
      const built = serverListeners(world, key.proxy).find(({ resource }) => resource.name === key.name)
      return built && listener(built)
    }
    case 'grpc-route': {
      const built = clientRoutes(world, key.scope, key.name)
      return built && encodeResource(RouteConfigurationSchema, typeUrls.route, key.name, built)
    }
    case 'grpc-nowhere': {
      const { cluster, endpoints } = nowhere
      if (key.type === 'endpoints') {
        const built = { resource: endpoints, origin: [] }
        return encodeResource(ClusterLoadAssignmentSchema, typeUrls.endpoint, cluster.name, built)
      }
      return encodeResource(
        ClusterSchema,
        typeUrls.cluster,
        cluster.name,
        { resource: cluster, origin: [] },
        { endpointSet: cluster.name },
      )
    }
    case 'grpc-cluster': {
      const built = clientCluster(world, clusterKey(world, key.scope, key.spec))
      const endpointSet = key.spec.name
      return built && encodeResource(ClusterSchema, typeUrls.cluster, key.spec.name, built, { endpointSet })
    }
    case 'grpc-endpoint-set': {
      const built = clientEndpoints(world, endpointsKey(world, key.scope, key.spec))
      return encodeResource(ClusterLoadAssignmentSchema, typeUrls.endpoint, key.spec.name, built)
    }
    default:
      return unreachable(key)
  }
}

function listener(built: Built<Listener>): XdsResource {
  return encodeResource(ListenerSchema, typeUrls.listener, built.resource.name, built)
}

/** What programs are given that need no proxy. */
export const proxylessBackend: Backend<Proxy, ProxylessList, ProxylessResource> = { lists, list, make }
