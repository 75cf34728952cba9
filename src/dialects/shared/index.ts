export type { ObjectRef } from '../../report/index.ts'
export { type AccessResult } from './access.ts'
export {
  dataPlaneLabel,
  entryAddress,
  externalAddresses,
  type FoundMesh,
  findMeshes,
  isInMesh,
  labelsThatDiffer,
} from './discovery.ts'
export { type Outcome, type TrafficResult, translateIntents } from './engine.ts'
export { ClusterFacts, type Controller, type FactPort, type FactService } from './facts.ts'
export { FactsMemory } from './facts-memory.ts'
export { istioProtocol } from './federation.ts'
export { backingWorkloads, type Federation, findTargetService, type Group } from './fleet.ts'
export type { Generation, GenerationReport, ReadContext, Reading, StatusObject } from './generation.ts'
export { type GroupOutcome, trustFailures, type Verifies } from './groups.ts'
export {
  type FindMesh,
  type Given,
  type Inventory,
  type InventoryNames,
  serviceType,
  takeInventory,
} from './inventory.ts'
export { itemsOf, Memory } from './memory.ts'
export type * from './model.ts'
export { hash32, hashName, objectName, safeName, subsetName } from './names.ts'
export { type ClusterObject, compareObjects, isOwn, istioObject, ownerLabel, withoutClashes } from './objects.ts'
export { OccupiedPlaces } from './occupied.ts'
export { asInteger, asList, asMap, asText, asTexts, at, canonical, compact, type Plain } from './plain.ts'
export { headerManipulationOf, outlierDetectionOf, stringMatchOf } from './policy-parts.ts'
export { referenceErrors } from './references.ts'
export type { Refusal } from './refusals.ts'
export { hasLabels, selectsService, selectsWorkload, serviceKey } from './selectors.ts'
export { bySeniority, statusKey } from './seniority.ts'
export type { AppliedPolicies, PolicyError, PolicyResult } from './traffic/applied.ts'
export { type FieldError, type RouteContext, routeFeatures } from './traffic/features/index.ts'
export { trafficShift } from './traffic/features/traffic-shift.ts'
export { requestOf as istioRequestMatch } from './traffic/route-match.ts'
export { userProblems } from './user-problems.ts'
export type { VirtualDestinationResult } from './virtual-destinations.ts'
