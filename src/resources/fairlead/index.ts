import type { KindDefinition } from '../dsl.ts'
import { drainKind } from './drain.ts'
import { failoverKind } from './failover.ts'

export { type Drain, type DrainSpec, drainedBy, drainKind } from './drain.ts'
export {
  type Failover,
  type FailoverMember,
  type FailoverRung,
  type FailoverSpec,
  type FailoverStatus,
  failoverKind,
} from './failover.ts'
export { covers, rungName } from './failover-check.ts'

/** Fairlead's own kinds: what the Istio API cannot say. They hold in the cluster in which they stand, as Istio's do. */
export const fairleadKinds: readonly KindDefinition[] = [drainKind, failoverKind]
