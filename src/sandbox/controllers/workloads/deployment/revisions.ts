// Replica sets as the revisions of a Deployment: which is the newest, what its annotations tell.
import type { Deployment, PodTemplate, ReplicaSet } from '../../kinds.ts'
import { equalJson } from '../../runtime/equal.ts'

export const revisionAnnotation = 'deployment.kubernetes.io/revision'
const historyAnnotation = 'deployment.kubernetes.io/revision-history'
const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas'
const maxAnnotation = 'deployment.kubernetes.io/max-replicas'
export const templateHashLabel = 'pod-template-hash'

const notCopied = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionAnnotation,
  historyAnnotation,
  desiredAnnotation,
  maxAnnotation,
  'deprecated.deployment.rollback.to',
])

export function revisionOf(object: ReplicaSet | Deployment): number {
  return Number(object.metadata.annotations?.[revisionAnnotation] ?? 0)
}

export function byCreation(a: ReplicaSet, b: ReplicaSet): number {
  const [left, right] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '']
  if (left !== right) return left < right ? -1 : 1
  return revisionOf(a) - revisionOf(b) || (a.metadata.name < b.metadata.name ? -1 : 1)
}

function withoutHash(template: PodTemplate): PodTemplate {
  const { [templateHashLabel]: _hash, ...labels } = template.metadata?.labels ?? {}
  const metadata = { ...template.metadata, labels }
  return { ...template, metadata }
}

/** The replica set that runs the Deployment's present template: the oldest, if several do. */
export function findNew(deployment: Deployment, all: readonly ReplicaSet[]): ReplicaSet | undefined {
  const template = deployment.spec?.template
  if (!template) return undefined
  const wanted = withoutHash(template)
  return [...all].sort(byCreation).find((rs) => rs.spec && equalJson(withoutHash(rs.spec.template), wanted))
}

/** Replicas that a replica set should have in the end, as its Deployment said when it was last scaled. */
export function desiredOf(replicaSet: ReplicaSet): number | undefined {
  const text = replicaSet.metadata.annotations?.[desiredAnnotation]
  return text === undefined ? undefined : Number(text)
}

export function maxReplicasOf(replicaSet: ReplicaSet): number | undefined {
  const text = replicaSet.metadata.annotations?.[maxAnnotation]
  return text === undefined ? undefined : Number(text)
}

export function sizeAnnotations(desired: number, max: number): Record<string, string> {
  return { [desiredAnnotation]: String(desired), [maxAnnotation]: String(max) }
}

/** The annotations that the newest replica set should have. */
export function annotationsOfNew(
  deployment: Deployment,
  existing: ReplicaSet | undefined,
  revision: number,
): Record<string, string> {
  const before = existing?.metadata.annotations ?? {}
  const copied = Object.entries(deployment.metadata.annotations ?? {}).filter(([key]) => !notCopied.has(key))
  const result: Record<string, string> = { ...before, ...Object.fromEntries(copied) }
  const own = existing ? revisionOf(existing) : 0
  if (own >= revision) return result
  result[revisionAnnotation] = String(revision)
  if (own > 0) {
    const history = (before[historyAnnotation] ?? '').split(',').filter((r) => r !== '')
    result[historyAnnotation] = [...history, String(own)].join(',')
  }
  return result
}
