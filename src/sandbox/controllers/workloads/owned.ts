import type { KubeObject } from '../../../resources/index.ts'
import type { Store } from '../client/index.ts'
import { controllerOf } from '../runtime/owners.ts'

/** Calls back with `namespace/name` of the controlling owner of this kind, whenever one of its objects changes. */
export function watchOwned<T extends KubeObject>(store: Store<T>, kind: string, touched: (key: string) => void): void {
  store.listen((now, before) => {
    for (const object of [now, before]) {
      const owner = object && controllerOf(object)
      if (owner?.kind === kind) touched(`${object?.metadata.namespace}/${owner.name}`)
    }
  })
}
