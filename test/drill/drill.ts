import type { CallerKind } from './caller.ts'
import type { Place } from './place.ts'

/**
 * `local-first`: the caller's cluster, another one only if it fails. `even`: half of the requests each. `ordered`: a Failover that
 * names three clusters in order.
 */
export type Rule = 'local-first' | 'even' | 'local-first-with-try-timeout' | 'ordered'

export const clusterNames = ['east', 'west', 'south'] as const
export type ClusterName = (typeof clusterNames)[number]

/** What is broken, how, and which rule is in force meanwhile. */
export interface Drill {
  readonly name: string
  readonly title: string
  readonly rule: Rule
  /** Who asks: a program beside its proxy, if not given. */
  readonly caller?: CallerKind
  /** How many clusters there must be: 2 if not given. */
  readonly clusters?: 3
  /** Pods of the service in each cluster; 1 if not given. */
  readonly pods?: number
  /** East-west gateways in each cluster; 1 if not given. */
  readonly gateways?: number
  readonly begin: (place: Place) => Promise<void>
  /** Nothing where what was broken comes back by itself. */
  readonly heal?: (place: Place) => Promise<void>
  /** For how long it is broken; 4 s if not given. */
  readonly forMs?: number
  /** What may fail; nothing if not given. */
  readonly allowed?: Allowed
  /** Run by name only: `npm run drill`, and the table in docs/reliability.md. The suite leaves it out. */
  readonly byHand?: true
}

export interface Allowed {
  /** Of the GETs. */
  readonly share: number
  /** How long it may last, from the fault on; with `afterHealing`, from the end of healing on. */
  readonly forMs: number
  /** Nobody is left to answer while it is broken. */
  readonly afterHealing?: true
}

/** Shares of the answers per cluster while nothing is broken. */
export function expectedShares(rule: Rule): Readonly<Record<string, number>> {
  return rule === 'even' ? { east: 0.5, west: 0.5 } : { east: 1 }
}
