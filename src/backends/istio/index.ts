export { failoverOwner, type LoweredFailovers, loweredFailovers } from './failover.ts'
export { contentAnnotation, instanceLabel, isOwned, stamped } from './ownership.ts'
export { isUpToDate, type Plan, type Present, planWrites } from './plan.ts'
