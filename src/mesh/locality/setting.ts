import {
  type LocalityLbSetting,
  labelNames,
  type MeshConfig,
  type Service,
  type ZoneAwareLbSetting,
} from '../../discovery/index.ts'
import type { LoadBalancer } from '../istio.ts'

/** Which way of preferring near endpoints is in force for a service; undefined = none. */
export type LocalitySetting =
  | { readonly kind: 'distribute'; readonly distribute: NonNullable<LocalityLbSetting['distribute']> }
  | {
      readonly kind: 'failover'
      readonly failover: readonly { readonly from?: string; readonly to?: string }[]
      /** Labels, most important first; empty = by region, zone and subzone. */
      readonly failoverPriority: readonly string[]
      /** Somebody wrote failover rules: then localities are weighted, too. */
      readonly explicit: boolean
      /** In force without outlier detection. */
      readonly forced: boolean
    }
  | {
      readonly kind: 'zone-aware'
      readonly enabled: boolean
      readonly failover: readonly { readonly from?: string; readonly to?: string }[]
      readonly failoverPriority: readonly string[]
      readonly minClusterSize: number | undefined
    }

const preferSameZone = [labelNames.network, labelNames.region, labelNames.zone]
const preferSameNode = [...preferSameZone, labelNames.subzone, labelNames.node]

/** The DestinationRule decides, else the Service, else the mesh; at each level zone-aware before locality. */
export function effectiveLocality(
  mesh: MeshConfig,
  rule: LoadBalancer | undefined,
  service: Pick<Service, 'trafficDistribution'>,
): LocalitySetting | undefined {
  if (rule?.zoneAwareLbSetting) return zoneAware(rule.zoneAwareLbSetting)
  if (rule?.localityLbSetting) return localityLb(rule.localityLbSetting)
  if (service.trafficDistribution !== 'Any') {
    const failoverPriority = service.trafficDistribution === 'PreferSameNode' ? preferSameNode : preferSameZone
    return { kind: 'failover', failover: [], failoverPriority, explicit: true, forced: true }
  }
  if (mesh.zoneAwareLbSetting) return zoneAware(mesh.zoneAwareLbSetting)
  return localityLb(mesh.localityLbSetting ?? {})
}

function zoneAware(setting: ZoneAwareLbSetting): LocalitySetting {
  return {
    kind: 'zone-aware',
    enabled: setting.enabled ?? true,
    failover: setting.failover ?? [],
    failoverPriority: setting.failoverPriority ?? [],
    minClusterSize: setting.minClusterSize,
  }
}

function localityLb(setting: LocalityLbSetting): LocalitySetting | undefined {
  if (setting.enabled === false) return undefined
  if (setting.distribute) return { kind: 'distribute', distribute: setting.distribute }
  return {
    kind: 'failover',
    failover: setting.failover ?? [],
    failoverPriority: setting.failoverPriority ?? [],
    explicit: setting.failover !== undefined || setting.failoverPriority !== undefined,
    forced: false,
  }
}

/** Labels of the proxy that the setting compares. */
export function comparedLabels(setting: LocalitySetting | undefined): readonly string[] {
  if (setting === undefined || setting.kind === 'distribute') return []
  return setting.failoverPriority.map((label) => label.split('=')[0] ?? '')
}

/** Whether a setting gives endpoints priorities: failover does so only where outlier detection finds failures. */
export function givesPriorities(setting: LocalitySetting | undefined, outlierDetection: boolean): boolean {
  if (setting === undefined || setting.kind === 'distribute') return false
  return setting.kind === 'zone-aware' ? setting.enabled : setting.forced || outlierDetection
}
