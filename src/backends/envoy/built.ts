import type { ObjectRef } from '../../report/index.ts'

/** An Envoy resource, and the objects that it says something of. */
export interface Built<T> {
  readonly resource: T
  readonly origin: readonly ObjectRef[]
}
