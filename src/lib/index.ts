export { compareText } from './compare.ts'
export { digestOf } from './digest.ts'
export { invariant, unreachable } from './invariant.ts'
export {
  type LabelRequirement,
  type LabelSelector,
  matchesLabels,
  matchesRequirement,
  matchesSelector,
} from './label-selector.ts'
export { nearNames } from './near-names.ts'
export { sameStructure } from './same-structure.ts'
