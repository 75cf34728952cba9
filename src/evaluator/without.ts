// What if: the resources of a proxy after some endpoints have died, and where a cluster's requests go by place.
import { clone } from '@bufbuild/protobuf'
import { type Cluster, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { HealthStatus } from '#gen/envoy/config/core/v3/health_check_pb.js'
import type { LbEndpoint } from '#gen/envoy/config/endpoint/v3/endpoint_components_pb.js'
import { type ClusterLoadAssignment, ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js'
import type { ProxyConfig } from './call.ts'
import { addressOf, assignmentOf, rungsOf } from './rungs.ts'

/** Where an endpoint stands: its address with port, and the Kubernetes cluster that its metadata name ('' = none). */
export interface Place {
  readonly address: string
  readonly cluster: string
}

/**
 * The same proxy once it knows that endpoints are dead: none of them takes requests. What it knows of clusters and services
 * stays, since losing sight of an API takes nothing away.
 */
export function withDead(proxy: ProxyConfig, isDead: (place: Place) => boolean): ProxyConfig {
  const dead = (assignment: ClusterLoadAssignment): boolean =>
    assignment.endpoints.some(({ lbEndpoints }) => lbEndpoints.some((each) => isDead(placeOf(each))))
  const mark = (assignment: ClusterLoadAssignment): void => {
    for (const { lbEndpoints } of assignment.endpoints)
      for (const each of lbEndpoints) if (isDead(placeOf(each))) each.healthStatus = HealthStatus.UNHEALTHY
  }
  const endpoints = new Map(
    [...proxy.endpoints].map(([name, assignment]) => {
      if (!dead(assignment)) return [name, assignment] as const
      const copy = clone(ClusterLoadAssignmentSchema, assignment)
      mark(copy)
      return [name, copy] as const
    }),
  )
  const clusters = new Map(
    [...proxy.clusters].map(([name, cluster]) => {
      if (!cluster.loadAssignment || !dead(cluster.loadAssignment)) return [name, cluster] as const
      const copy = clone(ClusterSchema, cluster)
      if (copy.loadAssignment) mark(copy.loadAssignment)
      return [name, copy] as const
    }),
  )
  return { ...proxy, endpoints, clusters }
}

function placeOf(endpoint: LbEndpoint): Place {
  const workload = endpoint.metadata?.filterMetadata['istio']?.['workload']
  // name;namespace;canonical name;revision;cluster
  const cluster = typeof workload === 'string' ? (workload.split(';')[4] ?? '') : ''
  return { address: addressOf(endpoint), cluster }
}

/** One endpoint of a cluster with its share of the requests. */
export interface PlacedShare extends Place {
  readonly share: number
  readonly healthy: boolean
  /** How many endpoints it stands for: gateways carry those behind them as their weight. */
  readonly weight: number
}

/** Where requests for a cluster go first, by endpoint. */
export function placedShares(proxy: ProxyConfig, cluster: Cluster): PlacedShare[] {
  const assignment = assignmentOf(cluster, proxy.endpoints)
  const odds = new Map(
    rungsOf(cluster, assignment).flatMap(({ endpoints }) => endpoints.map((each) => [each.address, each])),
  )
  return (assignment?.endpoints ?? []).flatMap(({ lbEndpoints }) =>
    lbEndpoints.map((endpoint) => {
      const place = placeOf(endpoint)
      const { share = 0, healthy = false } = odds.get(place.address) ?? {}
      return { ...place, share, healthy, weight: endpoint.loadBalancingWeight ?? 1 }
    }),
  )
}
