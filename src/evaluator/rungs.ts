// Which endpoints of a cluster get how much of its traffic: priorities ("rungs"), localities, weights, health.
import type { JsonObject } from '@bufbuild/protobuf'
import { type Cluster, Cluster_DiscoveryType, Cluster_LbPolicy } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { HealthStatus } from '#gen/envoy/config/core/v3/health_check_pb.js'
import type { LbEndpoint, LocalityLbEndpoints } from '#gen/envoy/config/endpoint/v3/endpoint_components_pb.js'
import type { ClusterLoadAssignment } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js'

export interface EndpointOdds {
  readonly address: string
  readonly locality: string
  readonly healthy: boolean
  /** Share of the cluster's requests that this endpoint gets. */
  readonly share: number
  /** By which the cluster chooses how connections to the endpoint are secured. */
  readonly metadata: JsonObject
  /** Absent = plaintext. */
  readonly tls?: UpstreamTls
}

/** What a proxy shows and expects where it opens TLS. */
export interface UpstreamTls {
  readonly sni: string
  readonly alpn: readonly string[]
  /** Names of which the far end's certificate must have one; empty = any. */
  readonly identities: readonly string[]
  /** Whether the proxy shows the workload's own certificate. */
  readonly mutual: boolean
}

export interface Rung {
  readonly priority: number
  /** Share of the cluster's requests that this rung gets. */
  readonly share: number
  /** Too few of its endpoints are healthy, so that all of them get traffic. */
  readonly panic: boolean
  readonly endpoints: readonly EndpointOdds[]
}

const defaultOverprovisioning = 140
const defaultPanicPercent = 50

/** The endpoints that a cluster balances over: its own, or those of the endpoint discovery. */
export function assignmentOf(
  cluster: Cluster,
  endpoints: ReadonlyMap<string, ClusterLoadAssignment>,
): ClusterLoadAssignment | undefined {
  const type = cluster.clusterDiscoveryType
  if (type.case === 'type' && type.value === Cluster_DiscoveryType.EDS) {
    return endpoints.get(cluster.edsClusterConfig?.serviceName || cluster.name)
  }
  return cluster.loadAssignment
}

/** The rungs of a cluster with the odds of every endpoint. Source: Envoy's LoadBalancerBase::recalculatePerPriorityState. */
export function rungsOf(cluster: Cluster, assignment: ClusterLoadAssignment | undefined): Rung[] {
  if (!assignment) return []
  const byPriority = new Map<number, LocalityLbEndpoints[]>()
  for (const group of assignment.endpoints) {
    if (group.lbEndpoints.length === 0) continue
    byPriority.set(group.priority, [...(byPriority.get(group.priority) ?? []), group])
  }
  const priorities = [...byPriority.keys()].sort((a, b) => a - b)
  const factor = assignment.policy?.overprovisioningFactor ?? defaultOverprovisioning
  const weighted = assignment.policy?.weightedPriorityHealth === true
  const groupsOf = (priority: number): LocalityLbEndpoints[] => byPriority.get(priority) ?? []
  // Whole percents, as Envoy reckons; what is whole but for the rounding of fractions counts as whole.
  const carries = (percent: number): number => Math.min(100, wholePart((percent * factor) / 100))
  const health = priorities.map((priority) => carries(percentOf(groupsOf(priority), isHealthy, weighted)))
  const degraded = priorities.map((priority) => carries(percentOf(groupsOf(priority), isDegraded, weighted)))
  const total = Math.min(100, sum(health) + sum(degraded))
  const threshold = cluster.commonLbConfig?.healthyPanicThreshold?.value ?? defaultPanicPercent
  const hosts = priorities.map((priority) => sum(groupsOf(priority).map((group) => group.lbEndpoints.length)))
  const loads: readonly Load[] =
    total === 0 && threshold > 0
      ? hosts.map((own) => ({ healthy: own / sum(hosts), degraded: 0 }))
      : spread(health, degraded, total)
  return priorities.map((priority, index) => {
    const groups = groupsOf(priority)
    const usable = percentOf(groups, (endpoint) => isHealthy(endpoint) || isDegraded(endpoint), weighted)
    const panic = threshold > 0 && total < 100 && usable < threshold
    const { healthy, degraded: spare } = loads[index] ?? { healthy: 0, degraded: 0 }
    const all = { share: healthy, factor, is: panic ? () => true : isHealthy }
    const parts = [
      oddsWithin(cluster, groups, all, panic),
      ...(spare > 0 ? [oddsWithin(cluster, groups, { share: spare, factor, is: isDegraded }, false)] : []),
    ]
    return { priority, share: healthy + spare, panic, endpoints: addOdds(parts) }
  })
}

interface Load {
  readonly healthy: number
  /** Goes to endpoints that are used only where healthy ones do not suffice. */
  readonly degraded: number
}

/**
 * Load of each priority: as much as its health carries, first to last; then, of what is left, as much as its degraded endpoints
 * carry. Where none is either and there is no panic, all falls to the first, which has no host to give it to. (In total panic
 * Envoy goes by the number of hosts instead.)
 */
function spread(health: readonly number[], degraded: readonly number[], total: number): Load[] {
  if (total === 0) return health.map((_, index) => ({ healthy: index === 0 ? 1 : 0, degraded: 0 }))
  let left = 100
  const take = (own: number): number => {
    const load = Math.min(left, wholePart((own * 100) / total))
    left -= load
    return load
  }
  const healthy = health.map(take)
  const spare = degraded.map(take)
  // What rounding leaves goes to the first that has anything.
  const first = health.findIndex((own) => own > 0)
  const other = first < 0 ? degraded.findIndex((own) => own > 0) : -1
  return healthy.map((own, index) => ({
    healthy: (own + (index === first ? left : 0)) / 100,
    degraded: ((spare[index] ?? 0) + (index === other ? left : 0)) / 100,
  }))
}

const wholePart = (value: number): number => Math.floor(value + 1e-9)

/** The odds of the same endpoints, added up. */
function addOdds(parts: readonly (readonly EndpointOdds[])[]): readonly EndpointOdds[] {
  const [first = [], ...rest] = parts
  return first.map((odds, at) => ({ ...odds, share: odds.share + sum(rest.map((part) => part[at]?.share ?? 0)) }))
}

interface Part {
  readonly share: number
  readonly factor: number
  /** Which endpoints it goes to. */
  readonly is: (endpoint: LbEndpoint) => boolean
}

function oddsWithin(
  cluster: Cluster,
  groups: readonly LocalityLbEndpoints[],
  { share, factor, is }: Part,
  panic: boolean,
): EndpointOdds[] {
  const weighted =
    cluster.commonLbConfig?.localityConfigSpecifier.case === 'localityWeightedLbConfig' && (!panic || isHashed(cluster))
  // One that draws lots has no eye for weights.
  const weigh = cluster.lbPolicy === Cluster_LbPolicy.RANDOM ? () => 1 : weightOf
  const weights = groups.map((group) => {
    const usable = group.lbEndpoints.filter(is)
    if (!weighted) return sum(usable.map(weigh))
    const own = group.loadBalancingWeight ?? 0
    if (isHashed(cluster)) return usable.length > 0 ? own : 0
    return own * Math.min(1, (percentOf([group], is, false) / 100) * (factor / 100))
  })
  const all = sum(weights)
  return groups.flatMap((group, index) => {
    const usable = group.lbEndpoints.filter(is)
    const ofGroup = all === 0 ? 0 : (share * (weights[index] ?? 0)) / all
    const inside = sum(usable.map(weigh))
    return group.lbEndpoints.map((endpoint) => ({
      address: addressOf(endpoint),
      locality: [group.locality?.region, group.locality?.zone, group.locality?.subZone].filter(Boolean).join('/'),
      healthy: isHealthy(endpoint),
      metadata: endpoint.metadata?.filterMetadata['envoy.transport_socket_match'] ?? {},
      share: usable.includes(endpoint) && inside > 0 ? (ofGroup * weigh(endpoint)) / inside : 0,
    }))
  })
}

/** Whether a hash of the request chooses the endpoint. */
export function isHashed({ lbPolicy }: Cluster): boolean {
  return lbPolicy === Cluster_LbPolicy.RING_HASH || lbPolicy === Cluster_LbPolicy.MAGLEV
}

/** How much of the endpoints is so, by number or by weight. */
function percentOf(
  groups: readonly LocalityLbEndpoints[],
  is: (endpoint: LbEndpoint) => boolean,
  byWeight: boolean,
): number {
  const all = groups.flatMap((group) => group.lbEndpoints)
  const size = (endpoints: readonly LbEndpoint[]): number =>
    byWeight ? sum(endpoints.map(weightOf)) : endpoints.length
  return all.length === 0 ? 0 : (100 * size(all.filter(is))) / size(all)
}

/** Used only where healthy endpoints, of all priorities, do not suffice. */
function isDegraded(endpoint: LbEndpoint): boolean {
  return endpoint.healthStatus === HealthStatus.DEGRADED
}

/** UNKNOWN is healthy: nothing has said otherwise. */
function isHealthy(endpoint: LbEndpoint): boolean {
  return endpoint.healthStatus === HealthStatus.UNKNOWN || endpoint.healthStatus === HealthStatus.HEALTHY
}

function weightOf(endpoint: LbEndpoint): number {
  return endpoint.loadBalancingWeight ?? 1
}

export function addressOf(endpoint: LbEndpoint): string {
  const host = endpoint.hostIdentifier
  if (host.case !== 'endpoint') return host.case === 'endpointName' ? host.value : ''
  const address = host.value.address?.address
  switch (address?.case) {
    case 'socketAddress': {
      const port = address.value.portSpecifier
      return `${address.value.address}:${port.case === 'portValue' ? port.value : (port.value ?? '')}`
    }
    case 'envoyInternalAddress':
      return `internal:${address.value.addressNameSpecifier.value ?? ''}`
    case 'pipe':
      return address.value.path
    default:
      return ''
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
