import { create, type JsonObject } from '@bufbuild/protobuf'
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
} from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import type { BindConfigSchema } from '#gen/envoy/config/core/v3/address_pb.js'
import { isHttp, isHttp2, meshConfigOf, type ServicePort, type World } from '../../../discovery/index.ts'
import {
  bindingInView,
  type EffectivePolicy,
  effectivePolicy,
  type InboundTarget,
  inboundTargets,
  ownAddresses,
  type Proxy,
  ruleOf,
  scopeOf,
  selectSidecar,
  sidecarOf,
  supportsIpv4,
  supportsIpv6,
} from '../../../mesh/index.ts'
import { type AddressInit, address } from '../address.ts'
import type { Built } from '../built.ts'
import { keptHeaderCase } from '../filters/proxy-headers.ts'
import { fixedClusters, inboundClusterName } from '../names.ts'
import { type Init, milliseconds } from '../proto.ts'
import { applyHttpPool, connectionPoolFields, upgradesToHttp2 } from './connection-pool.ts'
import { defaultPool } from './fixed.ts'
import { emitHttpOptions, newHttpOptions } from './http-options.ts'
import { fillPattern } from './stat-name.ts'

type ClusterInit = Init<typeof ClusterSchema>

/** The clusters behind a sidecar: the program's ports, and where connections to other ports go. */
export function inboundClusters(world: World, proxy: Proxy): Built<Cluster>[] {
  if (proxy.type !== 'sidecar') return []
  const targets = inboundTargets(world, proxy)
  return [...targets.map((target) => inboundCluster(world, proxy, target)), passthroughCluster(world, proxy)]
}

/** Never (Envoy counts in nanoseconds, so 292 years at most): it would otherwise forget destinations that are not used. */
const forever = milliseconds(9_000_000_000 * 1000)

function inboundCluster(world: World, proxy: Proxy, target: InboundTarget): Built<Cluster> {
  const mesh = meshConfigOf(world)
  const policy = inboundPolicy(world, proxy, target)
  const [service] = target.services
  const port: ServicePort = { number: target.servicePort, name: target.servicePortName, protocol: target.protocol }
  const always = isHttp2(target.protocol) || upgradesToHttp2(mesh, port, policy.connectionPool)
  const http = newHttpOptions(
    policy.connectionPool?.http?.useClientProtocol || (target.protocol === 'auto' && !always)
      ? 'downstream'
      : always
        ? 'http2'
        : undefined,
  )
  applyHttpPool(http, policy.connectionPool)
  if (isHttp(target.protocol) || target.protocol === 'auto') http.http1 = keptHeaderCase(mesh)
  const name = inboundClusterName(target.port)
  const statName =
    mesh.inboundClusterStatName && service
      ? fillPattern(mesh.inboundClusterStatName, {
          SERVICE: `${service.name}.${service.namespace}`,
          SERVICE_FQDN: service.host,
          SERVICE_NAME: service.name,
          SERVICE_PORT: String(port.number),
          SERVICE_PORT_NAME: port.name,
          TARGET_PORT: String(target.port),
        })
      : name
  const described: JsonObject[] = target.services
    .filter(({ ports }) => ports.some(({ number }) => number === target.servicePort))
    .map(({ host, name: short, namespace }) => ({ host, name: short, namespace }))
  const resource = create(ClusterSchema, {
    name,
    altStatName: `${statName};`,
    ...connectionPoolFields(mesh, policy),
    ...destinationFields(world, proxy, target),
    typedExtensionProtocolOptions: emitHttpOptions(http),
    ...(described.length > 0 && { metadata: { filterMetadata: { istio: { services: described } } } }),
  })
  return { resource, origin: target.services.flatMap(({ origin }) => origin) }
}

/** The receiving side needs the capacity that clients were told of; the Sidecar's own setting comes first. */
function inboundPolicy(world: World, proxy: Proxy, target: InboundTarget): EffectivePolicy {
  const sidecar = sidecarOf(world, selectSidecar(world, proxy))
  const ofPort = sidecar?.ingress?.find(({ port }) => port.number === target.port)?.connectionPool
  const connectionPool = ofPort ?? sidecar?.inboundConnectionPool
  const [service] = target.services
  const { view } = scopeOf(world, proxy)
  const binding = service && world.get(bindingInView, { view, host: service.host })
  const rule = ruleOf(world, binding?.rule ?? '')
  const policy = rule && !rule.forWorkloads ? effectivePolicy({ ...rule, subsets: [] }, '', target.servicePort) : {}
  return {
    ...defaultPool(meshConfigOf(world)),
    ...policy,
    ...(connectionPool && { connectionPool }),
  }
}

/** Where the program is. */
function destinationFields(world: World, proxy: Proxy, target: InboundTarget): ClusterInit {
  const { ingress, direct, port } = target
  if (direct) return staticAt(target, appAddress(direct.app))
  const declared = ingress?.defaultEndpoint
  if (declared) {
    const at = ingressEndpoint(proxy, declared)
    if (at) return { ...staticAt(target, at.address), ...(at.own && { upstreamBindConfig: ownSource(proxy) }) }
  }
  if (!ingress && meshConfigOf(world).inboundTrafficPolicy?.mode === 'LOCALHOST')
    return staticAt(target, address(supportsIpv4(proxy) ? '127.0.0.1' : '::1', port))
  return { ...originalDestination, upstreamBindConfig: ownSource(proxy) }
}

const originalDestination: ClusterInit = {
  clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.ORIGINAL_DST },
  lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
  cleanupInterval: forever,
}

function staticAt({ port }: InboundTarget, at: AddressInit): ClusterInit {
  return {
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    lbPolicy: Cluster_LbPolicy.ROUND_ROBIN,
    loadAssignment: {
      clusterName: inboundClusterName(port),
      endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: { address: at } } }] }],
    },
  }
}

function appAddress(text: string): AddressInit {
  const colon = text.lastIndexOf(':')
  return address(text.slice(0, colon).replace(/^\[|\]$/g, ''), Number(text.slice(colon + 1)))
}

/** `127.0.0.1:port` the program on localhost, `0.0.0.0:port` on the pod's address, `unix://…` on a socket. */
function ingressEndpoint(proxy: Proxy, text: string): { address: AddressInit; own: boolean } | undefined {
  if (text.startsWith('unix://')) return { address: address(text.slice('unix://'.length), 0), own: false }
  const parts = /^\[?([^\]]*)\]?:(\d+)$/.exec(text)
  if (!parts) return undefined
  const [, host = '', port = ''] = parts
  const v6 = host.includes(':')
  const number = Number(port)
  if (host === '0.0.0.0' || host === '::') {
    const own = ownAddresses(proxy).find((each) => each.includes(':') === v6)
    return own
      ? { address: address(own, number), own: true }
      : { address: address(v6 ? '::1' : '127.0.0.1', number), own: false }
  }
  const local = v6 ? (supportsIpv6(proxy) ? '::1' : '127.0.0.1') : supportsIpv4(proxy) ? '127.0.0.1' : '::1'
  return { address: address(local, number), own: false }
}

/** Connections to the program come from an address of their own, so that the kernel does not redirect them once more. */
function ownSource(proxy: Proxy): Init<typeof BindConfigSchema> {
  const sources = [...(supportsIpv4(proxy) ? ['127.0.0.6'] : []), ...(supportsIpv6(proxy) ? ['::6'] : [])]
  const [first = '127.0.0.6', ...more] = sources
  const at = (source: string) => ({ address: source, portSpecifier: { case: 'portValue', value: 0 } }) as const
  return { sourceAddress: at(first), extraSourceAddresses: more.map((source) => ({ address: at(source) })) }
}

/** Ports that nobody declared: to where the connection was meant to go. */
function passthroughCluster(world: World, proxy: Proxy): Built<Cluster> {
  const mesh = meshConfigOf(world)
  const resource = create(ClusterSchema, {
    name: fixedClusters.inboundPassthrough,
    altStatName: `${fixedClusters.inboundPassthrough};`,
    ...connectionPoolFields(mesh, defaultPool(mesh)),
    ...originalDestination,
    upstreamBindConfig: ownSource(proxy),
    typedExtensionProtocolOptions: emitHttpOptions(newHttpOptions('downstream')),
  })
  return { resource, origin: [] }
}
