import { textQuery, type World } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import type { ObjectRef } from '../../report/index.ts'
import { refOf } from '../../resources/index.ts'
import type { DestinationRule, PortTrafficPolicy, Subset, TrafficPolicy } from '../istio.ts'
import { istioKinds } from '../kinds.ts'
import type { RuleGroup } from './select.ts'

/** A DestinationRule after merging: the settings for one host. */
export interface MergedRule {
  readonly policy: TrafficPolicy | undefined
  readonly subsets: readonly Subset[]
  readonly namespace: string
  /** Whether the rule names the workloads it is for; only then credentials by name work in sidecars. */
  readonly forWorkloads: boolean
  readonly origin: readonly ObjectRef[]
}

/** The rules of a group as a key, and back. */
export function groupKey(group: RuleGroup | undefined): string {
  return group === undefined ? '' : group.rules.join('+')
}

/** The settings of a group (`groupKey`). The oldest rule gives the policy; subsets unite, the first of a name counts. */
export const mergedRule = textQuery('mesh/destination-rule', mergeRules, { equals: sameStructure })

function mergeRules(world: World, key: string): MergedRule | undefined {
  const rules = key.split('+').flatMap((each) => {
    const rule = world.object(world.primary, istioKinds.destinationRule, each) as DestinationRule | undefined
    return rule?.spec ? [rule] : []
  })
  const [first] = rules
  if (!first) return undefined
  const subsets = new Map<string, Subset>()
  for (const subset of rules.flatMap(({ spec }) => spec?.subsets ?? []))
    if (!subsets.has(subset.name)) subsets.set(subset.name, subset)
  return {
    policy: rules.find(({ spec }) => spec?.trafficPolicy)?.spec?.trafficPolicy,
    subsets: [...subsets.values()],
    namespace: first.metadata.namespace ?? '',
    forWorkloads: first.spec?.workloadSelector !== undefined,
    origin: rules.map((rule) => refOf(world.primary, rule)),
  }
}

export function ruleOf(world: World, key: string): MergedRule | undefined {
  return key === '' ? undefined : world.get(mergedRule, key)
}

/** Settings of one port (of one subset), without those of other ports. */
export type EffectivePolicy = Omit<TrafficPolicy, 'portLevelSettings'>

/**
 * The settings that hold for a port of a service or subset. Port-level settings replace the others as a whole; those
 * of a subset replace what they name, block by block.
 */
export function effectivePolicy(rule: MergedRule | undefined, subsetName: string, port: number): EffectivePolicy {
  if (!rule) return {}
  const subset = rule.subsets.find(({ name }) => name === subsetName)?.trafficPolicy
  return mergePolicies(forPort(rule.policy, port), subset, port)
}

/**
 * The TLS mode that a rule asks for on a port: unlike other settings it falls back from the port to what stands around
 * it, so that endpoints of a port with settings of its own are not called in another way than the rule says for all.
 */
export function ruledTlsMode(rule: MergedRule | undefined, subsetName: string, port: number): string | undefined {
  const subset = rule?.subsets.find(({ name }) => name === subsetName)?.trafficPolicy
  for (const policy of [subset, rule?.policy]) {
    const tls = portSettings(policy, port)?.tls ?? policy?.tls
    if (tls) return tls.mode ?? 'DISABLE'
  }
  return undefined
}

function portSettings(policy: TrafficPolicy | undefined, port: number): PortTrafficPolicy | undefined {
  return policy?.portLevelSettings?.find((each) => each.port?.number === port)
}

function forPort(policy: TrafficPolicy | undefined, port: number): EffectivePolicy {
  if (!policy) return {}
  const { portLevelSettings: _, ...own } = policy
  const level = portSettings(policy, port)
  return level ? replaceBlocks({}, level) : own
}

function mergePolicies(base: EffectivePolicy, subset: TrafficPolicy | undefined, port: number): EffectivePolicy {
  if (!subset) return base
  const { portLevelSettings: _, ...own } = subset
  const level = portSettings(subset, port)
  return level ? replaceBlocks(base, level) : { ...base, ...definedOnly(own) }
}

/** Port settings leave nothing of the four blocks that they can hold, whether they name them or not. */
function replaceBlocks(policy: EffectivePolicy, level: PortTrafficPolicy): EffectivePolicy {
  const { connectionPool: _c, loadBalancer: _l, outlierDetection: _o, tls: _t, ...rest } = policy
  const { port: _p, ...blocks } = level
  return { ...rest, ...definedOnly(blocks) }
}

function definedOnly<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined && field !== null)) as T
}
