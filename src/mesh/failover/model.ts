import type { ObjectRef } from '../../report/index.ts'
import type { FailoverMember } from '../../resources/fairlead/index.ts'

export type { FailoverMember } from '../../resources/fairlead/index.ts'

export interface PlannedRung {
  readonly name: string
  readonly members: readonly FailoverMember[]
}

/** What a Failover says of a service, with defaults filled in. */
export interface FailoverPlan {
  /** `namespace/name` of the object. */
  readonly key: string
  /** First to last; empty: the order is that of DestinationRule and mesh. */
  readonly rungs: readonly PlannedRung[]
  /** Whether endpoints that no rung has are used after all others. */
  readonly othersLast: boolean
  /** Undefined: Envoy's own, 71 %. */
  readonly spillBelowPercent: number | undefined
  /** 0 = a rung never counts as failed as a whole. */
  readonly failedBelowPercent: number
  readonly retry: FailoverRetry
  readonly failBack: { readonly afterMs: number; readonly overMs: number }
  readonly disabled: boolean
  readonly origin: readonly ObjectRef[]
}

export interface FailoverRetry {
  readonly attempts?: number
  /** As written, like `0.5s`. */
  readonly perTryTimeout?: string
  readonly triesPerRung?: number
}

/** Whether a plan looks at where callers run, and at what of it. */
export function comparesCallers({ rungs }: FailoverPlan, what: NonNullable<FailoverMember['same']>): boolean {
  return rungs.some(({ members }) =>
    members.some(({ same, clusters }) => same === what || (what === 'Cluster' && clusters?.includes('.') === true)),
  )
}
