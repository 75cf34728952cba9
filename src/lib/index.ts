export { compareText } from './compare.ts'
export { invariant, unreachable } from './invariant.ts'
export { sameStructure } from './same-structure.ts'
