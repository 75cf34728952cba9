import {
  Cluster_LbPolicy,
  type Cluster_SlowStartConfigSchema,
  type ClusterSchema,
} from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import type { LoadBalancer, LocalitySetting } from '../../../mesh/index.ts'
import { duration, type Init, milliseconds } from '../proto.ts'

type ClusterInit = Init<typeof ClusterSchema>
type SlowStartInit = Init<typeof Cluster_SlowStartConfigSchema>

/** Which endpoint of a priority a request goes to. `warmUpMs`: for how long new ones get less, if the rule says nothing. */
export function loadBalancerFields(
  rule: LoadBalancer | undefined,
  warmUpMs = 0,
): Pick<ClusterInit, 'lbPolicy' | 'lbConfig'> {
  const hash = rule?.consistentHash
  if (hash) return consistentHash(hash)
  switch (rule?.simple) {
    case 'RANDOM':
      return { lbPolicy: Cluster_LbPolicy.RANDOM }
    case 'PASSTHROUGH':
      return { lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED }
    case 'ROUND_ROBIN': {
      const slowStartConfig = slowStart(rule, warmUpMs)
      return {
        lbPolicy: Cluster_LbPolicy.ROUND_ROBIN,
        ...(slowStartConfig && { lbConfig: { case: 'roundRobinLbConfig', value: { slowStartConfig } } }),
      }
    }
    default: {
      const slowStartConfig = slowStart(rule, warmUpMs)
      return {
        lbPolicy: Cluster_LbPolicy.LEAST_REQUEST,
        ...(slowStartConfig && { lbConfig: { case: 'leastRequestLbConfig', value: { slowStartConfig } } }),
      }
    }
  }
}

function consistentHash(hash: NonNullable<LoadBalancer['consistentHash']>): Pick<ClusterInit, 'lbPolicy' | 'lbConfig'> {
  if (hash.maglev) {
    const { tableSize } = hash.maglev
    return {
      lbPolicy: Cluster_LbPolicy.MAGLEV,
      ...(tableSize && { lbConfig: { case: 'maglevLbConfig', value: { tableSize: BigInt(tableSize) } } }),
    }
  }
  const size = hash.ringHash ? hash.ringHash.minimumRingSize : hash.minimumRingSize || 1024
  return {
    lbPolicy: Cluster_LbPolicy.RING_HASH,
    ...(size && { lbConfig: { case: 'ringHashLbConfig', value: { minimumRingSize: BigInt(size) } } }),
  }
}

/** Endpoints that are new get their share little by little. */
function slowStart(rule: LoadBalancer | undefined, warmUpMs: number): SlowStartInit | undefined {
  const { warmup, warmupDurationSecs } = rule ?? {}
  const window = duration(warmup?.duration ?? warmupDurationSecs)
  if (!window) return warmUpMs > 0 ? { slowStartWindow: milliseconds(warmUpMs) } : undefined
  if (!warmup) return { slowStartWindow: window }
  return {
    slowStartWindow: window,
    // Envoy asks for a runtime key; this one is never set.
    aggression: { defaultValue: warmup.aggression ?? 1, runtimeKey: '(' },
    minWeightPercent: { value: warmup.minimumPercent ?? 10 },
  }
}

/** How Envoy chooses among localities of one priority. */
export function localityConfig(
  setting: LocalitySetting | undefined,
  inForce: boolean,
): NonNullable<ClusterInit['commonLbConfig']>['localityConfigSpecifier'] | undefined {
  if (!setting) return undefined
  if (setting.kind === 'zone-aware') {
    const { enabled, minClusterSize } = setting
    return {
      case: 'zoneAwareLbConfig',
      value: {
        ...(!enabled && { routingEnabled: { value: 0 } }),
        ...(minClusterSize !== undefined && { minClusterSize: BigInt(minClusterSize) }),
      },
    }
  }
  const weighted = setting.kind === 'distribute' || (inForce && setting.explicit)
  return weighted ? { case: 'localityWeightedLbConfig', value: {} } : undefined
}
