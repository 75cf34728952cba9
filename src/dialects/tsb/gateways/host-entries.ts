// A host that gateways serve, as a cluster's proxies know it: a ServiceEntry whose endpoints are these gateways, and how
// they are called.
import { type ClusterObject, compact, type Plain } from '../../shared/index.ts'
import { backendsOf, countOf, type TsbCluster } from '../clusters.ts'
import { addressesFor, type Resolved } from '../east-west-gateways.ts'
import { failoverSettingsOf, localityLbSetting } from '../failover-settings.ts'
import { networkSeenFrom, remoteClusterLabel } from '../remote-services.ts'
import { dashed, longHash, multiclusterNamespace, written } from '../written.ts'
import type { Offer } from './offers.ts'
import type { Server } from './servers.ts'

export interface HostEntry {
  readonly client: TsbCluster
  /** By which the cluster's proxies know it. */
  readonly host: string
  /** What the gateways know it by. */
  readonly hostname: string
  readonly protocol: Server['protocol']
  /** Ports that callers name. */
  readonly ports: readonly number[]
  readonly offers: readonly Offer[]
  readonly exportTo: readonly string[]
  /** What is said of failing over, farthest first. */
  readonly levels: readonly Plain[]
}

const portName = (protocol: Server['protocol'], number: number): string => `${protocol.toLowerCase()}-${number}`

/** Share of an endpoint that has the whole of what its cluster is to get. */
const fullShare = 1000

function endpointsOf({ client, protocol, ports, offers }: HostEntry, resolved: Resolved): object[] {
  return offers.flatMap(({ at, weight }) => {
    const { cluster, server } = at
    const ways = at.gateways.flatMap((gateway) =>
      addressesFor(client, gateway, resolved)
        .filter(({ isName }) => !isName)
        .map(({ address }) => ({ gateway, address })),
    )
    return ways.map(({ gateway, address }) => {
      const isLocal = cluster === client
      // TLS that passes through knows no port of the mesh: it goes where clients from outside go.
      const target = protocol === 'TLS' ? (server.port ?? 443) : gateway.port
      const behind = Math.max(1, countOf(backendsOf(cluster.facts, gateway.service)))
      return compact({
        address,
        ports: Object.fromEntries(ports.map((number) => [portName(protocol, number), target])),
        labels: {
          ...(protocol !== 'TLS' && { 'security.istio.io/tlsMode': 'istio' }),
          // Of the own cluster it would mean that nobody passes calls on to it.
          ...(!isLocal && { [remoteClusterLabel]: cluster.name }),
          'xcp.tetrate.io/serviceType': isLocal ? 'localGateway' : 'remoteGateway',
          'xcp.tetrate.io/hops': server.use === 'TRANSIT' ? '1' : '0',
          ...Object.fromEntries(ports.map((number) => [`xcp.tetrate.io/svc-port-${number}`, String(number)])),
        },
        locality: gateway.locality,
        network: isLocal ? client.network : networkSeenFrom(client, cluster),
        weight: weight > 0 ? Math.max(1, Math.round((weight * fullShare) / ways.length)) : behind,
      })
    })
  })
}

/** The two objects; none if nothing serves the host. */
export function hostEntryObjects(entry: HostEntry, resolved: Resolved): ClusterObject[] {
  const { client, host, hostname, protocol, ports, offers, exportTo } = entry
  const endpoints = endpointsOf(entry, resolved)
  if (endpoints.length === 0) return []
  const place = {
    cluster: client.name,
    namespace: multiclusterNamespace,
    name: `global-gateway-${dashed(host)}`,
    annotations: { 'xcp.tetrate.io/hostname': hostname },
  }
  const spec = {
    hosts: [host],
    location: protocol === 'TLS' ? 'MESH_EXTERNAL' : 'MESH_INTERNAL',
    resolution: 'STATIC',
    exportTo: [...exportTo],
    ports: ports.map((number) => ({ number, name: portName(protocol, number), protocol })),
    endpoints,
  }
  const identities = [...new Set(offers.flatMap(({ at }) => at.identities))].sort()
  const tls = { mode: 'ISTIO_MUTUAL', sni: hostname, subjectAltNames: identities }
  const rule = {
    host,
    exportTo: [...exportTo],
    trafficPolicy: compact({
      loadBalancer: loadBalancerOf(entry),
      connectionPool: client.isOurs ? {} : { tcp: { connectTimeout: '2s' } },
      outlierDetection,
      tls: protocol === 'TLS' ? undefined : compact(tls),
    }),
  }
  return [written({ ...place, kind: 'ServiceEntry', spec }), written({ ...place, kind: 'DestinationRule', spec: rule })]
}

/**
 * One failed connection is enough to leave a gateway for a while, since another cluster can answer; errors of programs
 * behind it are counted as of any other service. Where all are left, they are tried all the same.
 */
const outlierDetection = {
  splitExternalLocalOriginErrors: true,
  consecutiveLocalOriginFailures: 1,
  consecutive5xxErrors: 0,
  consecutiveGatewayErrors: 10,
  interval: '1s',
  baseEjectionTime: '5s',
  maxEjectionPercent: 99,
}

/** With shares all gateways stand side by side; without, the nearest comes first. */
function loadBalancerOf({ offers, levels }: HostEntry): object {
  if (offers.some(({ weight }) => weight > 0)) return { simple: 'ROUND_ROBIN', localityLbSetting: { enabled: false } }
  return { localityLbSetting: localityLbSetting(failoverSettingsOf(levels)) }
}

/** A host that stands for some clusters, or for shares among them. */
export function dividedHost(hostname: string, text: string): string {
  return `d${longHash(text).slice(0, 12)}.${hostname.replace(/^\*\./, 'any.')}`
}
