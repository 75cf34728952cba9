import { create } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { HealthStatus } from '#gen/envoy/config/core/v3/health_check_pb.js'
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js'
import { rungsOf } from './rungs.ts'

const { HEALTHY, UNHEALTHY, DEGRADED } = HealthStatus

interface Group {
  readonly priority: number
  readonly endpoints: readonly (readonly [HealthStatus, number])[]
}

function shares(
  groups: readonly Group[],
  policy: { overprovisioningFactor?: number; weightedPriorityHealth?: boolean },
) {
  const cluster = create(ClusterSchema, {
    name: 'c',
    commonLbConfig: {
      healthyPanicThreshold: { value: 1 },
      localityConfigSpecifier: { case: 'localityWeightedLbConfig', value: {} },
    },
  })
  const assignment = create(ClusterLoadAssignmentSchema, {
    clusterName: 'c',
    policy,
    endpoints: groups.map(({ priority, endpoints }, at) => ({
      priority,
      locality: { region: `r${at}` },
      loadBalancingWeight: endpoints.reduce((sum, [, weight]) => sum + weight, 0),
      lbEndpoints: endpoints.map(([healthStatus, weight]) => ({ healthStatus, loadBalancingWeight: weight })),
    })),
  })
  const rungs = rungsOf(cluster, assignment)
  return {
    rungs: rungs.map(({ share }) => Math.round(share * 100)),
    endpoints: rungs.flatMap(({ endpoints }) => endpoints.map(({ share }) => Math.round(share * 100))),
  }
}

describe('odds of rungs', () => {
  it('are by capacity where the assignment says so', () => {
    const groups = [
      { priority: 0, endpoints: [[UNHEALTHY, 80] as const] },
      { priority: 0, endpoints: [[HEALTHY, 20] as const] },
      { priority: 1, endpoints: [[HEALTHY, 1] as const] },
    ]
    expect(shares(groups, { weightedPriorityHealth: true }).rungs).toEqual([28, 72])
    expect(shares(groups, {}).rungs).toEqual([70, 30])
    expect(shares(groups, { weightedPriorityHealth: true, overprovisioningFactor: 10_000 }).rungs).toEqual([100, 0])
  })

  it('leave out degraded endpoints as long as others suffice', () => {
    const first = { priority: 0, endpoints: [[DEGRADED, 1] as const] }
    expect(shares([first, { priority: 1, endpoints: [[HEALTHY, 1]] }], {}).rungs).toEqual([0, 100])
    const half = shares(
      [
        first,
        {
          priority: 1,
          endpoints: [
            [HEALTHY, 1],
            [UNHEALTHY, 1],
          ],
        },
      ],
      {},
    )
    expect(half).toEqual({ rungs: [30, 70], endpoints: [30, 70, 0] })
    expect(shares([first], {}).endpoints).toEqual([100])
  })
})
