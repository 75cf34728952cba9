import {
  type NamespacedHost,
  type Query,
  resolveHost,
  rootNamespaceOf,
  textQuery,
  type World,
  worldQuery,
} from '../../discovery/index.ts'
import { compareText, sameStructure } from '../../lib/index.ts'
import { type Failover, rungName } from '../../resources/fairlead/index.ts'
import { durationMs, objectKey, refOf } from '../../resources/index.ts'
import { fairleadKinds } from '../kinds.ts'
import type { FailoverPlan } from './model.ts'

/** That an object speaks for a host. */
export interface Claim {
  /** `namespace/name` of the Failover. */
  readonly key: string
  readonly namespace: string
  readonly host: string
  /** Position in `spec.hosts`. */
  readonly index: number
}

/** What Failovers speak for, by host; the oldest first. */
export const failoverClaims = worldQuery(
  'mesh/failover-claims',
  (world): ReadonlyMap<string, readonly Claim[]> => {
    const failovers = world.objects(world.primary, fairleadKinds.failover) as readonly Failover[]
    const age = ({ metadata }: Failover): string => metadata.creationTimestamp ?? ''
    const ordered = [...failovers].sort(
      (a, b) => compareText(age(a), age(b)) || compareText(objectKey(a), objectKey(b)),
    )
    const claims = ordered.flatMap((failover) => {
      const { namespace = '' } = failover.metadata
      return (failover.spec?.hosts ?? []).map(
        (host, index): Claim => ({ key: objectKey(failover), namespace, host: resolveHost(host, namespace), index }),
      )
    })
    return Map.groupBy(claims, ({ host }) => host)
  },
  { equals: (a, b) => sameStructure([...a], [...b]) },
)

/** The claim on a service that counts: one of its own namespace before one of the root namespace, the oldest of each. */
export function decidingClaim(world: World, { namespace, host }: NamespacedHost): Claim | undefined {
  const claims = world.get(failoverClaims, undefined).get(host) ?? []
  const own = claims.find((claim) => claim.namespace === namespace)
  if (own) return own
  const root = rootNamespaceOf(world)
  return claims.find((claim) => claim.namespace === root)
}

const planOf = textQuery(
  'mesh/failover-plan',
  (world, key): FailoverPlan | undefined => {
    const failover = world.object(world.primary, fairleadKinds.failover, key) as Failover | undefined
    if (!failover?.spec) return undefined
    const { spec } = failover
    const lengthMs = (text: string | undefined): number => (text === undefined ? 0 : (durationMs(text) ?? 0))
    return {
      key,
      rungs: (spec.rungs ?? []).map((rung, index) => ({ name: rungName(rung, index), members: rung.members })),
      othersLast: spec.others !== 'Never',
      spillBelowPercent: spec.thresholds?.spillBelowPercent,
      failedBelowPercent: spec.thresholds?.failedBelowPercent ?? 0,
      retry: spec.retry ?? {},
      failBack: { afterMs: lengthMs(spec.failBack?.after), overMs: lengthMs(spec.failBack?.over) },
      disabled: spec.disabled === true,
      origin: [refOf(world.primary, failover)],
    }
  },
  { equals: sameStructure },
)

/** What Failovers say of a service, whether or not failing over is switched off. */
export const failoverPlanOf: Query<NamespacedHost, FailoverPlan | undefined> = {
  name: 'mesh/failover-of-service',
  keyOf: ({ namespace, host }) => `${namespace}/${host}`,
  compute: (world, service) => {
    const claim = decidingClaim(world, service)
    return claim && world.get(planOf, claim.key)
  },
  equals: (a, b) => a === b,
}

/** Whether some Failover compares the nodes of callers: else nobody has to know them. */
export const failoversCompareNodes = worldQuery(
  'mesh/failovers-compare-nodes',
  (world): boolean =>
    (world.objects(world.primary, fairleadKinds.failover) as readonly Failover[]).some(({ spec }) =>
      spec?.rungs?.some(({ members }) => members.some(({ same }) => same === 'Node')),
    ),
  { equals: Object.is },
)
