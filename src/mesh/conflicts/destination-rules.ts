import { isWildcard, parseKubernetesHost, type World, worldQuery } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import { formatRef, type ObjectRef, type Problem } from '../../report/index.ts'
import { type RuleGroup, ruleIndex } from '../destination-rules/index.ts'
import type { DestinationRule } from '../istio.ts'
import { istioKinds } from '../kinds.ts'
import { refTo } from './ref.ts'

/**
 * What of DestinationRules comes too late: of several for one host in one namespace the oldest gives the settings and
 * the others add subsets; and a rule of the root namespace is not asked where the service's own namespace has one for
 * everybody (`mergeDestinationRule` and `destinationRule` of istiod's model package, which says neither to anybody).
 */
export const ruleConflicts = worldQuery(
  'mesh/destination-rule-conflicts',
  (world): readonly Problem[] => {
    const index = world.get(ruleIndex, undefined)
    const groups = new Map<string, RuleGroup>()
    for (const namespace of [...index.local.values(), ...index.exported.values(), index.privateOfRoot])
      for (const [, found] of namespace.entries()) for (const group of found) groups.set(group.rules.join(), group)
    return [
      ...[...groups.values()].filter(({ rules }) => rules.length > 1).flatMap((group) => lostByAge(world, group)),
      ...lostInRoot(world),
    ]
  },
  { equals: sameStructure },
)

function lostByAge(world: World, { rules }: RuleGroup): Problem[] {
  const subsets = new Map<string, ObjectRef>()
  let decides: ObjectRef | undefined
  const problems: Problem[] = []
  for (const key of rules) {
    const { spec } = world.object(world.primary, istioKinds.destinationRule, key) as DestinationRule
    const object = refTo(world, istioKinds.destinationRule, key)
    if (spec?.trafficPolicy) {
      if (decides)
        problems.push(noEffect(object, 'spec.trafficPolicy', `${formatRef(decides)} has settings for ${spec.host}`))
      decides ??= object
    }
    for (const [at, { name }] of (spec?.subsets ?? []).entries()) {
      const first = subsets.get(name)
      if (first && first !== object)
        problems.push(noEffect(object, `spec.subsets[${at}]`, `${formatRef(first)} has a subset ${name}`))
      subsets.set(name, first ?? object)
    }
  }
  return problems
}

function noEffect(object: ObjectRef, path: string, why: string): Problem {
  const message = `${why} already and is older: these have no effect`
  return { code: 'conflict', severity: 'warning', object, path, message }
}

/** Rules of the root namespace for one service whose own namespace decides for everybody. */
function lostInRoot(world: World): Problem[] {
  const { exported, root } = world.get(ruleIndex, undefined)
  const common = [...(exported.get(root)?.entries() ?? [])]
  return common.flatMap(([host, groups]) => {
    const namespace = parseKubernetesHost(host)?.namespace
    if (isWildcard(host) || namespace === undefined || namespace === root) return []
    const own = exported.get(namespace)?.get(host)?.find(isForEverybody)
    if (!own) return []
    const winner = formatRef(refTo(world, istioKinds.destinationRule, own.rules[0] ?? ''))
    return groups
      .flatMap(({ rules }) => rules)
      .map((key): Problem => {
        const message = `${winner} is of the service's own namespace and decides for all callers: this one has no effect`
        return {
          code: 'conflict',
          severity: 'warning',
          object: refTo(world, istioKinds.destinationRule, key),
          path: 'spec.host',
          message,
        }
      })
  })
}

const isForEverybody = ({ exportTo, selector }: RuleGroup): boolean =>
  selector === undefined && (exportTo.length === 0 || exportTo.includes('*'))
