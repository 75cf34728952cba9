// What all workload controllers ask of pods.
import type { KubeObject } from '../../../resources/index.ts'
import { conditionOf, type Pod, type PodTemplate } from '../kinds.ts'
import { controllerRef } from '../runtime/owners.ts'

/** A pod that runs or may still run, and is not being deleted. */
export function isActive(pod: Pod): boolean {
  return !isFinished(pod) && pod.metadata.deletionTimestamp === undefined
}

export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
}

export function isReady(pod: Pod): boolean {
  return conditionOf(pod, 'Ready')?.status === 'True'
}

/** Milliseconds until a pod has been ready for `minReadySeconds`: 0 = it is available, undefined = it is not ready. */
export function availableInMs(pod: Pod, minReadySeconds: number, nowMs: number): number | undefined {
  if (!isReady(pod)) return undefined
  if (minReadySeconds === 0) return 0
  const since = Date.parse(conditionOf(pod, 'Ready')?.lastTransitionTime ?? '')
  if (Number.isNaN(since)) return undefined
  return Math.max(0, since + minReadySeconds * 1000 - nowMs)
}

/** A pod as a template says, controlled by `owner`; its name is left to the server (`OWNER-xxxxx`) if not given. */
export function podFrom(template: PodTemplate, owner: KubeObject, name?: string): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {}
  const prefix = `${owner.metadata.name}-`
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...(name === undefined ? { generateName: prefix } : { name }),
      ...(owner.metadata.namespace === undefined ? {} : { namespace: owner.metadata.namespace }),
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      ...(finalizers ? { finalizers } : {}),
      ownerReferences: [controllerRef(owner)],
    } as Pod['metadata'],
    spec: structuredClone(template.spec),
  }
}

function phaseRank(pod: Pod): number {
  return { Pending: 0, Unknown: 1, Running: 2 }[pod.status?.phase ?? 'Pending'] ?? 2
}

function restartsOf(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map((status) => status.restartCount))
}

/**
 * Order in which surplus pods go: unassigned, pending, not ready, cheap (annotation pod-deletion-cost), young, often
 * restarted ones first (Kubernetes' `ActivePodsWithRanks`).
 */
export function compareForDeletion(a: Pod, b: Pod): number {
  const cost = (pod: Pod): number =>
    Number(pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? 0)
  const readySince = (pod: Pod): number => Date.parse(conditionOf(pod, 'Ready')?.lastTransitionTime ?? '') || 0
  return (
    Number((a.spec?.nodeName ?? '') !== '') - Number((b.spec?.nodeName ?? '') !== '') ||
    phaseRank(a) - phaseRank(b) ||
    Number(isReady(a)) - Number(isReady(b)) ||
    cost(a) - cost(b) ||
    readySince(b) - readySince(a) ||
    restartsOf(b) - restartsOf(a) ||
    Date.parse(b.metadata.creationTimestamp ?? '') - Date.parse(a.metadata.creationTimestamp ?? '') ||
    (a.metadata.name < b.metadata.name ? -1 : 1)
  )
}
