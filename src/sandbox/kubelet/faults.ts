// What pods are made to suffer on purpose.
import type { ProgramFault } from '../images/index.ts'

export type PodFault =
  /** Programs answer every request with this status. */
  | { readonly kind: 'answer'; readonly status: number }
  /** Programs wait so long before they answer. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** Programs are stopped; their proxies go on. A pod that is a proxy and nothing else is stopped itself. */
  | { readonly kind: 'pause' }
  /** Everything of the pod is stopped: nothing comes back from it. */
  | { readonly kind: 'black-hole' }
  /** Everything of the pod is killed, once; it starts again as after any failure. */
  | { readonly kind: 'kill' }

/** What holds for a pod now, of all faults that have not been healed. */
export interface FaultState {
  readonly program: ProgramFault
  readonly stopped: 'nothing' | 'programs' | 'everything'
}

export const noFault: FaultState = { program: {}, stopped: 'nothing' }

/** Faults add up; of two that say different things, the later one counts. */
export function faultState(faults: Iterable<PodFault>): FaultState {
  let state = noFault
  for (const fault of faults) {
    if (fault.kind === 'answer') state = { ...state, program: { ...state.program, status: fault.status } }
    else if (fault.kind === 'slow') state = { ...state, program: { ...state.program, delayMs: fault.delayMs } }
    else if (fault.kind === 'black-hole') state = { ...state, stopped: 'everything' }
    else if (fault.kind === 'pause' && state.stopped === 'nothing') state = { ...state, stopped: 'programs' }
  }
  return state
}
