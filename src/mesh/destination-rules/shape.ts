import { resolveHost, sameItems, textQuery, worldQuery } from '../../discovery/index.ts'
import { compareText, sameStructure } from '../../lib/index.ts'
import { objectKey } from '../../resources/index.ts'
import type { DestinationRule, DestinationRuleSpec } from '../istio.ts'
import { istioKinds } from '../kinds.ts'

/** What of a DestinationRule decides where it applies; its settings may change without anything being selected anew. */
export interface RuleShape {
  readonly key: string
  readonly namespace: string
  readonly name: string
  readonly createdAt: string
  /** Fully qualified; may be a wildcard. */
  readonly host: string
  /** As written; with a workloadSelector only `.`. */
  readonly exportTo: readonly string[]
  readonly selector: Readonly<Record<string, string>> | undefined
  /** Names of labels of the client that its locality settings compare. */
  readonly comparedLabels: readonly string[]
}

export const ruleShape = textQuery(
  'mesh/destination-rule-shape',
  (world, key): RuleShape | undefined => {
    const rule = world.object(world.primary, istioKinds.destinationRule, key) as DestinationRule | undefined
    if (!rule?.spec?.host) return undefined
    const { name, namespace = '', creationTimestamp = '' } = rule.metadata
    const selector = rule.spec.workloadSelector && (rule.spec.workloadSelector.matchLabels ?? {})
    return {
      key,
      namespace,
      name,
      createdAt: creationTimestamp,
      host: resolveHost(rule.spec.host, namespace),
      exportTo: selector ? ['.'] : (rule.spec.exportTo ?? []),
      selector,
      comparedLabels: comparedLabelsOf(rule.spec),
    }
  },
  { equals: sameStructure },
)

function comparedLabelsOf({ trafficPolicy, subsets = [] }: DestinationRuleSpec): string[] {
  const policies = [trafficPolicy, ...subsets.map((subset) => subset.trafficPolicy)]
  const balancers = policies.flatMap((policy) => [
    policy?.loadBalancer,
    ...(policy?.portLevelSettings ?? []).map((each) => each.loadBalancer),
  ])
  const priorities = balancers.flatMap((balancer) => [
    ...(balancer?.localityLbSetting?.failoverPriority ?? []),
    ...(balancer?.zoneAwareLbSetting?.failoverPriority ?? []),
  ])
  return [...new Set(priorities.map((label) => label.split('=')[0] ?? ''))].sort()
}

/** The shapes of all rules; those with a selector first, then by age. */
export const ruleShapes = worldQuery(
  'mesh/destination-rule-shapes',
  (world): readonly RuleShape[] =>
    world
      .objects(world.primary, istioKinds.destinationRule)
      .flatMap((rule) => world.get(ruleShape, objectKey(rule)) ?? [])
      .sort(compareShapes),
  { equals: sameItems },
)

function compareShapes(a: RuleShape, b: RuleShape): number {
  return (
    Number(b.selector !== undefined) - Number(a.selector !== undefined) ||
    compareText(a.createdAt, b.createdAt) ||
    compareText(a.name, b.name) ||
    compareText(a.namespace, b.namespace)
  )
}
