// What `fairlead sandbox fault` is asked for, checked.

export const faultKinds = ['answer', 'black-hole', 'kill', 'pause', 'slow', 'api-down', 'cut', 'heal'] as const
export type FaultKind = (typeof faultKinds)[number]

/** A fault as it is asked for: which kind, what it hits, and under which name it is healed again. */
export interface FaultOrder {
  readonly kind: FaultKind
  /** Of a fault that is to be healed later; made up if not given. */
  readonly name?: string | undefined
  readonly context?: string | undefined
  readonly namespace?: string | undefined
  readonly deployment?: string | undefined
  /** Hits only so many pods; all if not given. */
  readonly pods?: number | undefined
  /** Kills or pauses only this container of the pods, or `istio-proxy`; all if not given. */
  readonly container?: string | undefined
  readonly vm?: string | undefined
  readonly target?: 'control-plane' | undefined
  /** Other end of a cut: a context. */
  readonly to?: string | undefined
  /** Of a cut: only what `context` opens to `to` is lost, not what `to` opens to `context`. */
  readonly oneWay?: boolean | undefined
  /** What pods answer. */
  readonly status?: number | undefined
  readonly delayMs?: number | undefined
}

/** A fault that cannot be done as asked: wrong usage. */
export class FaultError extends Error {
  override readonly name = 'FaultError'
}

/** Refuses an order that lacks something; throws `FaultError`. */
export function checkFault(order: FaultOrder): void {
  const need = (field: keyof FaultOrder): void => {
    if (order[field] === undefined) throw new FaultError(`fault ${order.kind} needs ${field}`)
  }
  if (!faultKinds.includes(order.kind)) {
    throw new FaultError(`there is no fault ${String(order.kind)}; there are ${faultKinds.join(', ')}`)
  }
  if (order.kind === 'heal') return
  if (order.kind === 'cut') need('to')
  if (order.kind === 'slow') need('delayMs')
  if (order.kind === 'answer') need('status')
  if (order.target === undefined && order.vm === undefined) need('context')
  if (order.status !== undefined && (order.status < 200 || order.status > 599)) {
    throw new FaultError(`status ${order.status} is not an answer (200 to 599)`)
  }
  if (order.deployment !== undefined) need('namespace')
  if (order.container !== undefined && !['kill', 'pause', 'black-hole'].includes(order.kind))
    throw new FaultError(`fault ${order.kind} cannot be done to one container`)
}
