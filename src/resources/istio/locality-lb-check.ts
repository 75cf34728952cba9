import type { Place } from '../check.ts'
import type { LocalityLbSetting, ZoneAwareLbSetting } from './traffic-policy.ts'

const topologyLabels = ['topology.kubernetes.io/region', 'topology.kubernetes.io/zone', 'topology.istio.io/subzone']

/** Locality load balancing; `failover…` does nothing without outlier detection. */
export function checkLocalityLb(place: Place, setting: LocalityLbSetting | undefined, hasOutlier: boolean): void {
  if (setting === undefined) return
  const { distribute = [], failover = [], failoverPriority = [] } = setting
  if (distribute.length > 0 && failover.length > 0)
    place.field('failover').error('cannot be set together with distribute')
  if (failover.length > 0)
    place.field('failoverPriority').each(failoverPriority, (at, label) => {
      if (topologyLabels.includes(label))
        at.error(`${label} cannot be ranked together with failover, which ranks regions`)
    })
  checkDistribute(place.field('distribute'), distribute)
  checkFailover(place, setting, hasOutlier)
}

/** Zone-aware balancing; Envoy itself sees to region and zone, so they cannot be ranked. */
export function checkZoneAwareLb(place: Place, setting: ZoneAwareLbSetting | undefined, hasOutlier: boolean): void {
  if (setting === undefined) return
  place.field('failoverPriority').each(setting.failoverPriority, (at, label) => {
    if (topologyLabels.includes(label)) at.error(`${label} cannot be ranked: regions and zones are ranked anyway`)
  })
  checkFailover(place, setting, hasOutlier)
}

function checkFailover(place: Place, setting: LocalityLbSetting | ZoneAwareLbSetting, hasOutlier: boolean): void {
  const { failover = [], failoverPriority = [] } = setting
  if (failover.length + failoverPriority.length > 0 && !hasOutlier)
    place.warn('has no effect without outlierDetection: nothing tells that endpoints have failed')
  place.field('failover').each(failover, (at, { from = '', to = '' }) => {
    if (from === to) at.error('from and to must be different regions')
    if (from.includes('/') || to.includes('/')) at.error('from and to are regions, without zone')
    if (from.includes('*') || to.includes('*')) at.error('from and to must not hold a *')
  })
}

function checkDistribute(place: Place, distribute: NonNullable<LocalityLbSetting['distribute']>): void {
  checkLocalities(distribute.map((rule, index) => [place.item(index).field('from'), rule.from ?? '']))
  place.each(distribute, (at, rule) => {
    const to = Object.entries(rule.to ?? {})
    let total = 0
    for (const [locality, weight] of to) {
      if (weight < 1 || weight > 100) at.field('to').field(locality).error(`${weight} must be between 1 and 100`)
      total += weight
    }
    if (total !== 100) at.field('to').error(`the weights add up to ${total}, not to 100`)
    checkLocalities(to.map(([locality]) => [at.field('to').field(locality), locality]))
  })
}

/** Localities of one list: well formed, and none within another. */
function checkLocalities(localities: readonly (readonly [Place, string])[]): void {
  const seen: string[] = []
  for (const [at, locality] of localities) {
    const stars = locality.split('*').length - 1
    if (stars > 1 || (stars === 1 && !locality.endsWith('*'))) at.error(`${locality}: one * at most, at the end`)
    const parts = locality.split('/')
    if (parts.slice(0, 3).includes('')) at.error(`${JSON.stringify(locality)} has an empty part`)
    const overlap = seen.find((other) => localitiesOverlap(other, locality))
    if (overlap !== undefined) at.error(`${locality} overlaps with ${overlap}`)
    seen.push(locality)
  }
}

/** Whether two of `region[/zone[/subzone]]`, where `*` and nothing stand for all, have a place in common. */
function localitiesOverlap(a: string, b: string): boolean {
  const [as, bs] = [a.split('/'), b.split('/')]
  for (let i = 0; i < 3; i++) {
    const [x = '*', y = '*'] = [as[i], bs[i]]
    if (x === '*' || y === '*') return true
    if (x !== y) return false
  }
  return true
}
