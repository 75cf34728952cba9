// Keeps the registry in step with the definitions in the store, and clears up behind deleted ones.
import type { Core } from '../core.ts'
import { type JsonObject, listAt, metaOf, nameOf, namespaceOf, textAt } from '../json.ts'
import { ownCall } from '../own-call.ts'
import type { Resource } from '../resource.ts'
import { deleteStored } from '../rest/delete.ts'
import { isFinished, stored } from '../rest/write.ts'
import { cleanupFinalizer, definedResources, definitionStorage } from './definition.ts'

const background = {
  dryRun: false,
  propagation: 'Background',
  gracePeriodSeconds: 0,
  uid: '',
  resourceVersion: '',
} as const

const isDeleted = (crd: JsonObject): boolean => textAt(crd, 'metadata', 'deletionTimestamp') !== ''

/** Follows the definitions until the returned function is called. */
export function followDefinitions(core: Core, onError: (error: unknown) => void): () => void {
  const watching = new Map<string, () => void>()
  let stopped = false

  const register = (crd: JsonObject): void => {
    core.registry.setCustom(textAt(crd, 'spec', 'group'), textAt(crd, 'spec', 'names', 'plural'), definedResources(crd))
    if (isDeleted(crd)) setImmediate(() => void clearUp(nameOf(crd)).catch(onError))
  }

  /** Deletes the objects of a deleted definition; the definition goes when none is left. */
  const clearUp = async (name: string): Promise<void> => {
    if (stopped) return
    const call = ownCall(core, 'apiextensions.k8s.io', 'v1', 'customresourcedefinitions', '', name)
    const crd = stored(call)
    if (!crd || !isDeleted(crd.object)) return
    const [resource] = definedResources(crd.object)
    if (resource) await deleteAll(resource)
    if (resource && core.store.list(resource.storage).length > 0) {
      waitFor(resource, name)
      return
    }
    watching.get(name)?.()
    watching.delete(name)
    const latest = stored(call)
    if (latest) finish(latest.object)
  }

  const deleteAll = async (resource: Resource): Promise<void> => {
    for (const item of core.store.list(resource.storage)) {
      const namespace = namespaceOf(item.object)
      const one = ownCall(core, resource.group, resource.version, resource.names.plural, namespace, nameOf(item.object))
      await deleteStored(one, item, background)
    }
  }

  const waitFor = (resource: Resource, name: string): void => {
    if (watching.has(name)) return
    const end = core.store.subscribe(resource.storage, (event) => {
      if (event.type === 'DELETED') setImmediate(() => void clearUp(name).catch(onError))
    })
    watching.set(name, end)
  }

  const finish = (crd: JsonObject): void => {
    const finalizers = listAt(crd, 'metadata', 'finalizers').filter((f) => f !== cleanupFinalizer)
    const { finalizers: _, ...meta } = metaOf(crd)
    const next: JsonObject = { ...crd, metadata: finalizers.length > 0 ? { ...meta, finalizers } : meta }
    const current = core.store.get(definitionStorage, '', nameOf(crd))
    if (!current) return
    if (isFinished(next)) core.store.remove(definitionStorage, current, next)
    else core.store.write(definitionStorage, next)
  }

  for (const { object } of core.store.list(definitionStorage)) register(object)
  const end = core.store.subscribe(definitionStorage, ({ type, stored: item }) => {
    if (type === 'DELETED') {
      core.registry.setCustom(textAt(item.object, 'spec', 'group'), textAt(item.object, 'spec', 'names', 'plural'), [])
      const storage = `${textAt(item.object, 'spec', 'group')}/${textAt(item.object, 'spec', 'names', 'plural')}`
      core.endWatches(storage)
    } else register(item.object)
  })
  return () => {
    stopped = true
    end()
    for (const stop of watching.values()) stop()
  }
}
