import type { ObjectRef } from '../../report/index.ts'

/** An Envoy resource, and the objects that it says something of. */
export interface Built<T> {
  readonly resource: T
  readonly origin: readonly ObjectRef[]
  /** Ids of the patches (of EnvoyFilters) that changed it. */
  readonly patches?: readonly string[]
}

/** A resource that a patch takes away. */
export interface Removed {
  readonly resource: undefined
  readonly name: string
  readonly patches: readonly string[]
}

export function isBuilt<T>(made: Built<T> | Removed): made is Built<T> {
  return made.resource !== undefined
}
