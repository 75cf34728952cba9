export { Faults, type FaultTargets, type Victim } from './faults.ts'
export { FaultError, type FaultKind, type FaultOrder, faultKinds } from './order.ts'
