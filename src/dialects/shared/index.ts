export { type AccessResult } from './access.ts'
export {
  dataPlaneLabel,
  externalAddresses,
  type FoundMesh,
  findMeshes,
  isInMesh,
  labelsThatDiffer,
} from './discovery.ts'
export { type Outcome, type TrafficResult, translateIntents } from './engine.ts'
export { ClusterFacts, type Controller, type FactService } from './facts.ts'
export { backingWorkloads, type Federation, type Group } from './fleet.ts'
export type { Generation, GenerationReport, ReadContext, Reading, StatusObject } from './generation.ts'
export type { GroupOutcome } from './groups.ts'
export {
  type FindMesh,
  type Given,
  type Inventory,
  type InventoryNames,
  serviceType,
  takeInventory,
} from './inventory.ts'
export type * from './model.ts'
export { hashName, objectName, safeName, subsetName } from './names.ts'
export { type ClusterObject, compareObjects, isOwn, istioObject, ownerLabel, withoutClashes } from './objects.ts'
export { occupiedBy } from './occupied.ts'
export { asInteger, asList, asMap, asText, asTexts, at, canonical, compact } from './plain.ts'
export { headerManipulationOf, outlierDetectionOf, stringMatchOf } from './policy-parts.ts'
export { hasLabels, selectsService, selectsWorkload, serviceKey } from './selectors.ts'
export { statusKey } from './seniority.ts'
export type { AppliedPolicies, PolicyError, PolicyResult } from './traffic/applied.ts'
export { userProblems } from './user-problems.ts'
export type { VirtualDestinationResult } from './virtual-destinations.ts'
