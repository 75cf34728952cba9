export { compareText } from './compare.ts'
export { digestOf } from './digest.ts'
export { invariant, unreachable } from './invariant.ts'
export { sameStructure } from './same-structure.ts'
