import type { Condition } from '../kinds.ts'

/** RFC 3339 with whole seconds, as Kubernetes writes times. */
export function timestamp(nowMs: number): string {
  return new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z')
}

/** The conditions with one set; its transition time changes only when its status does. */
export function withCondition(
  conditions: readonly Condition[] | undefined,
  wanted: Omit<Condition, 'lastTransitionTime'>,
  nowMs: number,
): Condition[] {
  const before = conditions?.find((c) => c.type === wanted.type)
  const same = before?.status === wanted.status && before.lastTransitionTime !== undefined
  const lastTransitionTime = same ? (before.lastTransitionTime ?? '') : timestamp(nowMs)
  const others = (conditions ?? []).filter((c) => c.type !== wanted.type)
  return [...others, { ...wanted, lastTransitionTime }]
}

export function withoutCondition(conditions: readonly Condition[] | undefined, type: string): Condition[] {
  return (conditions ?? []).filter((c) => c.type !== type)
}
