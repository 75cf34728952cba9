// How many replicas each replica set of a Deployment should have next. Pure arithmetic, after the rules of Kubernetes'
// Deployment controller (rolling.go, sync.go, deployment_util.go).
import type { Deployment, ReplicaSet } from '../../kinds.ts'
import { countOf } from '../quantity.ts'
import { byCreation, desiredOf, maxReplicasOf } from './revisions.ts'

export interface Scale {
  readonly replicaSet: ReplicaSet
  readonly replicas: number
}

export interface Limits {
  readonly maxSurge: number
  readonly maxUnavailable: number
}

export const replicasOf = (object: Deployment | ReplicaSet): number => object.spec?.replicas ?? 1
const availableOf = (rs: ReplicaSet): number => rs.status?.availableReplicas ?? 0
const sum = (all: readonly ReplicaSet[], of: (rs: ReplicaSet) => number): number =>
  all.reduce((total, rs) => total + of(rs), 0)

export function isRolling(deployment: Deployment): boolean {
  return deployment.spec?.strategy?.type !== 'Recreate'
}

/** How many pods may be there beyond, and missing from, the wanted number during a rollout. Never both 0. */
export function limitsOf(deployment: Deployment): Limits {
  if (!isRolling(deployment)) return { maxSurge: 0, maxUnavailable: 0 }
  const total = replicasOf(deployment)
  const { maxSurge = '25%', maxUnavailable = '25%' } = deployment.spec?.strategy?.rollingUpdate ?? {}
  const surge = countOf(maxSurge, total, 'up')
  const unavailable = Math.min(total, countOf(maxUnavailable, total, 'down'))
  return { maxSurge: surge, maxUnavailable: surge === 0 && unavailable === 0 ? 1 : unavailable }
}

/** Size of the newest replica set: as much as the surge allows, never more than wanted. */
export function nextSizeOfNew(
  deployment: Deployment,
  newest: ReplicaSet | undefined,
  all: readonly ReplicaSet[],
): number {
  const wanted = replicasOf(deployment)
  const current = newest ? replicasOf(newest) : 0
  if (!isRolling(deployment) || current >= wanted) return wanted
  const room = wanted + limitsOf(deployment).maxSurge - sum(all, replicasOf)
  return room <= 0 ? current : current + Math.min(room, wanted - current)
}

/** Old replica sets that can shrink now: unhealthy pods first, then as many as availability allows. */
export function shrinkOld(deployment: Deployment, newest: ReplicaSet, old: readonly ReplicaSet[]): Scale[] {
  const minAvailable = replicasOf(deployment) - limitsOf(deployment).maxUnavailable
  const newUnavailable = replicasOf(newest) - availableOf(newest)
  const total = sum(old, replicasOf) + replicasOf(newest)
  const room = total - minAvailable - newUnavailable
  if (room <= 0) return []
  const sizes = new Map<ReplicaSet, number>(old.map((rs) => [rs, replicasOf(rs)]))
  const ordered = [...old].sort(byCreation)
  let cleaned = 0
  for (const rs of ordered) {
    const unhealthy = replicasOf(rs) - availableOf(rs)
    const gone = Math.min(room - cleaned, Math.max(0, unhealthy))
    sizes.set(rs, replicasOf(rs) - gone)
    cleaned += gone
  }
  let spare = sum([...old, newest], availableOf) - minAvailable
  for (const rs of ordered) {
    if (spare <= 0) break
    const size = sizes.get(rs) ?? 0
    const gone = Math.min(size, spare)
    sizes.set(rs, size - gone)
    spare -= gone
  }
  return ordered.flatMap((replicaSet) => {
    const replicas = sizes.get(replicaSet) ?? 0
    return replicas === replicasOf(replicaSet) ? [] : [{ replicaSet, replicas }]
  })
}

/** Whether the Deployment's wanted number changed since its replica sets were last sized. */
export function isScaling(deployment: Deployment, all: readonly ReplicaSet[]): boolean {
  return all.some((rs) => {
    const desired = desiredOf(rs)
    return replicasOf(rs) > 0 && desired !== undefined && desired !== replicasOf(deployment)
  })
}

/** Sizes after the wanted number changed: shared out in proportion, if several replica sets are in use. */
export function rescale(deployment: Deployment, newest: ReplicaSet | undefined, all: readonly ReplicaSet[]): Scale[] {
  const wanted = replicasOf(deployment)
  const active = all.filter((rs) => replicasOf(rs) > 0)
  if (active.length <= 1) {
    const replicaSet = active[0] ?? newest ?? [...all].sort(byCreation).at(-1)
    return replicaSet ? [{ replicaSet, replicas: wanted }] : []
  }
  if (newest && isSaturated(deployment, newest)) {
    return active.filter((rs) => rs !== newest).map((replicaSet) => ({ replicaSet, replicas: 0 }))
  }
  if (!isRolling(deployment)) return []
  return shareOut(deployment, active)
}

function isSaturated(deployment: Deployment, newest: ReplicaSet): boolean {
  const wanted = replicasOf(deployment)
  return replicasOf(newest) === wanted && desiredOf(newest) === wanted && availableOf(newest) === wanted
}

function shareOut(deployment: Deployment, active: readonly ReplicaSet[]): Scale[] {
  const wanted = replicasOf(deployment)
  const allowed = wanted > 0 ? wanted + limitsOf(deployment).maxSurge : 0
  const toAdd = allowed - sum(active, replicasOf)
  const newerFirst = toAdd > 0
  const ordered = [...active].sort(
    (a, b) => replicasOf(b) - replicasOf(a) || (newerFirst ? byCreation(b, a) : byCreation(a, b)),
  )
  let added = 0
  const scales = ordered.map((replicaSet) => {
    let share = 0
    if (toAdd !== 0) {
      const exact = fractionOf(replicaSet, wanted, allowed)
      const left = toAdd - added
      share = toAdd > 0 ? Math.min(exact, left) : Math.max(exact, left)
    }
    added += share
    return { replicaSet, replicas: replicasOf(replicaSet) + share }
  })
  const [first] = scales
  if (first) scales[0] = { ...first, replicas: Math.max(0, first.replicas + toAdd - added) }
  return scales
}

function fractionOf(replicaSet: ReplicaSet, wanted: number, allowed: number): number {
  const current = replicasOf(replicaSet)
  if (wanted === 0) return -current
  const before = maxReplicasOf(replicaSet) ?? replicaSet.status?.replicas ?? current
  if (before === 0) return 0
  return Math.round((current * allowed) / before) - current
}

/** Old, empty replica sets beyond the history limit: the oldest revisions. */
export function surplusHistory(deployment: Deployment, old: readonly ReplicaSet[]): ReplicaSet[] {
  const limit = deployment.spec?.revisionHistoryLimit ?? 10
  const alive = old.filter((rs) => rs.metadata.deletionTimestamp === undefined)
  const surplus = alive.length - limit
  if (surplus <= 0) return []
  return [...alive]
    .sort(byCreation)
    .slice(0, surplus)
    .filter(
      (rs) =>
        replicasOf(rs) === 0 &&
        (rs.status?.replicas ?? 0) === 0 &&
        (rs.status?.observedGeneration ?? 0) >= (rs.metadata.generation ?? 0),
    )
}
