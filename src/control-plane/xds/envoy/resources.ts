import { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js'
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js'
import { VirtualHostSchema } from '#gen/envoy/config/route/v3/route_components_pb.js'
import { SecretSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js'
import { typeUrls } from '../../../ads/index.ts'
import {
  type ClusterSpec,
  capturingListener,
  clusterEndpoints,
  clusterKey,
  credential,
  type EndpointsKey,
  endpointsKey,
  explicitProxyListener,
  extensionsAdded,
  fixedClusterOf,
  hostOnDemand,
  listenersAdded,
  localProxyListener,
  outboundCluster,
  outboundListener,
  ownClusters,
  ownListeners,
  patchedCluster,
  tunnelListener,
} from '../../../backends/envoy/index.ts'
import type { Query, World } from '../../../discovery/index.ts'
import { unreachable } from '../../../lib/index.ts'
import { type ProxyScope, scopeOf } from '../../../mesh/index.ts'
import { encodeResource, versionOf } from '../encode.ts'
import { Removal, sameResource, type XdsResource } from '../xds-resource.ts'
import { isNamed, specOf, specText } from './cluster-specs.ts'
import { encodeCluster, encodeListener, encodeShared, leads } from './encode.ts'
import {
  clusterClass,
  type EnvoyResource,
  endpointClass,
  type OwnKey,
  patchClass,
  proxyText,
  shortText,
} from './keys.ts'
import { makeRoute } from './routes.ts'

export const ownResources: Query<OwnKey, readonly (XdsResource | Removal)[]> = {
  name: 'xds/own-resources',
  keyOf: ({ type, proxy }) => `${type} ${proxyText(proxy)}`,
  compute: (world, { type, proxy }) => {
    const scope = scopeOf(world, proxy)
    return type === 'clusters'
      ? ownClusters(world, scope, proxy).map((built) => encodeCluster(built, scope))
      : ownListeners(world, scope, proxy).map((built) => encodeListener(built, scope))
  },
  equals: (a, b) => a.length === b.length && a.every((each, i) => sameResource(each, b[i])),
}

/** A cluster is made once for all scopes between which it does not differ. */
const encodedCluster: Query<
  { readonly spec: ClusterSpec; readonly scope: ProxyScope },
  XdsResource | Removal | undefined
> = {
  name: 'xds/cluster',
  keyOf: ({ spec, scope }) => {
    const own = `${clusterClass(scope)}${patchClass(scope, 'clusters')}`
    return shortText(specText(spec), isNamed(spec) ? `${own} ${endpointClass(scope)}` : own)
  },
  compute: (world, { spec, scope }) => {
    const built = outboundCluster.compute(world, clusterKey(world, scope, spec))
    return built && encodeCluster(patchedCluster(world, scope, 'outbound', built), scope)
  },
  equals: sameResource,
}

/** Endpoints are made once for all classes of clients between which they do not differ. */
const encodedEndpoints: Query<EndpointsKey, XdsResource> = {
  name: 'xds/endpoints',
  keyOf: (key) => versionOf(clusterEndpoints.keyOf(key)),
  compute: (world, key) =>
    encodeResource(ClusterLoadAssignmentSchema, typeUrls.endpoint, key.spec.name, clusterEndpoints.compute(world, key)),
  equals: sameResource,
}

export function make(world: World, key: EnvoyResource): XdsResource | Removal | undefined {
  switch (key.kind) {
    case 'cluster':
      return encodedCluster.compute(world, key)
    case 'demanded-cluster': {
      const spec = world.get(specOf, key)
      return spec && world.get(encodedCluster, { spec, scope: key.scope })
    }
    case 'fixed-cluster': {
      const built = fixedClusterOf(world, key.scope, key.name)
      return built && encodeCluster(built, key.scope)
    }
    case 'own':
      return world.get(ownResources, key).find(({ name }) => name === key.name)
    case 'endpoints':
      return world.get(encodedEndpoints, endpointsKey(world, key.scope, key.spec))
    case 'demanded-endpoints': {
      const spec = world.get(specOf, key)
      return spec && world.get(encodedEndpoints, endpointsKey(world, key.scope, spec))
    }
    case 'listener':
      return encodeShared(world, key.scope, outboundListener.compute(world, key.key))
    case 'capturing-listener':
      return encodeShared(world, key.scope, { resource: capturingListener(world, key.scope), origin: [] })
    case 'local-proxy':
      return encodeShared(world, key.scope, { resource: localProxyListener(world, key.scope, key.port), origin: [] })
    case 'explicit-proxy':
      return encodeShared(world, key.scope, { resource: explicitProxyListener(world, key.proxy), origin: [] })
    case 'tunnel':
      return encodeShared(world, key.scope, { resource: tunnelListener(world), origin: [] })
    case 'added-listener': {
      const added = listenersAdded(world, key.scope, 'outbound').find(({ resource: { name } }) => name === key.name)
      return added && encodeListener(added, key.scope)
    }
    case 'extension': {
      const added = extensionsAdded(world, key.scope).find(({ resource: { name } }) => name === key.name)
      const schema = TypedExtensionConfigSchema
      return added && encodeResource(schema, typeUrls.extension, key.name, added, leads(schema, added, key.scope))
    }
    case 'route':
      return makeRoute(world, key.scope, key.name)
    case 'demanded-host': {
      const built = hostOnDemand(world, key.scope, key.name)
      const schema = VirtualHostSchema
      return built && encodeResource(schema, typeUrls.virtualHost, key.name, built, leads(schema, built, key.scope))
    }
    case 'secret': {
      const built = credential.compute(world, key.credential)
      return built && encodeResource(SecretSchema, typeUrls.secret, key.credential.name, built)
    }
    default:
      return unreachable(key)
  }
}
