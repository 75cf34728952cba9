export { FaultError, type FaultKind, type FaultOrder, faultKinds } from './faults/index.ts'
export * from './supervisor/index.ts'
export * from './traffic/index.ts'
