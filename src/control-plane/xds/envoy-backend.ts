// Lists and resources of Envoy proxies. What a proxy sees is made once for all proxies that see the same, in steps that
// forget more and more of who asks:
//
//   proxy → scope → view → the clusters of that view (SpecList, equal ones are one) → one cluster or endpoint set
//
// so that a change costs what is made of the changed thing, however many proxies there are.
import { type DescMessage, type MessageShape, toBinary } from '@bufbuild/protobuf'
import { type Cluster, Cluster_DiscoveryType, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js'
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js'
import { type Listener, ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js'
import { VirtualHostSchema } from '#gen/envoy/config/route/v3/route_components_pb.js'
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js'
import { SecretSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js'
import { typeUrls } from '../../ads/index.ts'
import {
  type Built,
  type ClusterSpec,
  type CredentialKey,
  capturingListener,
  clusterEndpoints,
  clusterKey,
  clustersNamed,
  credential,
  type EndpointsKey,
  endpointsKey,
  explicitProxyListener,
  extensionsAdded,
  fixedClusterNames,
  fixedClusterOf,
  gatewayProblems,
  hasHostsOnDemand,
  hostOnDemand,
  httpProxyPort,
  isBuilt,
  type ListenerKey,
  listenersAdded,
  localProxyListener,
  outboundCluster,
  outboundClusterSpecs,
  outboundListener,
  outboundListenerKeys,
  outboundRouteNames,
  outboundRouteParts,
  ownClusters,
  ownListeners,
  patchedCluster,
  type Removed,
  routesOf,
  routesOnDemand,
  sharedListener,
  tunnelListener,
  virtualHost,
  wantedSecrets,
} from '../../backends/envoy/index.ts'
import type { Query, World } from '../../discovery/index.ts'
import { unreachable } from '../../lib/index.ts'
import {
  ownAddresses,
  type PatchTarget,
  type Proxy,
  type ProxyScope,
  scopeOf,
  viewOf,
  withEntry,
} from '../../mesh/index.ts'
import type { Backend, Key, Listed } from './backend.ts'
import { encodeElement, encodeGroup, encodeResource, joinParts, sameGroup, samePart, versionOf } from './encode.ts'
import { inGroups } from './part-groups.ts'
import { envoyFilterOf } from './proxy-problems.ts'
import { type Part, type PartGroup, Removal, sameResource, type XdsResource } from './xds-resource.ts'

/** The patches that a sort of resources gets, as a part of keys; '' = none. */
const patchClass = ({ patches }: ProxyScope, target: PatchTarget): string =>
  patches[target].length === 0 ? '' : ` ${versionOf(patches[target].join())}`

/** What listeners get beside what they are planned for: logs, traces and patches; '' = nothing. */
const listenerClass = (scope: ProxyScope): string => {
  const { objects, identity } = scope.telemetry
  const observed = objects.length === 0 && !identity ? '' : ` ${versionOf(JSON.stringify(scope.telemetry))}`
  return `${observed}${patchClass(scope, 'listeners')}${scope.onDemand ? ' on demand' : ''}`
}

/** A key's text, made once for each key object. */
function remembered<K extends object>(keyOf: (key: K) => string): (key: K) => string {
  const texts = new WeakMap<K, string>()
  return (key) => {
    let text = texts.get(key)
    if (text === undefined) {
      text = versionOf(keyOf(key))
      texts.set(key, text)
    }
    return text
  }
}

/** Tens of thousands of keys are kept: none is longer than it must be. */
const shortText = (...parts: readonly string[]): string => versionOf(parts.join(' '))

/** What is made for one proxy's own workload: it may depend on anything that the proxy says of itself. */
interface OwnKey {
  readonly kind: 'own'
  readonly type: 'clusters' | 'listeners'
  readonly proxy: Proxy
}

/** What a proxy's lists are made from. */
export type EnvoyList = Key &
  (
    | { readonly kind: 'clusters'; readonly specs: SpecList; readonly scope: ProxyScope }
    | { readonly kind: 'fixed-clusters'; readonly scope: ProxyScope }
    | OwnKey
    | { readonly kind: 'demanded-clusters'; readonly scope: ProxyScope }
    | { readonly kind: 'endpoints'; readonly specs: SpecList; readonly scope: ProxyScope }
    | { readonly kind: 'demanded-endpoints'; readonly scope: ProxyScope }
    | { readonly kind: 'listeners'; readonly scope: ProxyScope }
    | { readonly kind: 'explicit-proxy'; readonly proxy: Proxy; readonly scope: ProxyScope }
    | { readonly kind: 'added-listeners'; readonly scope: ProxyScope }
    | { readonly kind: 'extensions'; readonly scope: ProxyScope }
    | { readonly kind: 'routes'; readonly scope: ProxyScope }
    | { readonly kind: 'demanded-hosts'; readonly scope: ProxyScope }
    | { readonly kind: 'secrets'; readonly place: Omit<CredentialKey, 'name'>; readonly names: readonly string[] }
  )

/** What a resource is made from. */
export type EnvoyResource = Key &
  (
    | { readonly kind: 'cluster'; readonly spec: ClusterSpec; readonly scope: ProxyScope }
    | { readonly kind: 'fixed-cluster'; readonly name: string; readonly scope: ProxyScope }
    | (OwnKey & { readonly name: string })
    | { readonly kind: 'demanded-cluster'; readonly name: string; readonly scope: ProxyScope }
    | { readonly kind: 'endpoints'; readonly spec: ClusterSpec; readonly scope: ProxyScope }
    | { readonly kind: 'demanded-endpoints'; readonly name: string; readonly scope: ProxyScope }
    | { readonly kind: 'listener'; readonly key: ListenerKey; readonly scope: ProxyScope }
    | { readonly kind: 'capturing-listener'; readonly scope: ProxyScope }
    | { readonly kind: 'local-proxy'; readonly port: number; readonly scope: ProxyScope }
    | { readonly kind: 'added-listener'; readonly name: string; readonly scope: ProxyScope }
    | { readonly kind: 'explicit-proxy'; readonly proxy: Proxy; readonly scope: ProxyScope }
    | { readonly kind: 'tunnel'; readonly scope: ProxyScope }
    | { readonly kind: 'extension'; readonly name: string; readonly scope: ProxyScope }
    | { readonly kind: 'route'; readonly name: string; readonly scope: ProxyScope }
    | { readonly kind: 'demanded-host'; readonly name: string; readonly scope: ProxyScope }
    | { readonly kind: 'secret'; readonly credential: CredentialKey }
  )

/** The clusters that a view leads to. Views with equal ones share the list. */
export interface SpecList {
  readonly digest: string
  readonly specs: ReadonlyMap<string, ClusterSpec>
  /** Whether some clusters hold their endpoints themselves, so that they depend on where the client is. */
  readonly someNamed: boolean
}

const specLists: Query<ProxyScope, SpecList> = {
  name: 'xds/cluster-specs',
  keyOf: ({ view }) => viewOf.keyOf(view),
  compute: (world, scope) => {
    const specs = world.get(outboundClusterSpecs, scope)
    const digest = versionOf([...specs.values()].map(specText).join('\n'))
    const someNamed = [...specs.values()].some(isNamed)
    return shared(specListPool, digest, () => ({ digest, specs, someNamed }))
  },
  equals: (a, b) => a.digest === b.digest,
}

const specListPool = new Map<string, WeakRef<SpecList>>()

/** The one object of a digest, for as long as somebody holds it. */
function shared<T extends object>(pool: Map<string, WeakRef<T>>, digest: string, make: () => T): T {
  const known = pool.get(digest)?.deref()
  if (known) return known
  for (const [key, ref] of pool) if (!ref.deref()) pool.delete(key)
  const made = make()
  pool.set(digest, new WeakRef(made))
  return made
}

const specText: (spec: ClusterSpec) => string = remembered((spec) => `${spec.name}|${spec.binding.key}`)

function isNamed({ binding: { service } }: ClusterSpec): boolean {
  return (
    service.resolution === 'dns' || service.resolution === 'dns-round-robin' || service.resolution === 'dynamic-dns'
  )
}

/** What of a scope decides over clusters, and over endpoints: `clusterKey` and `endpointsKey` read no more than this. */
const clusterClass = ({ type, secrets }: ProxyScope): string => `${type}|${secrets}`
const endpointClass = (scope: ProxyScope): string => {
  const { cluster, network, networkView, locality, labels, node, ipFamilies, machines } = scope
  return JSON.stringify([cluster, network, networkView, locality, labels, node, ipFamilies, machines])
}
const viewClass = (scope: ProxyScope): string => {
  if (scope.type === 'gateway') return scope.key
  const { type, namespace, cluster, labels, view, autoAddresses, ipFamilies, dataPath, interception, onDemand } = scope
  const views = viewOf.keyOf(view)
  const asked = onDemand ? ['on demand'] : []
  return JSON.stringify([
    type,
    namespace,
    cluster,
    labels,
    views,
    autoAddresses,
    ipFamilies,
    dataPath,
    interception,
    ...asked,
  ])
}

function lists(world: World, connected: Proxy, typeUrl: string): EnvoyList[] {
  const proxy = withEntry(world, connected)
  const scope = scopeOf(world, proxy)
  switch (typeUrl) {
    case typeUrls.cluster: {
      const patched = patchClass(scope, 'clusters')
      return [
        { kind: 'fixed-clusters', text: `fixed-clusters ${viewClass(scope)}${patched}`, scope },
        scope.onDemand
          ? { kind: 'demanded-clusters', text: `demanded clusters ${demandClass(scope)}${patched}`, scope }
          : clusterList(world, scope),
        own('clusters', proxy),
      ]
    }
    case typeUrls.endpoint: {
      if (scope.onDemand)
        return [{ kind: 'demanded-endpoints', text: `demanded endpoints ${demandClass(scope)}`, scope }]
      const specs = world.get(specLists, scope)
      return [{ kind: 'endpoints', text: `endpoints ${specs.digest} ${endpointClass(scope)}`, specs, scope }]
    }
    case typeUrls.listener:
      return listenerLists(scope, proxy)
    case typeUrls.route:
      return [{ kind: 'routes', text: `routes ${viewClass(scope)}${patchClass(scope, 'routes')}`, scope }]
    case typeUrls.virtualHost: {
      const text = `hosts ${viewClass(scope)}${patchClass(scope, 'routes')}`
      return scope.onDemand ? [{ kind: 'demanded-hosts', text, scope }] : []
    }
    case typeUrls.extension: {
      const patched = patchClass(scope, 'extensions')
      return patched === '' ? [] : [{ kind: 'extensions', text: `extensions${patched}`, scope }]
    }
    case typeUrls.secret: {
      const names = wantedSecrets(world, scope, proxy)
      const place = { cluster: scope.cluster, namespace: scope.namespace }
      const text = `secrets ${place.cluster} ${place.namespace} ${versionOf(names.join('\n'))}`
      return names.length === 0 ? [] : [{ kind: 'secrets', text, place, names }]
    }
    default:
      return []
  }
}

function clusterList(world: World, scope: ProxyScope): EnvoyList {
  const specs = world.get(specLists, scope)
  const place = specs.someNamed ? endpointClass(scope) : ''
  const text = `clusters ${specs.digest} ${clusterClass(scope)} ${place}${patchClass(scope, 'clusters')}`
  return { kind: 'clusters', text, specs, scope }
}

function listenerLists(scope: ProxyScope, proxy: Proxy): EnvoyList[] {
  const extras = listenerClass(scope)
  const patched = patchClass(scope, 'listeners')
  const added: EnvoyList[] =
    patched === '' || scope.type === 'gateway'
      ? []
      : [{ kind: 'added-listeners', text: `added-listeners${patched}`, scope }]
  const shared: EnvoyList =
    scope.type === 'sidecar' && scope.dataPath === 'loopback'
      ? { kind: 'explicit-proxy', text: `explicit-proxy ${ownAddresses(proxy).join()}${extras}`, proxy, scope }
      : { kind: 'listeners', text: `listeners ${viewClass(scope)}${extras}`, scope }
  return [shared, ...added, own('listeners', proxy)]
}

function list(world: World, key: EnvoyList): Listed<EnvoyResource>[] {
  switch (key.kind) {
    case 'clusters': {
      const own = `${clusterClass(key.scope)}${patchClass(key.scope, 'clusters')}`
      const place = key.specs.someNamed ? endpointClass(key.scope) : ''
      return [...key.specs.specs].map(([name, spec]) => {
        const text = shortText('cluster', specText(spec), isNamed(spec) ? `${own} ${place}` : own)
        return { name, key: { kind: 'cluster', text, spec, scope: key.scope } }
      })
    }
    case 'fixed-clusters': {
      const { scope } = key
      const text = `${viewClass(scope)}${patchClass(scope, 'clusters')}`
      return fixedClusterNames(world, scope).map((name) => ({
        name,
        key: { kind: 'fixed-cluster', text: `fixed ${name} ${text}`, name, scope },
      }))
    }
    case 'own':
      return world
        .get(ownResources, key)
        .map(({ name }) => ({ name, key: { ...key, name, text: `${key.text} ${name}` } }))
    case 'endpoints': {
      const place = endpointClass(key.scope)
      return [...key.specs.specs].map(([name, spec]) => ({
        name,
        key: { kind: 'endpoints', text: shortText('endpoints', specText(spec), place), spec, scope: key.scope },
      }))
    }
    case 'listeners':
      return listeners(world, key.scope)
    case 'explicit-proxy':
      return [
        { name: 'virtualOutbound', key },
        {
          name: 'http_in_tunnel',
          key: { kind: 'tunnel', text: `tunnel${listenerClass(key.scope)}`, scope: key.scope },
        },
      ]
    case 'added-listeners':
      return listenersAdded(world, key.scope, 'outbound').map(({ resource: { name } }) => ({
        name,
        key: { kind: 'added-listener', text: `${key.text} ${name}`, name, scope: key.scope },
      }))
    case 'extensions':
      return extensionsAdded(world, key.scope).map(({ resource: { name } }) => ({
        name,
        key: { kind: 'extension', text: `${key.text} ${name}`, name, scope: key.scope },
      }))
    case 'routes': {
      const { scope } = key
      const text = `${viewClass(scope)}${patchClass(scope, 'routes')}`
      return outboundRouteNames(world, scope).map((name) => ({
        name,
        key: { kind: 'route', text: `route ${name} ${text}`, name, scope },
      }))
    }
    case 'demanded-hosts':
    case 'demanded-clusters':
    case 'demanded-endpoints':
      return []
    case 'secrets':
      return key.names.map((name) => {
        const own: CredentialKey = { ...key.place, name }
        return { name, key: { kind: 'secret', text: `secret ${credential.keyOf(own)}`, credential: own } }
      })
    default:
      return unreachable(key)
  }
}

function listeners(world: World, scope: ProxyScope): Listed<EnvoyResource>[] {
  const own = outboundListenerKeys(world, scope).map((key): Listed<EnvoyResource> => {
    const text = `listener ${versionOf(outboundListener.keyOf(key))}${listenerClass(scope)}`
    return { name: key.plan.name, key: { kind: 'listener', text, key, scope } }
  })
  if (scope.type !== 'sidecar' || scope.dataPath === 'loopback') return own
  const text = `${viewClass(scope)}${listenerClass(scope)}`
  if (scope.interception !== 'NONE')
    own.push({ name: 'virtualOutbound', key: { kind: 'capturing-listener', text: `capturing ${text}`, scope } })
  const port = httpProxyPort(world)
  if (port !== undefined) {
    const { name } = localProxyListener(world, scope, port)
    own.push({ name, key: { kind: 'local-proxy', text: `local-proxy ${port} ${text}`, port, scope } })
  }
  return own
}

const proxyText = remembered<Proxy>((proxy) => JSON.stringify(proxy))

const own = (type: OwnKey['type'], proxy: Proxy): EnvoyList => ({
  kind: 'own',
  type,
  text: `own ${type} ${proxyText(proxy)}`,
  proxy,
})

const ownResources: Query<OwnKey, readonly (XdsResource | Removal)[]> = {
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

/** The cluster of a name, for proxies that ask for clusters by name. */
const specOf: Query<{ readonly name: string; readonly scope: ProxyScope }, ClusterSpec | undefined> = {
  name: 'xds/cluster-spec',
  keyOf: ({ name, scope }) => `${name} ${specLists.keyOf(scope)}`,
  compute: (world, { name, scope }) => world.get(specLists, scope).specs.get(name),
  equals: (a, b) => a === b || (a !== undefined && b !== undefined && specText(a) === specText(b)),
}

/** What of a scope decides over clusters and endpoints that proxies ask for by name. */
const demandClass = (scope: ProxyScope): string =>
  `${specLists.keyOf(scope)} ${clusterClass(scope)} ${endpointClass(scope)}`

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

const virtualHostsField = 2 // Of RouteConfiguration.

type VirtualHostKey = Parameters<typeof virtualHost.keyOf>[0]

const encodedVirtualHost: Query<VirtualHostKey, Part> = {
  name: 'xds/virtual-host',
  keyOf: remembered(virtualHost.keyOf),
  compute: (world, key) => encodeElement(VirtualHostSchema, virtualHostsField, virtualHost.compute(world, key)),
  equals: samePart,
}

/**
 * Virtual hosts that follow each other, in the order of the key. Route configurations are put together from some dozens of
 * these where they have a thousand hosts, and most of them are the same in all.
 */
const encodedVirtualHosts: Query<readonly VirtualHostKey[], PartGroup> = {
  name: 'xds/virtual-hosts',
  keyOf: remembered((keys) => keys.map(encodedVirtualHost.keyOf).join(' ')),
  compute: (world, keys) => encodeGroup(keys.map((key) => world.get(encodedVirtualHost, key))),
  equals: sameGroup,
}

function make(world: World, key: EnvoyResource): XdsResource | Removal | undefined {
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

function encodeShared(world: World, scope: ProxyScope, built: Built<Listener>): XdsResource | Removal {
  return encodeListener(sharedListener(world, scope, built), scope)
}

function encodeCluster(built: Built<Cluster> | Removed, scope: ProxyScope): XdsResource | Removal {
  if (!isBuilt(built)) return new Removal(built.name, built.patches)
  const { name } = built.resource
  const endpointSet = endpointSetOf(built.resource)
  return encodeResource(ClusterSchema, typeUrls.cluster, name, built, {
    ...(endpointSet !== undefined && { endpointSet }),
    ...leads(ClusterSchema, built, scope, name),
  })
}

/** What a resource leads to, for proxies that are given no clusters but those that something leads to. */
function leads<S extends DescMessage>(
  schema: S,
  { resource }: Built<MessageShape<S>>,
  scope: ProxyScope,
  but?: string,
): { refersTo?: readonly string[] } {
  if (!scope.onDemand) return {}
  const refersTo = clustersNamed(schema, resource).filter((name) => name !== but)
  return refersTo.length === 0 ? {} : { refersTo }
}

function endpointSetOf({ name, clusterDiscoveryType, edsClusterConfig }: Cluster): string | undefined {
  const isEds = clusterDiscoveryType.case === 'type' && clusterDiscoveryType.value === Cluster_DiscoveryType.EDS
  return isEds ? edsClusterConfig?.serviceName || name : undefined
}

function encodeListener(built: Built<Listener> | Removed, scope: ProxyScope): XdsResource | Removal {
  if (!isBuilt(built)) return new Removal(built.name, built.patches)
  const { name } = built.resource
  return encodeResource(ListenerSchema, typeUrls.listener, name, built, leads(ListenerSchema, built, scope))
}

/** The virtual hosts stand in front of those of the shell, as bytes that all route configurations share. */
function makeRoute(world: World, scope: ProxyScope, name: string): XdsResource | undefined {
  const schema = RouteConfigurationSchema
  if (hasHostsOnDemand(scope, name)) {
    const parts = outboundRouteParts(world, scope, name)
    return parts && encodeResource(schema, typeUrls.route, name, { resource: routesOnDemand(parts), origin: [] })
  }
  if (scope.onDemand) {
    const built = routesOf(world, scope, name)
    return built && encodeResource(schema, typeUrls.route, name, built, leads(schema, built, scope))
  }
  if (scope.patches.routes.length > 0) return makePatchedRoute(world, scope, name)
  const parts = outboundRouteParts(world, scope, name)
  if (!parts) return undefined
  const hosts = inGroups(parts.virtualHosts).map((keys) => world.get(encodedVirtualHosts, keys))
  return joinParts(typeUrls.route, name, hosts, toBinary(RouteConfigurationSchema, parts.shell))
}

/** Virtual hosts that patches leave as they are, are the shared ones. */
function makePatchedRoute(world: World, scope: ProxyScope, name: string): XdsResource | undefined {
  const built = routesOf(world, scope, name)
  if (!built) return undefined
  const { virtualHosts, ...rest } = built.resource
  const unpatched = outboundRouteParts(world, scope, name)?.virtualHosts ?? []
  const known = new Map(unpatched.map((key) => world.get(encodedVirtualHost, key)).map((part) => [part.name, part]))
  const origin = scope.patches.routes.map((id) => envoyFilterOf({ cluster: scope.cluster, id }).object)
  const parts = virtualHosts.map((resource): Part => {
    const made = encodeElement(VirtualHostSchema, virtualHostsField, { resource, origin })
    const plain = known.get(made.name)
    if (!plain) return made
    return plain.version === made.version ? plain : { ...made, origin: [...origin, ...plain.origin] }
  })
  const shell = toBinary(RouteConfigurationSchema, { ...rest, virtualHosts: [] })
  const { patches = [] } = built
  return joinParts(typeUrls.route, name, inGroups(parts).map(encodeGroup), shell, { origin, patches })
}

/** What Envoy proxies are given. */
export const envoyBackend: Backend<Proxy, EnvoyList, EnvoyResource> = {
  lists,
  list,
  isOwn: ({ kind }) => kind === 'own' || kind === 'explicit-proxy',
  demanded: (key, name) => {
    const made = { text: `${key.text} ${name}`, name }
    switch (key.kind) {
      case 'demanded-hosts':
        return { ...made, kind: 'demanded-host', scope: key.scope }
      case 'demanded-clusters':
        return { ...made, kind: 'demanded-cluster', scope: key.scope }
      case 'demanded-endpoints':
        return { ...made, kind: 'demanded-endpoints', scope: key.scope }
      default:
        return undefined
    }
  },
  make,
  patches: (world, proxy) => Object.values(scopeOf(world, proxy).patches).flat(),
  problems: (world, proxy) => gatewayProblems(world, scopeOf(world, proxy)),
}
