export {
  type EffectivePolicy,
  effectivePolicy,
  groupKey,
  type MergedRule,
  mergedRule,
  ruledTlsMode,
  ruleOf,
} from './merge.ts'
export {
  type RuleClient,
  type RuleGroup,
  ruleComparedLabels,
  ruleIndex,
  ruleSelectorLabels,
  selectRule,
} from './select.ts'
export { sessionAffinity } from './session-affinity.ts'
