import type { LocalityLbSetting } from '../../discovery/index.ts'
import type { TargetGroup } from '../endpoints/model.ts'
import { localityMatches, parseLocality } from './match.ts'

/**
 * Gives each locality its percentage, rounded up; one that several groups match is split by their own weights.
 * Localities that are not named lose their endpoints. Undefined if no rule is for the proxy's locality.
 */
export function distributed(
  groups: readonly TargetGroup[],
  rules: NonNullable<LocalityLbSetting['distribute']>,
  proxyLocality: string,
): TargetGroup[] | undefined {
  const rule = rules.find(({ from }) => localityMatches(parseLocality(proxyLocality), from ?? ''))
  if (!rule) return undefined
  const weights = new Map<TargetGroup, number>()
  // Of several patterns that fit a group the more specific counts, whatever the order they were written in.
  for (const [pattern, percent] of Object.entries(rule.to ?? {}).sort(([a], [b]) => specificity(b) - specificity(a))) {
    const matching = groups.filter(
      (group) => !weights.has(group) && localityMatches(parseLocality(group.locality), pattern),
    )
    const total = matching.reduce((sum, { weight }) => sum + weight, 0)
    for (const group of matching) weights.set(group, total === 0 ? 0 : Math.ceil((group.weight * percent) / total))
  }
  return groups.map((group) => {
    const weight = weights.get(group)
    if (weight === undefined) return { ...group, targets: [] }
    return weight > 0 ? { ...group, weight } : group
  })
}

function specificity(pattern: string): number {
  return pattern.split('/').filter((part) => part !== '*' && part !== '').length
}
