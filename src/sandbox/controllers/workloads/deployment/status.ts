// A Deployment's status: counts, and the conditions Available, Progressing and ReplicaFailure.
import { type Condition, conditionOf, type Deployment, type DeploymentStatus, type ReplicaSet } from '../../kinds.ts'
import { timestamp, withoutCondition } from '../conditions.ts'
import { limitsOf, replicasOf } from './rollout.ts'

/** As long a deadline as "none". */
const noDeadline = 2 ** 31 - 1

export interface StatusInput {
  readonly deployment: Deployment
  readonly newest: ReplicaSet | undefined
  readonly all: readonly ReplicaSet[]
  readonly nowMs: number
  /** Something that this very round of work did, to be told by the condition Progressing. */
  readonly event?: { readonly reason: string; readonly message: string } | undefined
}

export function statusOf(input: StatusInput): DeploymentStatus {
  const { deployment, newest, all, nowMs } = input
  const sum = (of: (rs: ReplicaSet) => number | undefined): number => all.reduce((n, rs) => n + (of(rs) ?? 0), 0)
  const available = sum((rs) => rs.status?.availableReplicas)
  const counts = {
    replicas: sum((rs) => rs.status?.replicas),
    updatedReplicas: newest?.status?.replicas ?? 0,
    readyReplicas: sum((rs) => rs.status?.readyReplicas),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sum((rs) => rs.spec?.replicas ?? 1) - available),
  }
  const before = deployment.status
  const next: DeploymentStatus = {
    observedGeneration: deployment.metadata.generation ?? 0,
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)),
    ...(before?.collisionCount === undefined ? {} : { collisionCount: before.collisionCount }),
  }
  let conditions = set(before?.conditions ?? [], availability(deployment, available), nowMs)
  conditions = progress(input, next, conditions)
  conditions = replicaFailure(all, conditions, nowMs)
  return { ...next, conditions }
}

function availability(deployment: Deployment, available: number): Condition {
  const enough = available >= replicasOf(deployment) - limitsOf(deployment).maxUnavailable
  return enough
    ? condition('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.')
    : condition('Available', 'False', 'MinimumReplicasUnavailable', 'Deployment does not have minimum availability.')
}

function progress(input: StatusInput, next: DeploymentStatus, conditions: Condition[]): Condition[] {
  const { deployment, newest, nowMs, event } = input
  if (!hasDeadline(deployment)) return withoutCondition(conditions, 'Progressing')
  const before = conditions.find((c) => c.type === 'Progressing')
  const what = newest ? `ReplicaSet "${newest.metadata.name}"` : `Deployment "${deployment.metadata.name}"`
  if (deployment.spec?.paused === true && before?.reason !== 'ProgressDeadlineExceeded') {
    return set(conditions, condition('Progressing', 'Unknown', 'DeploymentPaused', 'Deployment is paused'), nowMs)
  }
  if (before?.reason === 'DeploymentPaused') {
    return set(conditions, condition('Progressing', 'Unknown', 'DeploymentResumed', 'Deployment is resumed'), nowMs)
  }
  if (event) return set(conditions, condition('Progressing', 'True', event.reason, event.message), nowMs)
  const settled = next.replicas === next.updatedReplicas && before?.reason === 'NewReplicaSetAvailable'
  if (settled) return conditions
  if (isComplete(deployment, next)) {
    const message = `${what} has successfully progressed.`
    return set(conditions, condition('Progressing', 'True', 'NewReplicaSetAvailable', message), nowMs)
  }
  if (hasMoved(deployment.status, next)) {
    const updated = condition('Progressing', 'True', 'ReplicaSetUpdated', `${what} is progressing.`)
    const lastTransitionTime = before?.status === 'True' ? before.lastTransitionTime : undefined
    const times = { lastUpdateTime: timestamp(nowMs), lastTransitionTime: lastTransitionTime ?? timestamp(nowMs) }
    return [...withoutCondition(conditions, 'Progressing'), { ...updated, ...times }]
  }
  const left = deadlineInMs(deployment, nowMs)
  if (left === undefined || left > 0) return conditions
  const late = condition('Progressing', 'False', 'ProgressDeadlineExceeded', `${what} has timed out progressing.`)
  return set(conditions, late, nowMs)
}

/** Milliseconds until the rollout counts as failed; undefined when it is done, paused, failed, or has no deadline. */
export function deadlineInMs(deployment: Deployment, nowMs: number): number | undefined {
  const progressing = conditionOf(deployment, 'Progressing')
  if (!hasDeadline(deployment) || !progressing || deployment.spec?.paused === true) return undefined
  if (progressing.reason === 'NewReplicaSetAvailable' || progressing.reason === 'ProgressDeadlineExceeded') {
    return undefined
  }
  const from = Date.parse(progressing.lastUpdateTime ?? progressing.lastTransitionTime ?? '')
  if (Number.isNaN(from)) return undefined
  return Math.max(0, from + (deployment.spec?.progressDeadlineSeconds ?? 600) * 1000 - nowMs)
}

export function isComplete(deployment: Deployment, status: DeploymentStatus | undefined): boolean {
  const wanted = replicasOf(deployment)
  return (
    (status?.updatedReplicas ?? 0) === wanted &&
    (status?.replicas ?? 0) === wanted &&
    (status?.availableReplicas ?? 0) === wanted &&
    (status?.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  )
}

function hasMoved(before: DeploymentStatus | undefined, next: DeploymentStatus): boolean {
  const old = (status: DeploymentStatus | undefined): number => (status?.replicas ?? 0) - (status?.updatedReplicas ?? 0)
  return (
    (next.updatedReplicas ?? 0) > (before?.updatedReplicas ?? 0) ||
    old(next) < old(before) ||
    (next.readyReplicas ?? 0) > (before?.readyReplicas ?? 0) ||
    (next.availableReplicas ?? 0) > (before?.availableReplicas ?? 0)
  )
}

function hasDeadline(deployment: Deployment): boolean {
  return (deployment.spec?.progressDeadlineSeconds ?? 600) < noDeadline
}

function replicaFailure(all: readonly ReplicaSet[], conditions: Condition[], nowMs: number): Condition[] {
  for (const rs of all) {
    const failure = conditionOf(rs, 'ReplicaFailure')
    if (failure?.status === 'True') {
      return set(conditions, condition('ReplicaFailure', 'True', failure.reason ?? '', failure.message ?? ''), nowMs)
    }
  }
  return withoutCondition(conditions, 'ReplicaFailure')
}

function condition(type: string, status: Condition['status'], reason: string, message: string): Condition {
  return { type, status, reason, message }
}

/** Sets a condition; one of the same status and reason stays as it is, times included. */
function set(conditions: Condition[], wanted: Condition, nowMs: number): Condition[] {
  const before = conditions.find((c) => c.type === wanted.type)
  if (before?.status === wanted.status && before.reason === wanted.reason) return conditions
  const now = timestamp(nowMs)
  const lastTransitionTime = before?.status === wanted.status ? before.lastTransitionTime : undefined
  const others = withoutCondition(conditions, wanted.type)
  return [...others, { ...wanted, lastUpdateTime: now, lastTransitionTime: lastTransitionTime ?? now }]
}
