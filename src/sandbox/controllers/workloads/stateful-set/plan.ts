// What a StatefulSet does next with its pods. Pure, after the rules of Kubernetes' StatefulSet controller: pods have
// numbers, come in order, go in the opposite order, and are replaced from the highest down.
import type { Pod, StatefulSet } from '../../kinds.ts'
import { revisionHashLabel } from '../controller-revisions.ts'
import { availableInMs, isFinished } from '../pods.ts'

export type Step =
  | { readonly do: 'create'; readonly ordinal: number; readonly revision: string }
  | { readonly do: 'delete'; readonly pod: Pod }

export interface PlanInput {
  readonly set: StatefulSet
  readonly pods: readonly Pod[]
  /** Names of the revisions that pods below, and from, the partition run. */
  readonly current: string
  readonly update: string
  readonly nowMs: number
}

/** Number of a pod of the set, undefined for a name of another form. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const prefix = `${set.metadata.name}-`
  const text = pod.metadata.name.startsWith(prefix) ? pod.metadata.name.slice(prefix.length) : ''
  return /^(0|[1-9]\d*)$/.test(text) ? Number(text) : undefined
}

export function planSteps(input: PlanInput): Step[] {
  const { set, pods } = input
  const ordered = set.spec?.podManagementPolicy !== 'Parallel'
  const start = set.spec?.ordinals?.start ?? 0
  const end = start + (set.spec?.replicas ?? 1)
  const byOrdinal = new Map(pods.map((pod) => [ordinalOf(set, pod), pod]))
  const steps: Step[] = []
  for (let ordinal = start; ordinal < end; ordinal++) {
    const pod = byOrdinal.get(ordinal)
    if (!pod) steps.push({ do: 'create', ordinal, revision: revisionFor(input, ordinal) })
    else if (isFinished(pod) && !isLeaving(pod)) steps.push({ do: 'delete', pod })
    else if (isHealthy(input, pod)) continue
    if (ordered) return steps
  }
  if (steps.length > 0) return steps
  const condemned = pods
    .filter((pod) => isOutside(ordinalOf(set, pod), start, end))
    .sort((a, b) => (ordinalOf(set, b) ?? 0) - (ordinalOf(set, a) ?? 0))
  const [highest] = condemned
  if (highest) {
    const leaving = condemned.filter((pod) => !isLeaving(pod))
    if (!ordered) return leaving.map((pod) => ({ do: 'delete', pod }))
    return isLeaving(highest) ? [] : [{ do: 'delete', pod: highest }]
  }
  return replaceOld(input, byOrdinal, start, end)
}

function replaceOld(
  { set, update, ...input }: PlanInput,
  byOrdinal: ReadonlyMap<number | undefined, Pod>,
  start: number,
  end: number,
): Step[] {
  if (set.spec?.updateStrategy?.type === 'OnDelete') return []
  const partition = set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0
  for (let ordinal = end - 1; ordinal >= Math.max(start, partition); ordinal--) {
    const pod = byOrdinal.get(ordinal)
    if (!pod) return []
    if (pod.metadata.labels?.[revisionHashLabel] !== update) return isLeaving(pod) ? [] : [{ do: 'delete', pod }]
    if (!isHealthy({ set, update, ...input }, pod)) return []
  }
  return []
}

function revisionFor({ set, current, update }: PlanInput, ordinal: number): string {
  const { type, rollingUpdate } = set.spec?.updateStrategy ?? {}
  const partition = rollingUpdate?.partition ?? 0
  return type !== 'OnDelete' && ordinal < partition ? current : update
}

function isOutside(ordinal: number | undefined, start: number, end: number): boolean {
  return ordinal === undefined || ordinal < start || ordinal >= end
}

function isLeaving(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined
}

function isHealthy({ set, nowMs }: PlanInput, pod: Pod): boolean {
  return !isLeaving(pod) && availableInMs(pod, set.spec?.minReadySeconds ?? 0, nowMs) === 0
}
