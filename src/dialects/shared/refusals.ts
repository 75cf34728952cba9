// What proxies refuse, told on the policy that brought it about: its author never sees the Istio object.
import { formatRef, type ObjectRef } from '../../report/index.ts'
import type { ClusterObject } from './objects.ts'

/** An Istio object of whose resources proxies refuse some. */
export interface Refusal {
  readonly object: ObjectRef
  /** What they say. */
  readonly message: string
}

export interface RefusalError {
  readonly code: 'rejected-by-proxy'
  readonly path: ''
  readonly message: string
}

const idOf = (cluster: string, kind: string, namespace: string, name: string): string =>
  [cluster, kind, namespace, name].join(' ')

/** Refusals by the object that they are about. */
export class Refusals {
  readonly #byObject: ReadonlyMap<string, readonly Refusal[]>

  constructor(refusals: readonly Refusal[]) {
    this.#byObject = Map.groupBy(refusals, ({ object }) =>
      idOf(object.cluster, object.kind, object.namespace, object.name),
    )
  }

  /** Refusals of some objects, as errors of whoever made them so. */
  of(objects: readonly ClusterObject[]): RefusalError[] {
    if (this.#byObject.size === 0) return []
    return objects.flatMap(({ cluster, object: { kind, metadata } }) =>
      (this.#byObject.get(idOf(cluster, kind, metadata.namespace ?? '', metadata.name)) ?? []).map(
        ({ object, message }): RefusalError => ({
          code: 'rejected-by-proxy',
          path: '',
          message: `${formatRef(object)}, made from it: ${message}`,
        }),
      ),
    )
  }
}
