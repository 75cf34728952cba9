// What a cluster is told of services that other clusters expose: more endpoints for a service of its own, or a service
// that it does not have.
import { isIpAddress } from '../../discovery/index.ts'
import { compareText } from '../../lib/index.ts'
import type { Problem } from '../../report/index.ts'
import { asTexts, type ClusterObject, canonical, compact, type FactPort, istioProtocol } from '../shared/index.ts'
import { type Backend, canReach, type TsbCluster } from './clusters.ts'
import { resolvesAtEdge } from './control-plane.ts'
import { addressesFor, type EastWestGateway, type GatewayAddress, type Resolved } from './east-west-gateways.ts'
import { type ExposedService, hostOf, readyCount } from './exposure.ts'
import type { Hierarchy } from './hierarchy.ts'
import { dashed, longHash, multiclusterNamespace, written } from './written.ts'

type Labels = Readonly<Record<string, string>>

/** A service as one cluster knows it, with the other clusters that have it to offer. */
export interface SharedService {
  readonly client: TsbCluster
  readonly namespace: string
  readonly name: string
  readonly remotes: readonly ExposedService[]
  /** Others that have it, and whose proxies cannot be verified. */
  readonly strangers: readonly ExposedService[]
  /** The cluster has a Service of its own by this name. */
  readonly isLocal: boolean
}

/** Label of an endpoint that stands for another cluster: a gateway never passes calls on to it. */
export const remoteClusterLabel = 'xcp.tetrate.io/cluster'
/** Annotation: what stands behind an endpoint, by labels, where it is not all of one kind. */
export const behindAnnotation = 'fairlead.dev/behind'

/** Whether the proxies of two clusters can verify each other. */
export type Trusts = (one: TsbCluster, other: TsbCluster) => boolean

/** What every cluster is to know of the others' services. Who cannot verify another is not sent there. */
export function sharedServices(
  hierarchy: Hierarchy,
  clusters: readonly TsbCluster[],
  exposed: readonly ExposedService[],
  trusts: Trusts,
): SharedService[] {
  const byName = Map.groupBy(exposed, ({ service }) => `${service.namespace}/${service.name}`)
  return clusters.flatMap((client) =>
    [...byName].flatMap(([key, offers]) => {
      const known = offers.filter(
        (offer) => offer.cluster !== client && canReach(client, offer.cluster) && mayCall(hierarchy, client, offer),
      )
      const [first] = known
      if (first === undefined) return []
      const { namespace, name } = first.service
      const remotes = known.filter(({ cluster }) => trusts(client, cluster))
      const strangers = known.filter((offer) => !remotes.includes(offer))
      return [{ client, namespace, name, remotes, strangers, isLocal: client.facts.services.has(key) }]
    }),
  )
}

/** A service of another workspace is another service, whatever its name; so nobody adds endpoints to what others own. */
function mayCall({ owners }: Hierarchy, client: TsbCluster, { workspace, service }: ExposedService): boolean {
  const owner = owners.of(client.name, service.namespace)
  if (owner !== undefined) return owner === workspace
  return !client.facts.services.has(`${service.namespace}/${service.name}`)
}

export function remoteObjects(services: readonly SharedService[], resolved: Resolved): ClusterObject[] {
  return services.flatMap((shared) =>
    shared.isLocal ? workloadEntries(shared, resolved) : serviceEntry(shared, resolved),
  )
}

/** One address of a gateway, with its share of what stands behind. */
interface Way {
  readonly offer: ExposedService
  readonly gateway: EastWestGateway
  readonly address: GatewayAddress
  readonly backends: readonly Backend[]
  readonly weight: number
}

/** The ways to a service in another cluster. One that has nothing ready is not offered. */
function waysTo(client: TsbCluster, offer: ExposedService, resolved: Resolved): Way[] {
  const ready = readyCount(offer)
  if (ready === 0) return []
  const ways = offer.gateways.flatMap((gateway) =>
    addressesFor(client, gateway, resolved).map((address) => ({ gateway, address })),
  )
  return ways.map(({ gateway, address }, at) => ({
    offer,
    gateway,
    address,
    backends: offer.backends,
    weight: Math.max(1, Math.floor(ready / ways.length) + (at < ready % ways.length ? 1 : 0)),
  }))
}

/** Where the address is, seen from a client: always in another network, so that labels tell the own cluster apart. */
export function networkSeenFrom(client: TsbCluster, { network, name }: TsbCluster): string {
  return network === client.network ? `${network}-${name}` : network
}

function endpointOf(
  client: TsbCluster,
  { offer, gateway, address, weight }: Way,
  labels: Labels,
  ports: readonly FactPort[],
) {
  const { cluster } = offer
  return compact({
    address: address.address,
    ports: Object.fromEntries(ports.map((port) => [portName(port), gateway.port])),
    labels: {
      ...failoverLabels(offer, gateway),
      ...labels,
      'security.istio.io/tlsMode': 'istio',
      [remoteClusterLabel]: cluster.name,
    },
    locality: gateway.locality,
    network: networkSeenFrom(client, cluster),
    weight,
  })
}

const failoverLabelPrefix = 'failover.tetrate.io/'

/** Labels by which users rank endpoints, from the gateway's and the service's own. */
function failoverLabels({ service }: ExposedService, { service: gateway }: EastWestGateway): Labels {
  const all = { ...asTexts(gateway.object.metadata.labels), ...service.labels }
  return Object.fromEntries(Object.entries(all).filter(([key]) => key.startsWith(failoverLabelPrefix)))
}

const portName = ({ name }: FactPort): string => name

/** One WorkloadEntry for each address of each gateway: the Service's selector makes it one more endpoint. */
function workloadEntries({ client, namespace, name, remotes }: SharedService, resolved: Resolved): ClusterObject[] {
  const local = client.facts.services.get(`${namespace}/${name}`)
  if (local === undefined) return []
  return remotes.flatMap((offer) => {
    const offered = new Set(offer.service.ports.map(({ number }) => number))
    if (!local.ports.some(({ number }) => offered.has(number))) return []
    return waysTo(client, offer, resolved).flatMap((way) => {
      const kinds = kindsBehind(way.backends)
      const entry = (labels: Labels, weight: number, annotations: Labels, suffix: string): ClusterObject => {
        const { service } = way.gateway
        const identity = `${offer.cluster.name}|${namespace}|${hostOf(offer.service)}|${service.namespace}/${service.name}|${way.address.index}`
        const spec = {
          ...endpointOf(client, { ...way, weight }, { ...labels, ...local.selector }, local.ports),
          ...accountOf(way.backends),
        }
        return written({
          cluster: client.name,
          kind: 'WorkloadEntry',
          namespace,
          name: `k-${name}-${longHash(`${identity}${suffix}`)}`,
          labels: { 'xcp.tetrate.io/workspace': offer.workspace.object.name },
          annotations,
          spec,
        })
      }
      const [only] = kinds
      if (kinds.length <= 1) return [entry(only?.labels ?? {}, way.weight, {}, '')]
      const common = commonLabels(kinds.map(({ labels }) => labels))
      const main = entry(common, way.weight, client.isOurs ? { [behindAnnotation]: behindText(kinds) } : {}, '')
      // Istio knows one set of labels for an endpoint: so there each kind is an entry of its own.
      if (client.isOurs) return [main]
      return kinds.map(({ labels, count }) => entry(labels, count, {}, `|${canonical(labels)}`))
    })
  })
}

interface BehindKind {
  readonly labels: Labels
  readonly count: number
}

/** What stands behind a way, by labels. */
function kindsBehind(backends: readonly Backend[]): BehindKind[] {
  const byLabels = Map.groupBy(backends, ({ labels }) => canonical(labels))
  return [...byLabels]
    .sort(([a], [b]) => compareText(a, b))
    .map(([, alike]) => ({
      labels: alike[0]?.labels ?? {},
      count: alike.reduce((sum, { count }) => sum + count, 0),
    }))
}

function commonLabels(all: readonly Labels[]): Labels {
  const [first = {}, ...others] = all
  return Object.fromEntries(
    Object.entries(first).filter(([key, value]) => others.every((labels) => labels[key] === value)),
  )
}

function behindText(kinds: readonly BehindKind[]): string {
  return JSON.stringify(kinds.map(({ labels, count }) => ({ labels, count })))
}

/** Pods of one service may have several identities; the rules of clients name them all. */
function accountOf(backends: readonly Backend[]): { serviceAccount?: string } {
  const accounts = [...new Set(backends.map(({ serviceAccount }) => serviceAccount))].sort()
  return accounts.length === 1 && accounts[0] !== undefined ? { serviceAccount: accounts[0] } : {}
}

/** A service that the cluster does not have: known by what the other clusters have of it. */
function serviceEntry({ client, namespace, name, remotes }: SharedService, resolved: Resolved): ClusterObject[] {
  const ports = portsOfAll(remotes)
  const endpoints = remotes.flatMap((offer) =>
    waysTo(client, offer, resolved).flatMap((way) => {
      const kinds = kindsBehind(way.backends)
      const total = kinds.reduce((sum, { count }) => sum + count, 0)
      if (kinds.length === 0) return [endpointOf(client, way, offer.service.selector, ports)]
      return kinds.map(({ labels, count }) =>
        endpointOf(client, { ...way, weight: Math.max(1, Math.round((way.weight * count) / total)) }, labels, ports),
      )
    }),
  )
  if (endpoints.length === 0) return []
  const host = hostOf({ name, namespace })
  const spec = {
    hosts: [host],
    location: 'MESH_INTERNAL',
    resolution: 'STATIC',
    exportTo: ['*'],
    ports: ports.map((port) => compact({ number: port.number, name: port.name, protocol: declaredProtocol(port) })),
    endpoints,
  }
  return [
    written({
      cluster: client.name,
      kind: 'ServiceEntry',
      namespace: multiclusterNamespace,
      name: `global-gwinternal-${dashed(host)}`,
      annotations: {
        'xcp.tetrate.io/service': name,
        'xcp.tetrate.io/serviceNamespace': namespace,
        'xcp.tetrate.io/contentHash': longHash(canonical(spec)),
      },
      spec,
    }),
  ]
}

/** Ports that any of the clusters offers, by number; a ServiceEntry's ports have names. */
function portsOfAll(remotes: readonly ExposedService[]): FactPort[] {
  const byNumber = new Map<number, FactPort>()
  for (const { service } of remotes)
    for (const port of service.ports) if (!byNumber.has(port.number)) byNumber.set(port.number, port)
  return [...byNumber.values()].map((port) => (port.name === '' ? { ...port, name: `port-${port.number}` } : port))
}

/** Undefined where nothing is declared: then the proxies look for themselves, as they do for the Service. */
function declaredProtocol(port: FactPort): string | undefined {
  const protocol = istioProtocol(port)
  return protocol === 'TCP' && !/^tcp(-|$)/i.test(port.appProtocol ?? port.name) ? undefined : protocol
}

/** Gateways that clients cannot use, since their addresses are names that are not resolved. */
export function nameProblems(services: readonly SharedService[], resolved: Resolved): Problem[] {
  const found = new Map<string, Problem>()
  for (const { client, remotes } of services)
    for (const { gateways, workspace } of remotes)
      for (const gateway of gateways)
        for (const { address, isName } of addressesFor(client, gateway, resolved)) {
          const object = workspace.setting?.ref
          if (!isName || object === undefined) continue
          const why = resolvesAtEdge(client.facts)
            ? 'which cannot be resolved (yet)'
            : 'and its ControlPlane says not to resolve them; set ENABLE_DNS_RESOLUTION_AT_EDGE to "true" there'
          const message =
            `cluster ${client.name} reaches the gateway of cluster ${gateway.cluster.name} by the DNS name ${address} ` +
            `${why}; until then nothing fails over there`
          const path = 'spec.defaultEastWestGatewaySettings'
          found.set(`${workspace.key} ${message}`, {
            code: 'not-supported',
            severity: 'warning',
            object,
            path,
            message,
          })
        }
  return [...found.values()]
}

/** DNS names of gateways that somebody must resolve. `more`: addresses that are needed for other reasons. */
export function gatewayNames(services: readonly SharedService[], more: readonly string[]): string[] {
  const names = services.flatMap(({ client, remotes }) =>
    resolvesAtEdge(client.facts)
      ? remotes.flatMap(({ gateways }) => gateways.flatMap(({ addresses }) => addresses))
      : [],
  )
  return [
    ...new Set([...names, ...more].filter((name) => !isIpAddress(name)).map((name) => name.replace(/\.$/, ''))),
  ].sort()
}
