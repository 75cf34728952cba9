import { matchesLabels } from '../../../../lib/index.ts'
import type { Pod, ReplicaSet, ReplicaSetStatus } from '../../kinds.ts'
import { withCondition, withoutCondition } from '../conditions.ts'
import { availableInMs, isReady } from '../pods.ts'

export interface ReplicaFailure {
  readonly reason: 'FailedCreate' | 'FailedDelete'
  readonly message: string
}

/** Status of a ReplicaSet whose active pods are `pods`. */
export function statusOf(
  replicaSet: ReplicaSet,
  pods: readonly Pod[],
  nowMs: number,
  failure?: ReplicaFailure,
): ReplicaSetStatus {
  const minReadySeconds = replicaSet.spec?.minReadySeconds ?? 0
  const templateLabels = replicaSet.spec?.template.metadata?.labels ?? {}
  const counts = {
    fullyLabeledReplicas: pods.filter((pod) => matchesLabels(templateLabels, pod.metadata.labels)).length,
    readyReplicas: pods.filter(isReady).length,
    availableReplicas: pods.filter((pod) => availableInMs(pod, minReadySeconds, nowMs) === 0).length,
  }
  const before = replicaSet.status?.conditions
  const conditions = failure
    ? withCondition(before, { type: 'ReplicaFailure', status: 'True', ...failure }, nowMs)
    : withoutCondition(before, 'ReplicaFailure')
  return {
    replicas: pods.length,
    observedGeneration: replicaSet.metadata.generation ?? 0,
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)),
    ...(conditions.length > 0 ? { conditions } : {}),
  }
}

/** Milliseconds until the next ready pod becomes available; undefined if none is on its way. */
export function nextAvailableInMs(replicaSet: ReplicaSet, pods: readonly Pod[], nowMs: number): number | undefined {
  const waits = pods
    .map((pod) => availableInMs(pod, replicaSet.spec?.minReadySeconds ?? 0, nowMs))
    .filter((wait) => wait !== undefined && wait > 0)
  return waits.length === 0 ? undefined : Math.min(...(waits as number[]))
}
