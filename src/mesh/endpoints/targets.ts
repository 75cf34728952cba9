import {
  type Endpoint,
  endpointsOfService,
  isIpAddress,
  isIpv6,
  labelNames,
  type NetworkGateway,
  networkGateways,
  type Service,
  selects,
  type World,
} from '../../discovery/index.ts'
import { compareText } from '../../lib/index.ts'
import { type FailoverPlan, failBackPlace, readPhase } from '../failover/index.ts'
import {
  denseRanks,
  distributed,
  type LocalitySetting,
  labelRank,
  localityRank,
  localityRanks,
  parseLocality,
  regionRank,
  regionRanks,
} from '../locality/index.ts'
import type { Machines } from '../proxy.ts'
import { failoverGroups } from './by-failover.ts'
import { isClusterLocal } from './cluster-local.ts'
import { withoutDrained } from './drained.ts'
import type { Target, TargetGroup } from './model.ts'

/** What of a proxy decides which endpoints it gets, and in which order. */
export interface EndpointClient {
  readonly cluster: string
  readonly network: string
  /** Networks that it asked to see; empty = all. */
  readonly networkView: readonly string[]
  readonly locality: string
  /** Own labels and place, as far as settings compare them. */
  readonly labels: Readonly<Record<string, string>>
  readonly node: string
  readonly ipFamilies: 'v4' | 'v6' | 'both'
  readonly machines: Machines
}

export interface EndpointRequest {
  readonly service: Service
  readonly portName: string
  /** Labels of the subset; undefined = all endpoints. */
  readonly subset: Readonly<Record<string, string>> | undefined
  readonly client: EndpointClient
  /** In force, so that priorities and weights are given. */
  readonly locality: LocalitySetting | undefined
  /** Decides over the order instead, if it names rungs. */
  readonly failover: FailoverPlan | undefined
  /** Labels of the service's subsets, by name. */
  readonly subsets: ReadonlyMap<string, Readonly<Record<string, string>>>
  readonly sendUnhealthy: boolean
  /** Whether a proxy would speak mutual TLS with an endpoint. */
  readonly meshTls: (endpoint: Endpoint) => boolean
  /** Leave out endpoints without mutual TLS: a gateway that passes TLS on cannot reach others. */
  readonly meshTlsOnly: boolean
  /** Whether names may stand as addresses (clusters that resolve them). */
  readonly names: boolean
}

/**
 * The endpoints of a service's port as one proxy is to use them: filtered, grouped by locality, with gateways in place
 * of endpoints in other networks, with priorities and weights.
 */
export function targetGroups(world: World, request: EndpointRequest): TargetGroup[] {
  const { service, locality, client } = request
  const endpoints = world
    .get(endpointsOfService, { namespace: service.namespace, host: service.host })
    .filter((endpoint) => endpoint.portName === request.portName)
    .flatMap((endpoint) => shareIn(endpoint, request.subset))
  const local = endpoints.length > 0 && isClusterLocal(world, service.host)
  const usable = withoutDrained(
    world,
    service,
    endpoints.filter((endpoint) => isUsable(endpoint, request, local)),
  )
  const { failover: plan, subsets } = request
  if (plan && plan.rungs.length > 0) {
    const reachable = (members: readonly Endpoint[]): readonly Target[] => {
      const targets = targetsOf(world, request, members)
      return request.meshTlsOnly ? targets.filter(({ meshTls }) => meshTls) : targets
    }
    const { failBack } = plan
    const isSlow = failBack.afterMs > 0 || failBack.overMs > 0
    const phaseOf = (rung: string): ReturnType<typeof readPhase> =>
      isSlow ? readPhase(world.document(failBackPlace(world.primary, service, rung))) : undefined
    return failoverGroups(usable, { plan, caller: client, subsets, phaseOf, targetsOf: reachable })
  }
  const byLocality = Map.groupBy(usable, ({ workload }) => workload.locality)
  const groups = [...byLocality]
    .sort(([a], [b]) => compareText(a, b))
    .flatMap(([place, members]) => groupsOfPlace(world, request, place, members))
  const filtered = request.meshTlsOnly ? groups.map(onlyMeshTls) : groups
  if (locality?.kind === 'distribute') return distributed(filtered, locality.distribute, client.locality) ?? filtered
  return withDensePriorities(rankedByLabels(locality) ? withoutEmpty(filtered) : filtered)
}

/** Labels rank endpoints, not places: what nobody is left of has no rank, while a place without endpoints keeps its. */
function rankedByLabels(locality: LocalitySetting | undefined): boolean {
  return locality !== undefined && locality.kind !== 'distribute' && locality.failoverPriority.length > 0
}

function withoutEmpty(groups: readonly TargetGroup[]): readonly TargetGroup[] {
  const kept = groups.filter(({ targets }) => targets.length > 0)
  return kept.length > 0 ? kept : groups
}

/** The part of an endpoint that is in a subset: all or nothing, but of a gateway what stands behind it. */
export function shareIn(endpoint: Endpoint, subset: EndpointRequest['subset']): readonly Endpoint[] {
  const { workload, weight } = endpoint
  if (subset === undefined || workload.behind === undefined) return selects(subset, workload.labels) ? [endpoint] : []
  let [all, fitting] = [0, 0]
  for (const { labels, count } of workload.behind) {
    all += count
    if (selects(subset, { ...workload.labels, ...labels })) fitting += count
  }
  if (fitting === 0) return []
  return [{ ...endpoint, weight: Math.max(1, Math.round((weight * fitting) / all)) }]
}

function isUsable(
  { address, port, health, workload }: Endpoint,
  request: EndpointRequest,
  clusterLocal: boolean,
): boolean {
  const { service, client } = request
  // What a gateway takes in for its own cluster never leaves it again: two clusters could send it to and fro.
  if (request.meshTlsOnly && workload.labels[labelNames.remoteCluster] !== undefined) return false
  if (service.nodeLocal && (workload.node !== client.node || workload.cluster !== client.cluster)) return false
  if (clusterLocal && workload.cluster !== client.cluster) return false
  if (client.networkView.length > 0 && workload.network !== '' && !client.networkView.includes(workload.network))
    return false
  if (health === 'unhealthy' && !request.sendUnhealthy) return false
  return address === '' || port === 0 || request.names || isIpAddress(address)
}

/** Endpoints of one locality, split where labels rank them differently: then ahead of putting gateways in their place. */
function groupsOfPlace(
  world: World,
  request: EndpointRequest,
  place: string,
  members: readonly Endpoint[],
): TargetGroup[] {
  const byPriority = Map.groupBy(members, ({ workload }) => priorityOf(request, place, workload.labels))
  return [...byPriority]
    .sort(([a], [b]) => a - b)
    .map(([priority, endpoints]) => {
      const targets = targetsOf(world, request, endpoints)
      return { locality: place, priority, weight: saturatedSum(targets), targets }
    })
}

function priorityOf(
  { locality, client }: EndpointRequest,
  place: string,
  labels: Readonly<Record<string, string>>,
): number {
  if (!locality || locality.kind === 'distribute') return 0
  const [from, to] = [parseLocality(client.locality), parseLocality(place)]
  const { failoverPriority, failover } = locality
  const byLabels = failoverPriority.length > 0 ? labelRank(failoverPriority, client.labels, labels) : 0
  if (locality.kind === 'zone-aware') return byLabels * regionRanks + regionRank(from, to, failover)
  const byPlace = failoverPriority.length === 0 || failover.length > 0
  return byPlace ? byLabels * localityRanks + localityRank(from, to, failover) : byLabels
}

function withDensePriorities(groups: readonly TargetGroup[]): TargetGroup[] {
  const dense = denseRanks(groups.map(({ priority }) => priority))
  return groups.map((group, at) => ({ ...group, priority: dense[at] ?? 0 }))
}

const maxWeight = 0xffffffff

/** Envoy refuses sums beyond 32 bits. */
function saturatedSum(targets: readonly { weight: number }[]): number {
  return Math.min(
    maxWeight,
    targets.reduce((sum, { weight }) => sum + weight, 0),
  )
}

function onlyMeshTls(group: TargetGroup): TargetGroup {
  const targets = group.targets.filter(({ meshTls }) => meshTls)
  return { ...group, targets, weight: saturatedSum(targets) }
}

/** Endpoints that can be dialled, and gateways for the others, weighted by what stands behind them. */
function targetsOf(world: World, request: EndpointRequest, endpoints: readonly Endpoint[]): Target[] {
  const gateways = world.get(networkGateways, undefined)
  const direct: Target[] = []
  const shares = new Map<NetworkGateway, { healthy: number; all: number }>()
  for (const endpoint of endpoints) {
    const { network, cluster } = endpoint.workload
    const weight = Math.min(maxWeight, (endpoint.weight || 1) * gateways.scale)
    const ways = gateways.of(network, cluster)
    const meshTls = request.meshTls(endpoint)
    if (ways.length === 0 || inNetwork(request.client, network)) {
      if (endpoint.address !== '') addTarget(direct, { kind: 'endpoint', endpoint, weight, meshTls })
      continue
    }
    const usable = ways.filter((way) => reaches(request, way))
    // Without mutual TLS a gateway could not tell whom a connection is for.
    if (!meshTls || usable.length === 0) continue
    for (const way of usable) {
      const before = shares.get(way) ?? { healthy: 0, all: 0 }
      const share = Math.floor(weight / usable.length)
      const healthy = before.healthy + (endpoint.health === 'healthy' ? share : 0)
      shares.set(way, { healthy, all: before.all + share })
    }
  }
  const ordered = [...shares].sort(([a], [b]) => compareText(a.address, b.address) || a.port - b.port)
  // What is not ready takes no share of a gateway; where nothing is ready, the gateway as a whole is not.
  const ways = ordered.map(([gateway, { healthy, all }]): Target => {
    const weight = Math.max(1, healthy > 0 ? healthy : all)
    return { kind: 'gateway', gateway, health: healthy > 0 ? 'healthy' : 'unhealthy', weight, meshTls: true }
  })
  return [...direct, ...ways]
}

/** Of entries with one address (a gateway, for each of several versions) Envoy would keep the first and drop its share. */
function addTarget(targets: Target[], target: Extract<Target, { kind: 'endpoint' }>): void {
  const { endpoint } = target
  const isGateway = endpoint.workload.labels[labelNames.remoteCluster] !== undefined
  const at = isGateway ? targets.findIndex((other) => isSamePlace(other, endpoint)) : -1
  const same = targets[at]
  if (same?.kind !== 'endpoint') targets.push(target)
  else targets[at] = { ...same, weight: Math.min(maxWeight, same.weight + target.weight) }
}

function isSamePlace(target: Target, { address, port }: Endpoint): boolean {
  return target.kind === 'endpoint' && target.endpoint.address === address && target.endpoint.port === port
}

/** A proxy or an endpoint that names no network is next door. But a proxy without one uses gateways that are there. */
function inNetwork({ network }: EndpointClient, other: string): boolean {
  return other === '' || network === other
}

/** A name can be dialled by clusters that resolve; an address if the proxy has its family. */
function reaches({ client, names }: EndpointRequest, { address }: NetworkGateway): boolean {
  if (!isIpAddress(address)) return names
  return client.ipFamilies === 'both' || (client.ipFamilies === 'v6') === isIpv6(address)
}
