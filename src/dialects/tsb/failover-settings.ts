// Where requests go when nothing near answers: FailoverSettings, and what Istio is told of them.
import { asList, asMap, asText, at, compact, type Plain } from '../shared/index.ts'

/** In order of weight: what is found in a later place decides alone. */
export interface FailoverSettings {
  readonly topologyChoice: 'CLUSTER' | 'LOCALITY' | 'NONE'
  /** Labels `key` or `key=value`; decides instead of the topology. */
  readonly failoverPriority: readonly string[]
  readonly regionalFailover: readonly { readonly from: string; readonly to: string }[]
}

const network = 'topology.istio.io/network'
const region = 'topology.kubernetes.io/region'
const zone = 'topology.kubernetes.io/zone'
const subzone = 'topology.istio.io/subzone'

const byTopology = {
  // Endpoints in other clusters are in other networks (see `networkSeenFrom`), so the own cluster always comes first,
  // even where no place is known; and among other clusters, the nearest.
  CLUSTER: [network, region, zone, subzone],
  LOCALITY: [region, zone, subzone, network],
} as const

const none: FailoverSettings = { topologyChoice: 'CLUSTER', failoverPriority: [], regionalFailover: [] }

/** The settings in force: those of the nearest level that has any. `levels`: specs, farthest first. */
export function failoverSettingsOf(levels: readonly Plain[]): FailoverSettings {
  const said = levels.map((level) => ({
    settings: at(level, 'failoverSettings') ?? at(level, 'inbound', 'failoverSettings'),
    regional: asList(level['regionalFailover']),
  }))
  const nearest = said.findLast(({ settings }) => settings !== undefined)
  if (nearest !== undefined) return read(asMap(nearest.settings))
  // The older way, which counts only where the newer is not used.
  const older = said.findLast(({ regional }) => regional.length > 0)
  return older === undefined ? none : { ...none, regionalFailover: regionsOf(older.regional) }
}

function read(settings: Plain): FailoverSettings {
  const choice = asText(settings['topologyChoice'])
  return {
    topologyChoice: choice === 'LOCALITY' || choice === 'NONE' ? choice : 'CLUSTER',
    failoverPriority: asList(settings['failoverPriority'])
      .map(asText)
      .filter((label) => label !== ''),
    regionalFailover: regionsOf(asList(settings['regionalFailover'])),
  }
}

function regionsOf(list: readonly unknown[]): { from: string; to: string }[] {
  return list.map((each) => ({ from: asText(at(each, 'from')), to: asText(at(each, 'to')) }))
}

/** Istio's `localityLbSetting`. */
export function localityLbSetting({ topologyChoice, failoverPriority, regionalFailover }: FailoverSettings): object {
  if (failoverPriority.length > 0) return compact({ enabled: true, failoverPriority, failover: regionalFailover })
  if (topologyChoice === 'NONE') return { enabled: false }
  // With rules for regions, places are compared by these; the label puts the own cluster before all others.
  if (regionalFailover.length > 0) return { enabled: true, failoverPriority: [network], failover: regionalFailover }
  return { enabled: true, failoverPriority: byTopology[topologyChoice] }
}
