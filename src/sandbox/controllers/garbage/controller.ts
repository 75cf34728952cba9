// Garbage collection: an object whose owners are all gone goes too; deletion in the foreground waits for what is
// owned; deletion with orphans sets it free. After the rules of Kubernetes' garbage collector.
import { setTimeout as delay } from 'node:timers/promises'
import type { KubeObject, OwnerReference } from '../../../resources/index.ts'
import { type DiscoveredResource, discoverResources, isApiError, type Propagation, resources } from '../client/index.ts'
import type { Controller, ControllerContext } from '../runtime/controller.ts'
import { metadataOnly, type Node, nodeKey, OwnerGraph } from './graph.ts'

const foreground = 'foregroundDeletion'
const orphan = 'orphan'

/** Short-lived or written all the time, and never owned. */
const notTracked = new Set(['/events', 'events.k8s.io/events'])

interface Parts {
  readonly context: ControllerContext
  readonly graph: OwnerGraph
}

export const garbageController: Controller = {
  name: 'garbage',
  dutyOf: 'kube-controller-manager',
  setUp(context) {
    const ready = Promise.withResolvers<void>()
    const graph: OwnerGraph = new OwnerGraph((resource, now, before) => {
      if (now && needsLook(graph, now)) queue.add(nodeKey(resource, now))
      const gone = before && before.metadata.uid !== now?.metadata.uid ? before : undefined
      if (!gone) return
      for (const node of graph.dependents(gone.metadata.uid ?? '')) queue.add(nodeKey(node.resource, node.object))
      for (const ref of gone.metadata.ownerReferences ?? []) {
        const owner = graph.node(ref.uid)
        if (owner && isLeaving(owner.object, foreground)) queue.add(nodeKey(owner.resource, owner.object))
      }
    })
    const parts = { context, graph }
    const queue = context.queue({
      reconcile: async (key) => {
        await ready.promise
        await reconcile(parts, key)
      },
      workers: 8,
    })
    void followResources(parts, ready.resolve)
  },
}

/** Whether an object may have to be collected, set free, or let go. */
function needsLook(graph: OwnerGraph, object: KubeObject): boolean {
  if (isLeaving(object, foreground) || isLeaving(object, orphan)) return true
  return (object.metadata.ownerReferences ?? []).some((ref) => {
    const owner = graph.node(ref.uid)
    return !owner || isLeaving(owner.object, foreground)
  })
}

function isLeaving(object: KubeObject, finalizer: string): boolean {
  return object.metadata.deletionTimestamp !== undefined && object.metadata.finalizers?.includes(finalizer) === true
}

/** Watches whatever the cluster serves, custom resources too as they come and go. */
async function followResources(parts: Parts, onReady: () => void): Promise<void> {
  const { context, graph } = parts
  const crds = context.store(resources.customResourceDefinitions)
  let changed = Promise.withResolvers<void>()
  crds.listen(() => changed.resolve())
  while (!context.signal.aborted) {
    changed = Promise.withResolvers<void>()
    try {
      await matchResources(parts, await discoverResources(context.api))
      await Promise.all(graph.resources.map((resource) => context.synced(resource)))
      onReady()
    } catch (error) {
      context.log(`discovery: ${error instanceof Error ? error.message : String(error)}`)
      changed.resolve()
    }
    // A new definition is served a moment after it is written; and at times look without being asked.
    await Promise.race([changed.promise, delay(30_000, undefined, { signal: context.signal }).catch(() => undefined)])
    await delay(300, undefined, { signal: context.signal }).catch(() => undefined)
  }
}

async function matchResources(
  { context, graph }: Parts,
  { found, failures }: { found: DiscoveredResource[]; failures: string[] },
): Promise<void> {
  const wanted = found.filter(
    (r) => ['delete', 'list', 'watch'].every((verb) => r.verbs.has(verb)) && !notTracked.has(`${r.group}/${r.plural}`),
  )
  for (const resource of wanted) {
    if (!graph.has(resource)) graph.add(resource, context.store(resource, metadataOnly))
  }
  if (failures.length > 0) return
  const kept = new Set(wanted.map((r) => `${r.group}/${r.version}/${r.plural}`))
  for (const resource of graph.resources) {
    if (kept.has(`${resource.group}/${resource.version}/${resource.plural}`)) continue
    graph.remove(resource)
    context.drop(resource)
  }
}

async function reconcile(parts: Parts, key: string): Promise<void> {
  const bar = key.indexOf('|')
  const node = parts.graph.find(key.slice(0, bar), key.slice(bar + 1))
  if (!node) return
  if (isLeaving(node.object, orphan)) return freeDependents(parts, node)
  if (isLeaving(node.object, foreground)) return awaitDependents(parts, node)
  await collect(parts, node)
}

async function freeDependents(parts: Parts, node: Node): Promise<void> {
  const uid = node.object.metadata.uid ?? ''
  for (const dependent of parts.graph.dependents(uid)) {
    await dropOwners(parts, dependent, (ref) => ref.uid === uid)
  }
  await dropFinalizer(parts, node, orphan)
}

async function awaitDependents(parts: Parts, node: Node): Promise<void> {
  const uid = node.object.metadata.uid ?? ''
  const blocking = parts.graph
    .dependents(uid)
    .filter(({ object }) => object.metadata.ownerReferences?.some((r) => r.uid === uid && r.blockOwnerDeletion))
  if (blocking.length === 0) return dropFinalizer(parts, node, foreground)
  for (const dependent of blocking) {
    if (dependent.object.metadata.deletionTimestamp === undefined) await collect(parts, dependent)
  }
}

/** Deletes an object if none of its owners holds it; else drops the references to those that are gone. */
async function collect(parts: Parts, node: Node): Promise<void> {
  const { graph, context } = parts
  const { object, resource } = node
  const refs = object.metadata.ownerReferences ?? []
  if (refs.length === 0 || object.metadata.deletionTimestamp !== undefined) return
  const states = await Promise.all(refs.map(async (ref) => ({ ref, state: await stateOf(parts, object, ref) })))
  if (states.some(({ state }) => state === 'holds')) {
    const loose = new Set(states.filter(({ state }) => state !== 'holds').map(({ ref }) => ref.uid))
    if (loose.size > 0) await dropOwners(parts, node, (ref) => loose.has(ref.uid))
    return
  }
  const waits = states.some(({ state }) => state === 'waits')
  const hasDependents = graph.dependents(object.metadata.uid ?? '').length > 0
  const { uid = '', resourceVersion = '', finalizers = [] } = object.metadata
  const propagationPolicy: Propagation =
    (waits && hasDependents) || finalizers.includes(foreground)
      ? 'Foreground'
      : finalizers.includes(orphan)
        ? 'Orphan'
        : 'Background'
  try {
    await context.api.delete(resource, object.metadata, { uid, resourceVersion, propagationPolicy })
  } catch (error) {
    // It changed meanwhile: the watch will tell, and ask for another look.
    if (!isApiError(error, 'Conflict')) throw error
  }
}

type OwnerState = 'holds' | 'waits' | 'gone'

async function stateOf({ graph, context }: Parts, object: KubeObject, ref: OwnerReference): Promise<OwnerState> {
  const known = graph.node(ref.uid)
  if (known) {
    const foreign = known.resource.namespaced && known.object.metadata.namespace !== object.metadata.namespace
    if (foreign) return 'gone'
    return isLeaving(known.object, foreground) ? 'waits' : 'holds'
  }
  const resource = graph.resourceOf(ref)
  // An owner of a kind that is not served cannot be asked after: leave the object alone.
  if (!resource) return 'holds'
  const live = await context.api.find(resource, object.metadata.namespace ?? '', ref.name)
  return live?.metadata.uid === ref.uid ? 'holds' : 'gone'
}

async function dropOwners({ context }: Parts, node: Node, gone: (ref: OwnerReference) => boolean): Promise<void> {
  const { metadata } = node.object
  const kept = (metadata.ownerReferences ?? []).filter((ref) => !gone(ref))
  const { uid, resourceVersion } = metadata
  const body = { metadata: { uid, resourceVersion, ownerReferences: kept.length > 0 ? kept : null } }
  try {
    await context.api.patch(node.resource, metadata, { type: 'merge', body })
  } catch (error) {
    if (isApiError(error, 'NotFound')) return
    if (!isApiError(error, 'Conflict')) throw error
    // Changed meanwhile: look at what it is now.
    const live = await context.api.find(node.resource, metadata.namespace ?? '', metadata.name)
    if (live && live.metadata.uid === uid) await dropOwners({ context } as Parts, { ...node, object: live }, gone)
  }
}

async function dropFinalizer({ context }: Parts, node: Node, finalizer: string): Promise<void> {
  const { metadata } = node.object
  const live = await context.api.find(node.resource, metadata.namespace ?? '', metadata.name)
  if (!live || live.metadata.uid !== metadata.uid) return
  const finalizers = (live.metadata.finalizers ?? []).filter((f) => f !== finalizer)
  const body = {
    metadata: {
      uid: live.metadata.uid,
      resourceVersion: live.metadata.resourceVersion,
      finalizers: finalizers.length > 0 ? finalizers : null,
    },
  }
  try {
    await context.api.patch(node.resource, metadata, { type: 'merge', body })
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error
  }
}
