// The resources of many proxies as the static configuration of one Envoy: names get a prefix, what is fetched stands inside,
// and listeners for captured connections get sockets of their own. The evaluator is given exactly the same.
import { networkInterfaces } from 'node:os'
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import { buildProxyConfig, proxyConfigJson } from '../../src/backends/envoy/index.ts'
import { evaluatedJson } from '../../src/control-plane/explain/index.ts'
import { snapshotOf, staticWorld, systemNamespace } from '../../src/discovery/index.ts'
import type { ProxyConfig } from '../../src/evaluator/index.ts'
import { proxyOfDescription } from '../../src/mesh/index.ts'
import { groupKind, type KubeObject, soundObject } from '../../src/resources/index.ts'
import { nodeOf } from './places.ts'
import { ports, trustDomain } from './vocabulary.ts'
import type { Addresses, ProxiedPod, RandomWorld } from './world.ts'

type Fields = Record<string, JsonValue>

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : ''
}

/** One proxy, ready to be asked and to be run. */
export interface PlacedProxy {
  readonly pod: ProxiedPod
  readonly config: ProxyConfig
  readonly listeners: readonly JsonObject[]
  readonly clusters: readonly JsonObject[]
  /** Names of secrets as the resources ask for them now → as they asked before. */
  readonly secrets: ReadonlyMap<string, string>
  readonly principal: string
  /** Where a listener stands: name before → address and port. */
  readonly places: ReadonlyMap<string, { readonly address: string; readonly port: number }>
}

/** The proxies of a world. */
export function placeProxies(world: RandomWorld, addresses: Addresses, prefix: string): PlacedProxy[] {
  const settings = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'istio', namespace: systemNamespace } }
  const shared = { ...settings, data: { mesh: JSON.stringify(world.meshConfig) } } as KubeObject
  const objects = new Map(
    [...world.objects].map(([cluster, own]) => [
      cluster,
      [...own.map((object) => soundObject(object, cluster).object), shared],
    ]),
  )
  const snapshot = snapshotOf(objects, groupKind)
  const clusters = [...objects.keys()]
  const views = new Map(clusters.map((primary) => [primary, staticWorld(snapshot, { primary, clusters })]))
  // Where "anywhere" leads: an address of our own, since there is nobody to ask where connections were going.
  const outside = world.programs.at(-2) ?? ''
  return world.pods.map((pod) => {
    const view = views.get(pod.cluster)
    if (!view) throw new Error(`pod ${pod.name} is in no cluster`)
    const own = buildProxyConfig(view, describe(pod))
    return place(proxyConfigJson(own), { pod, addresses, outside, prefix: `${prefix}${pod.name}/` })
  })
}

function describe(pod: ProxiedPod) {
  const loopback = pod.role !== 'caller'
  const inbound = Object.values(ports).map((port) => ({
    port,
    bind: `${pod.address}:${port}`,
    app: `${pod.program}:${port}`,
  }))
  return proxyOfDescription(
    {
      type: pod.role === 'gateway' || pod.role === 'passage' ? 'gateway' : 'sidecar',
      name: pod.name,
      namespace: pod.namespace,
      serviceAccount: pod.app,
      labels: pod.labels,
      node: nodeOf(pod.zone),
      locality: `${pod.zone}/`,
      network: pod.network,
      ips: [pod.address],
      metadata: {
        ...(loopback && {
          FAIRLEAD_DATA_PATH: 'loopback',
          FAIRLEAD_INBOUND_PORTS: pod.role === 'server' ? inbound : [],
        }),
        // It sees its own network only, or it would send requests back and forth.
        ...(pod.role === 'passage' && { REQUESTED_NETWORK_VIEW: pod.network }),
      },
    },
    pod.cluster,
  )
}

/** As Envoy finds it: the first address that is not loopback. */
const hostAddress = Object.values(networkInterfaces())
  .flatMap((each) => each ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address

interface Placing {
  readonly pod: ProxiedPod
  readonly addresses: Addresses
  readonly outside: string
  readonly prefix: string
}

function place(json: ReturnType<typeof proxyConfigJson>, placing: Placing): PlacedProxy {
  const { pod, prefix } = placing
  const routes = new Map((json.routes as JsonObject[]).map((route) => [textOf(route['name']), route]))
  const endpoints = new Map((json.endpoints as JsonObject[]).map((each) => [textOf(each['clusterName']), each]))
  const wanted = pod.role === 'server' ? 'INBOUND' : 'OUTBOUND'
  const secrets = new Map<string, string>()
  const places = new Map<string, { address: string; port: number }>()
  const rewriting: Rewriting = { prefix, routes, secrets }
  const listeners = (json.listeners as JsonObject[])
    .filter((listener) => listener['trafficDirection'] === wanted)
    .filter((listener) => !(pod.role === 'caller' && listener['name'] === 'virtualOutbound'))
    .map((listener) => listenerAt(listener, placing, places))
    .map((listener) => rewrite(listener, rewriting) as JsonObject)
  const clusters = (json.clusters as JsonObject[])
    .filter((cluster) => isWanted(textOf(cluster['name']), wanted))
    .map((cluster) => clusterAt(cluster, endpoints, placing))
    .map((cluster) => rewrite(cluster, rewriting) as JsonObject)
  const principal = `spiffe://${trustDomain}/ns/${pod.namespace}/sa/${pod.app}`
  const facts = { name: `${prefix}${pod.name}`, addresses: [pod.address], principal }
  const config = {
    ...evaluatedJson({ listeners, clusters, routes: [], endpoints: [] }, facts),
    ...(hostAddress !== undefined && { hostAddress }),
  }
  return { pod, config, listeners, clusters, secrets, principal, places }
}

/** Of servers the way in is played, and the way to who is asked about requests. */
function isWanted(cluster: string, direction: 'INBOUND' | 'OUTBOUND'): boolean {
  if (direction === 'OUTBOUND') return !cluster.startsWith('inbound')
  return cluster.startsWith('inbound') || cluster.includes('||guard.')
}

/** Listeners of captured connections get an address of their own; their ports stay, since chains may ask for them. */
function listenerAt(
  listener: JsonObject,
  { pod, addresses, prefix }: Placing,
  places: Map<string, { address: string; port: number }>,
): JsonObject {
  const name = textOf(listener['name'])
  const { bindToPort: _bind, additionalAddresses: _more, ...rest } = listener
  if ('internalListener' in listener) return { ...listener, name: prefix + name }
  const socket = (listener['address'] as JsonObject)['socketAddress'] as JsonObject
  const port = Number(socket['portValue'])
  if (pod.role !== 'caller') {
    places.set(name, { address: textOf(socket['address']), port })
    return { ...listener, name: prefix + name, statPrefix: 'x' }
  }
  const address = addresses.take()
  places.set(name, { address, port })
  return { ...rest, name: prefix + name, statPrefix: 'x', address: { socketAddress: { address, portValue: port } } }
}

function clusterAt(
  cluster: JsonObject,
  endpoints: ReadonlyMap<string, JsonObject>,
  { pod, outside }: Placing,
): JsonObject {
  const { edsClusterConfig: _eds, altStatName: _alt, metadata: _metadata, ...rest } = cluster
  const name = textOf(cluster['name'])
  const bound: JsonObject = {
    ...rest,
    // Peers tell proxies apart by address.
    ...(pod.role === 'server' ? {} : { upstreamBindConfig: { sourceAddress: { address: pod.address, portValue: 0 } } }),
  }
  if (cluster['type'] === 'EDS') {
    return { ...bound, type: 'STATIC', loadAssignment: endpoints.get(name) ?? { clusterName: name } }
  }
  if (cluster['type'] === 'ORIGINAL_DST') {
    const { lbPolicy: _lb, cleanupInterval: _cleanup, lbConfig: _config, originalDstLbConfig: _dst, ...known } = bound
    const address = { socketAddress: { address: outside, portValue: ports.http } }
    return {
      ...known,
      type: 'STATIC',
      loadAssignment: { clusterName: name, endpoints: [{ lbEndpoints: [{ endpoint: { address } }] }] },
    }
  }
  const internal = JSON.stringify(cluster['loadAssignment'] ?? {}).includes('envoyInternalAddress')
  return internal ? { ...rest } : bound
}

interface Rewriting {
  readonly prefix: string
  readonly routes: ReadonlyMap<string, JsonObject>
  readonly secrets: Map<string, string>
}

/** Every name of a cluster and secret with its prefix; routes in place of their names. */
function rewrite(value: JsonValue, rewriting: Rewriting): JsonValue {
  if (Array.isArray(value)) return value.map((each) => rewrite(each, rewriting))
  if (typeof value !== 'object' || value === null) return value
  const { prefix, routes, secrets } = rewriting
  const fields: Fields = {}
  for (const [key, each] of Object.entries(value)) {
    if (key === 'rds') {
      const name = textOf((each as JsonObject)['routeConfigName'])
      fields['routeConfig'] = rewrite(routes.get(name) ?? { name, virtualHosts: [] }, rewriting)
    } else if ((key === 'cluster' || key === 'clusterName') && typeof each === 'string') fields[key] = prefix + each
    else if (key === 'serverListenerName') fields[key] = `${prefix}${textOf(each)}`
    else if (key === 'weightedClusters') {
      const clusters = ((each as JsonObject)['clusters'] as JsonObject[]).map((one) => ({
        ...(rewrite(one, rewriting) as JsonObject),
        name: `${prefix}${textOf(one['name'])}`,
      }))
      fields[key] = { ...(each as JsonObject), clusters }
    } else fields[key] = rewrite(each, rewriting)
  }
  if ('sdsConfig' in fields) {
    const name = `${prefix}${textOf(fields['name'])}`
    secrets.set(name, textOf(fields['name']))
    return { name }
  }
  const isCluster = 'connectTimeout' in fields && 'name' in fields
  return isCluster ? { ...fields, name: `${prefix}${textOf(fields['name'])}` } : fields
}
