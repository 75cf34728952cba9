// What a generation of the management API does: it reads its own objects, and says in its own words what became of them.
import type { Problem } from '../../report/index.ts'
import type { Snapshot } from '../../resources/index.ts'
import type { Outcome } from './engine.ts'
import type { ClusterFacts } from './facts.ts'
import type { Memory } from './memory.ts'
import type { Intent } from './model.ts'
import type { ClusterObject } from './objects.ts'

export interface ReadContext {
  readonly snapshot: Snapshot
  /** Cluster that holds the management objects. */
  readonly management: string
  readonly factsOf: (cluster: string) => ClusterFacts
  /** Why a cluster has not the trust that its VirtualMesh wants, by cluster. */
  readonly trustFailures: ReadonlyMap<string, string>
  readonly memory: Memory
}

/** Status of an object: only the fields that name it, and `status`. */
export type StatusObject = ClusterObject

export interface GenerationReport {
  /**
   * Objects of the generation's own kinds and of Kubernetes; Istio objects come from the engine. These and statuses come in
   * lists that are the very same ones as last time where it is known that nothing in them has changed.
   */
  readonly objects: readonly (readonly ClusterObject[])[]
  /** Secrets whose values Fairlead makes and keeps; here they have their keys and no values. */
  readonly secrets: readonly ClusterObject[]
  readonly statuses: readonly (readonly StatusObject[])[]
  readonly problems: readonly Problem[]
}

export interface Reading {
  readonly intent: Intent
  /** Says what became of the generation's objects. */
  readonly report: (outcome: Outcome) => GenerationReport
}

export interface Generation {
  read(context: ReadContext): Reading
}
