export { compareText } from './compare.ts'
export { invariant, unreachable } from './invariant.ts'
