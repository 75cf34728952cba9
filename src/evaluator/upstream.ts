// Where a cluster's requests go: its endpoints with the odds, and how connections to them are secured.
import type { JsonObject } from '@bufbuild/protobuf'
import { type Cluster, Cluster_DiscoveryType, Cluster_LbPolicy } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import type { TransportSocket } from '#gen/envoy/config/core/v3/base_pb.js'
import { ClusterConfigSchema as AggregateSchema } from '#gen/envoy/extensions/clusters/aggregate/v3/cluster_pb.js'
import { ProxyProtocolUpstreamTransportSchema } from '#gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js'
import { UpstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js'
import { HttpProtocolOptionsSchema } from '#gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js'
import { byHash } from './balance/choose.ts'
import type { Call, ProxyConfig } from './call.ts'
import { assignmentOf, type Rung, rungsOf, type UpstreamTls } from './rungs.ts'
import { unpack } from './unpack.ts'

export type Finding = 'assigned' | 'named' | 'original-destination' | 'by-host'

export interface Upstream {
  readonly finding: Finding
  readonly rungs: readonly Rung[]
}

const namedTypes: readonly Cluster_DiscoveryType[] = [
  Cluster_DiscoveryType.STRICT_DNS,
  Cluster_DiscoveryType.LOGICAL_DNS,
]

/** A call that looks for an endpoint. */
export interface Seeker {
  readonly call: Call
  readonly host: string
  /** Which endpoint it gets where a hash decides; absent = any. */
  readonly hash?: bigint
}

/** The endpoints of a cluster for a call: assigned, or found by where the call was going. */
export function upstreamOf(proxy: ProxyConfig, cluster: Cluster, seeker: Seeker): Upstream {
  const { call, host, hash } = seeker
  const type = cluster.clusterDiscoveryType
  if (type.case === 'clusterType') {
    const members = type.value.typedConfig && unpack(type.value.typedConfig, AggregateSchema)
    if (members) return { finding: 'assigned', rungs: aggregateRungs(proxy, members.clusters, seeker) }
    return { finding: 'by-host', rungs: [single(/:\d+$/.test(host) ? host : `${host}:${call.port}`)] }
  }
  if (type.value === Cluster_DiscoveryType.ORIGINAL_DST) {
    const config = cluster.lbConfig.case === 'originalDstLbConfig' ? cluster.lbConfig.value : undefined
    return {
      finding: 'original-destination',
      rungs: [single(`${call.address}:${config?.upstreamPortOverride ?? call.port}`)],
    }
  }
  const finding = type.value !== undefined && namedTypes.includes(type.value) ? 'named' : 'assigned'
  return { finding, rungs: byHash(cluster, rungsOf(cluster, assignmentOf(cluster, proxy.endpoints)), hash) }
}

/** The rungs of an aggregate: those of its members, one member after the other. Source: Envoy's aggregate cluster. */
function aggregateRungs(proxy: ProxyConfig, members: readonly string[], seeker: Seeker): Rung[] {
  const rungs: Rung[] = []
  let left = 1
  for (const name of members) {
    const member = proxy.clusters.get(name)
    if (!member) continue
    for (const rung of upstreamOf(proxy, member, seeker).rungs) {
      const usable = rung.endpoints.some(({ share }) => share > 0)
      const scale = usable && rung.share > 0 ? Math.min(left, rung.share) / rung.share : 0
      const endpoints = rung.endpoints.map((each) => ({ ...each, share: each.share * scale }))
      rungs.push({ ...rung, priority: rungs.length, share: rung.share * scale, endpoints })
      left -= rung.share * scale
    }
  }
  return rungs
}

function single(address: string): Rung {
  return {
    priority: 0,
    share: 1,
    panic: false,
    endpoints: [{ address, locality: '', healthy: true, share: 1, metadata: {} }],
  }
}

/** TLS towards an endpoint: the socket whose labels the endpoint has, else that of the cluster; undefined = none. */
export function tlsTowards(cluster: Cluster, metadata: JsonObject): UpstreamTls | undefined {
  const match = cluster.transportSocketMatches.find(({ match: wanted }) =>
    Object.entries(wanted ?? {}).every(([key, value]) => metadata[key] === value),
  )
  const socket = match?.transportSocket ?? cluster.transportSocket
  return socket && tlsOfSocket(socket)
}

function tlsOfSocket(socket: TransportSocket): UpstreamTls | undefined {
  const config = socket.configType.value
  if (!config) return undefined
  const wrapped = unpack(config, ProxyProtocolUpstreamTransportSchema)?.transportSocket
  if (wrapped) return tlsOfSocket(wrapped)
  const tls = unpack(config, UpstreamTlsContextSchema)
  if (!tls) return undefined
  const common = tls.commonTlsContext
  const validation = common?.validationContextType
  const context =
    validation?.case === 'combinedValidationContext' ? validation.value.defaultValidationContext : undefined
  const own = common?.tlsCertificateSdsSecretConfigs ?? []
  return {
    sni: tls.sni,
    alpn: common?.alpnProtocols ?? [],
    identities: (context?.matchSubjectAltNames ?? []).flatMap(({ matchPattern }) =>
      matchPattern.case === 'exact' ? [matchPattern.value] : [],
    ),
    mutual: own.length > 0 || (common?.tlsCertificates.length ?? 0) > 0,
  }
}

/** HTTP version towards the cluster. */
export function protocolTowards(cluster: Cluster, call: Call): Call['protocol'] {
  if (call.protocol === 'tcp') return 'tcp'
  const options = cluster.typedExtensionProtocolOptions['envoy.extensions.upstreams.http.v3.HttpProtocolOptions']
  const config = options && unpack(options, HttpProtocolOptionsSchema)
  const spec = config?.upstreamProtocolOptions
  if (spec?.case === 'useDownstreamProtocolConfig') return call.protocol
  if (spec?.case !== 'explicitHttpConfig') return 'http'
  return spec.value.protocolConfig.case === 'http2ProtocolOptions' ? 'http2' : 'http'
}

const balancers: Readonly<Partial<Record<Cluster_LbPolicy, string>>> = {
  [Cluster_LbPolicy.ROUND_ROBIN]: 'round robin',
  [Cluster_LbPolicy.LEAST_REQUEST]: 'least requests',
  [Cluster_LbPolicy.RANDOM]: 'random',
  [Cluster_LbPolicy.RING_HASH]: 'consistent hash (ring)',
  [Cluster_LbPolicy.MAGLEV]: 'consistent hash (maglev)',
}

export function balancerOf(cluster: Cluster): string {
  return balancers[cluster.lbPolicy] ?? 'where it was going'
}
