export { type EffectivePolicy, effectivePolicy, groupKey, type MergedRule, mergedRule, ruleOf } from './merge.ts'
export {
  type RuleClient,
  type RuleGroup,
  ruleComparedLabels,
  ruleIndex,
  ruleSelectorLabels,
  selectRule,
} from './select.ts'
export { sessionAffinity } from './session-affinity.ts'
