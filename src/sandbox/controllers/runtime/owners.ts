import type { KubeObject, OwnerReference } from '../../../resources/index.ts'
import { isApiError, type KubeApi, type Resource, type Store } from '../client/index.ts'

/** The reference of the one owner that controls an object, if it has one. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((ref) => ref.controller === true)
}

/** The reference that a controlled object carries. */
export function controllerRef(owner: KubeObject): OwnerReference {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  }
}

/** Index by the uid of the controlling owner; "" for objects without one. */
export const byController = 'controller'

export function indexByController<T extends KubeObject>(store: Store<T>): void {
  store.index(byController, (object) => [controllerOf(object)?.uid ?? ''])
}

/**
 * The objects that `owner` controls, after taking in those that match and have no controller, and letting go those
 * that it controls and that match no more. An owner that is being deleted takes in nothing.
 */
export async function claim<T extends KubeObject>(
  api: KubeApi,
  store: Store<T>,
  claimer: { owner: KubeObject; resource: Resource; matches: (object: T) => boolean },
): Promise<T[]> {
  const { owner, resource, matches } = claimer
  const mine: T[] = []
  for (const object of store.by(byController, owner.metadata.uid ?? '')) {
    if (matches(object) || owner.metadata.deletionTimestamp !== undefined) mine.push(object)
    else
      await changeOwners(api, store, { resource, object }, (refs) => refs.filter((r) => r.uid !== owner.metadata.uid))
  }
  if (owner.metadata.deletionTimestamp !== undefined) return mine
  for (const object of store.by(byController, '')) {
    const { namespace, deletionTimestamp } = object.metadata
    if (namespace !== owner.metadata.namespace || deletionTimestamp !== undefined || !matches(object)) continue
    const adopt = (refs: readonly OwnerReference[]): OwnerReference[] => [
      ...refs.filter((r) => r.uid !== owner.metadata.uid),
      controllerRef(owner),
    ]
    const adopted = await changeOwners(api, store, { resource, object }, adopt)
    if (adopted) mine.push(adopted)
  }
  return mine
}

/** Writes an object's owner references, if it still is the object that we know; returns it as it is then. */
export async function changeOwners<T extends KubeObject>(
  api: KubeApi,
  store: Store<T>,
  target: { resource: Resource; object: T },
  change: (refs: readonly OwnerReference[]) => OwnerReference[],
): Promise<T | undefined> {
  const { metadata } = target.object
  const refs = change(metadata.ownerReferences ?? [])
  const body = { metadata: { uid: metadata.uid, ownerReferences: refs.length > 0 ? refs : null } }
  try {
    const changed = await api.patch<T>(target.resource, metadata, { type: 'merge', body })
    store.put(changed)
    return changed
  } catch (error) {
    if (isApiError(error, 'NotFound', 'Invalid', 'Conflict')) return undefined
    throw error
  }
}
