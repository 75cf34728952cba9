import { sameStructure } from '../lib/index.ts'
import { refOf } from '../resources/index.ts'
import { meshNetworksOf, networkOfCluster } from './cluster-settings.ts'
import { objectGateways } from './gateway-objects.ts'
import { kubernetesHost, parseKubernetesHost } from './hosts.ts'
import { gatewayServices } from './indexes.ts'
import { cidrContains, isIpAddress, parseCidr } from './ip.ts'
import { kinds, type ServiceObject } from './kube-types.ts'
import { labelNames } from './labels.ts'
import type { NetworkGateway } from './model.ts'
import { type World, worldQuery } from './world.ts'

/** Port that a cluster's gateway takes mutual TLS for other services on. */
const defaultGatewayPort = 15443

/**
 * The network of a workload: its own label, else what MeshNetworks say of its registry or address, else that of its
 * cluster.
 */
export function networkOfWorkload(
  world: World,
  cluster: string,
  workload: { labels: Readonly<Record<string, string>> | undefined; address: string },
): string {
  const labelled = workload.labels?.[labelNames.network]
  if (labelled) return labelled
  return networkByMeshNetworks(world, cluster, workload.address) ?? networkOfCluster(world, cluster)
}

function networkByMeshNetworks(world: World, cluster: string, address: string): string | undefined {
  const networks = Object.entries(meshNetworksOf(world).networks ?? {})
  if (networks.length === 0) return undefined
  for (const [name, { endpoints }] of networks)
    if (endpoints?.some(({ fromRegistry }) => fromRegistry === cluster)) return name
  if (!isIpAddress(address)) return undefined
  for (const [name, { endpoints }] of networks) {
    for (const { fromCidr } of endpoints ?? []) {
      const range = fromCidr === undefined ? undefined : parseCidr(fromCidr)
      if (range && cidrContains(range, address)) return name
    }
  }
  return undefined
}

/** All ways into networks from outside, by network and cluster. */
export interface NetworkGateways {
  readonly all: readonly NetworkGateway[]
  /** Multiply weights by it, so that they can be split evenly among the gateways of any network or cluster. */
  readonly scale: number
  of(network: string, cluster: string): readonly NetworkGateway[]
}

/** Gateways as objects tell of them: some load balancers have names instead of addresses. */
const writtenGateways = worldQuery(
  'discovery/written-gateways',
  (world): readonly NetworkGateway[] => [
    ...world.clusters().flatMap((cluster) => [...serviceGateways(world, cluster), ...objectGateways(world, cluster)]),
    ...meshNetworkGateways(world),
  ],
  { equals: sameStructure },
)

/** Names of gateways, whose addresses have to be asked for. */
export const gatewayNames = worldQuery(
  'discovery/gateway-names',
  (world): readonly string[] => {
    const names = world.get(writtenGateways, undefined).map(({ address }) => address)
    return [...new Set(names.filter((address) => !isIpAddress(address)))].sort()
  },
  { equals: sameStructure },
)

/** Where a world has the addresses of a name: a JSON list. */
export const gatewayNamePlace = (name: string): string => `dns:${name}`

/** Addresses that such a place holds; undefined if nobody knows any (yet). */
export function addressesIn(document: string | undefined): readonly string[] | undefined {
  const known: unknown = document === undefined ? undefined : JSON.parse(document)
  return Array.isArray(known) && known.length > 0 ? known.map(String) : undefined
}

/** A gateway at each address of its name; as it is while those are not known, for clusters that resolve names. */
function atAddresses(world: World, gateway: NetworkGateway): NetworkGateway[] {
  if (isIpAddress(gateway.address)) return [gateway]
  const addresses = addressesIn(world.document(gatewayNamePlace(gateway.address))) ?? [gateway.address]
  return addresses.map((address) => ({ ...gateway, address }))
}

/** The gateways that are known, each once, by address. A network without one is reached directly. */
export const networkGateways = worldQuery(
  'discovery/network-gateways',
  (world): NetworkGateways => {
    const found = world.get(writtenGateways, undefined).flatMap((gateway) => atAddresses(world, gateway))
    const unique = new Map(
      found.map((gateway) => [[gateway.network, gateway.cluster, gateway.address, gateway.port].join('|'), gateway]),
    )
    const all = [...unique.values()].sort(compareGateways)
    return gatewaySet(all)
  },
  { equals: (a, b) => sameStructure(a.all, b.all) },
)

function compareGateways(a: NetworkGateway, b: NetworkGateway): number {
  return a.address < b.address ? -1 : a.address > b.address ? 1 : a.port - b.port
}

function gatewaySet(all: readonly NetworkGateway[]): NetworkGateways {
  const byNetwork = Map.groupBy(all, ({ network }) => network)
  const byBoth = Map.groupBy(all, ({ network, cluster }) => `${network}|${cluster}`)
  const counts = [...byNetwork.values(), ...byBoth.values()].map(({ length }) => length)
  return {
    all,
    scale: counts.reduce(leastCommonMultiple, 1),
    of: (network, cluster) => byBoth.get(`${network}|${cluster}`) ?? byNetwork.get(network) ?? [],
  }
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b]
  while (y !== 0) [x, y] = [y, x % y]
  return (a / x) * b
}

/** Services labelled with a network, at the addresses that their load balancers were given. */
function serviceGateways(world: World, cluster: string): NetworkGateway[] {
  return world.lookup(cluster, gatewayServices, '').flatMap((object) => {
    const service = object as ServiceObject
    const network = service.metadata.labels?.[labelNames.network] ?? ''
    const wanted = Number(service.metadata.labels?.[labelNames.gatewayPort] ?? defaultGatewayPort)
    const port = Number.isInteger(wanted) ? wanted : defaultGatewayPort
    const declared = service.spec?.ports?.find((each) => each.port === port)
    if (network === '' || !declared) return []
    const reachable = addressesFromOutside(world, cluster, service, declared)
    return reachable.map(({ address, port }) => ({ network, cluster, address, port, origin: refOf(cluster, service) }))
  })
}

const nodeSelectorAnnotation = 'traffic.istio.io/nodeSelector'

/** Where a Service can be dialled from outside its cluster: load balancer, external addresses, or selected nodes. */
export function addressesFromOutside(
  world: World,
  cluster: string,
  service: ServiceObject,
  port: { port?: number; nodePort?: number },
): { address: string; port: number }[] {
  const number = port.port ?? 0
  const ingress = service.spec?.type === 'LoadBalancer' ? (service.status?.loadBalancer?.ingress ?? []) : []
  const given = [...ingress.map(({ ip, hostname }) => ip || hostname || ''), ...(service.spec?.externalIPs ?? [])]
  const found = given.filter((address) => address !== '').map((address) => ({ address, port: number }))
  const selector = service.metadata.annotations?.[nodeSelectorAnnotation]
  if (service.spec?.type !== 'NodePort' || selector === undefined || port.nodePort === undefined) return found
  const nodePort = port.nodePort
  return [...found, ...nodeAddresses(world, cluster, selector).map((address) => ({ address, port: nodePort }))]
}

function nodeAddresses(world: World, cluster: string, selectorText: string): string[] {
  const selector = parseSelector(selectorText)
  if (selector === undefined) return []
  return world.objects(cluster, kinds.node).flatMap((node) => {
    const matches = Object.entries(selector).every(([name, value]) => node.metadata.labels?.[name] === value)
    const { addresses } = (node.status ?? {}) as { addresses?: { type?: string; address?: string }[] }
    const external = addresses?.find(({ type }) => type === 'ExternalIP')?.address
    return matches && external !== undefined ? [external] : []
  })
}

/** The annotation's value is a JSON object of labels, `{}` for all nodes. */
function parseSelector(text: string): Record<string, string> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, string>) : undefined
  } catch {
    return undefined
  }
}

/** Gateways that MeshNetworks name, by address or by Service. */
function meshNetworkGateways(world: World): NetworkGateway[] {
  return Object.entries(meshNetworksOf(world).networks ?? {}).flatMap(([network, { endpoints, gateways }]) =>
    (gateways ?? []).flatMap(({ address, registryServiceName, port = defaultGatewayPort }) => {
      if (address) return [{ network, cluster: '', address, port, origin: undefined }]
      const name =
        registryServiceName === undefined ? undefined : parseKubernetesHost(kubernetesHost(registryServiceName))
      if (!name) return []
      const registries = (endpoints ?? []).map(({ fromRegistry }) => fromRegistry).filter((each) => each !== undefined)
      return registries.flatMap((cluster) => registryGateways(world, cluster, network, port, name))
    }),
  )
}

function registryGateways(
  world: World,
  cluster: string,
  network: string,
  number: number,
  { name, namespace }: { name: string; namespace: string },
): NetworkGateway[] {
  const service = world.object(cluster, kinds.service, `${namespace}/${name}`) as ServiceObject | undefined
  const port = service?.spec?.ports?.find((each) => each.port === number)
  if (!service || !port) return []
  const reachable = addressesFromOutside(world, cluster, service, port)
  return reachable.map((at) => ({ network, cluster, ...at, origin: refOf(cluster, service) }))
}
