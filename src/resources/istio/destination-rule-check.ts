import type { Place } from '../check.ts'
import type { DestinationRule } from './destination-rule.ts'
import { checkExportTo } from './export-to.ts'
import { checkDnsLabel, checkLabels, checkWildcardDomain } from './names.ts'
import { checkWorkloadSelector } from './selector-check.ts'
import { checkTrafficPolicy } from './traffic-policy-check.ts'

export function checkDestinationRule(root: Place, { metadata, spec }: DestinationRule): void {
  const place = root.field('spec')
  const namespace = metadata.namespace ?? ''
  if (spec?.host !== undefined) checkWildcardDomain(place.field('host'), spec.host)
  checkTrafficPolicy(place.field('trafficPolicy'), spec?.trafficPolicy, namespace)
  const names = new Set<string>()
  place.field('subsets').each(spec?.subsets, (at, subset) => {
    const { name } = subset
    if (names.has(name)) at.field('name').error(`subset ${name} is defined already`)
    names.add(name)
    checkDnsLabel(at.field('name'), name)
    checkLabels(at.field('labels'), subset.labels)
    checkTrafficPolicy(at.field('trafficPolicy'), subset.trafficPolicy, namespace)
  })
  const exporter = spec?.workloadSelector === undefined ? 'config' : 'workload-rule'
  checkExportTo(place.field('exportTo'), spec?.exportTo, namespace, exporter)
  checkWorkloadSelector(place.field('workloadSelector'), spec?.workloadSelector)
}
