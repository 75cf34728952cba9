export { FailBack } from './fail-back.ts'
export { defineFailBack } from './wanted.ts'
