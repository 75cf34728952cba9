export type {
  AuthorizerAnswer,
  AuthorizerQuestion,
  Call,
  CallTls,
  Circumstances,
  ProxyConfig,
  ResourceSort,
} from './call.ts'
export type { Decision, Destination, Ending, Fault, Outlier, Retries, SentRequest } from './decision.ts'
export { describeTrace, type PlaceOf, type Telling } from './describe.ts'
export { arriving, dial, type Target as DialTarget } from './dial.ts'
export { evaluate } from './evaluate.ts'
export { applyChanges, describeChange, type HeaderChange } from './header-changes.ts'
export { hintsFor } from './hints.ts'
export { describePolicy, originOfPolicy } from './origin.ts'
export { type Copy, copiesOf, triesOf } from './repeats.ts'
export { isRetried } from './retries.ts'
export type { Redirect } from './rewrite.ts'
export type { NearMiss } from './route.ts'
export type { EndpointOdds, Rung, UpstreamTls } from './rungs.ts'
export { type Branch, type Hop, hostAndPort, type Mesh, type Outcome, outcomesOf, trace } from './trace.ts'
export { usedClusters } from './used-clusters.ts'
export type { RuleVerdict, Verdict } from './verdict.ts'
export { type Place, type PlacedShare, placedShares, withDead } from './without.ts'
