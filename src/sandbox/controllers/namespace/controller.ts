// A namespace that is being deleted: empties it, tells what is left in its status, then lets it go.
import { objectKey } from '../../../resources/index.ts'
import { discoverResources, type KubeApi, resources, type Store } from '../client/index.ts'
import type { Condition, Namespace } from '../kinds.ts'
import type { Controller, ControllerContext } from '../runtime/controller.ts'
import { equalJson } from '../runtime/equal.ts'
import { withCondition } from '../workloads/conditions.ts'

const finalizer = 'kubernetes'

export const namespaceController: Controller = {
  name: 'namespace',
  dutyOf: 'kube-controller-manager',
  setUp(context) {
    const namespaces = context.store<Namespace>(resources.namespaces)
    const queue = context.queue({ reconcile: (key) => reconcile(context, namespaces, key), workers: 4 })
    namespaces.listen((now) => {
      if (now?.metadata.deletionTimestamp !== undefined) queue.add(objectKey(now))
    })
  },
}

/** What a sweep through a namespace found still there. */
interface Remains {
  /** `plural` or `plural.group` → number of objects. */
  readonly counts: Map<string, number>
  /** Finalizer → number of objects that it holds. */
  readonly finalizers: Map<string, number>
  readonly failures: string[]
}

async function reconcile(
  context: ControllerContext,
  namespaces: Store<Namespace>,
  key: string,
): Promise<{ againAfterMs: number } | undefined> {
  const namespace = namespaces.get(key)
  if (!namespace || namespace.metadata.deletionTimestamp === undefined) return undefined
  if (!namespace.spec?.finalizers?.includes(finalizer)) return undefined
  const remains = await empty(context.api, key)
  if (remains.counts.size === 0 && remains.failures.length === 0) {
    const finalizers = namespace.spec.finalizers.filter((f) => f !== finalizer)
    const body = { ...namespace, spec: { ...namespace.spec, finalizers } }
    await context.api.update(resources.namespaces, body, 'finalize')
    return undefined
  }
  const status = { phase: 'Terminating', conditions: conditionsOf(namespace, remains, context.now()) }
  if (!equalJson(status, namespace.status)) {
    namespaces.put(await context.api.update<Namespace>(resources.namespaces, { ...namespace, status }, 'status'))
  }
  // Pods take their grace period; content with finalizers goes whenever its owner is done.
  return { againAfterMs: remains.finalizers.size > 0 ? 1000 : 200 }
}

async function empty(api: KubeApi, namespace: string): Promise<Remains> {
  const remains: Remains = { counts: new Map(), finalizers: new Map(), failures: [] }
  const { found, failures } = await discoverResources(api)
  remains.failures.push(...failures)
  const contents = found.filter((r) => r.namespaced && r.verbs.has('deletecollection') && r.verbs.has('list'))
  for (const resource of contents) {
    try {
      if ((await api.list(resource, namespace)).length === 0) continue
      await api.deleteCollection(resource, namespace)
      const items = await api.list(resource, namespace)
      if (items.length === 0) continue
      remains.counts.set(
        resource.group === '' ? `${resource.plural}.` : `${resource.plural}.${resource.group}`,
        items.length,
      )
      for (const item of items) {
        for (const f of item.metadata.finalizers ?? []) remains.finalizers.set(f, (remains.finalizers.get(f) ?? 0) + 1)
      }
    } catch (error) {
      remains.failures.push(`${resource.plural}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return remains
}

function conditionsOf(namespace: Namespace, remains: Remains, nowMs: number): Condition[] {
  const counted = (counts: Map<string, number>, joint: string): string =>
    [...counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([what, count]) => `${what}${joint}${count} resource instances`)
      .join(', ')
  const failed = remains.failures.length > 0
  const content = counted(remains.counts, ' has ')
  const held = counted(remains.finalizers, ' in ')
  const wanted: Omit<Condition, 'lastTransitionTime'>[] = [
    {
      type: 'NamespaceDeletionDiscoveryFailure',
      status: 'False',
      reason: 'ResourcesDiscovered',
      message: 'All resources successfully discovered',
    },
    {
      type: 'NamespaceDeletionGroupVersionParsingFailure',
      status: 'False',
      reason: 'ParsedGroupVersions',
      message: 'All legacy kube types successfully parsed',
    },
    {
      type: 'NamespaceDeletionContentFailure',
      status: failed ? 'True' : 'False',
      reason: failed ? 'ContentDeletionFailed' : 'ContentDeleted',
      message: failed
        ? `Failed to delete all resource types, ${remains.failures.length} remaining: ${remains.failures.join(', ')}`
        : 'All content successfully deleted, may be waiting on finalization',
    },
    {
      type: 'NamespaceContentRemaining',
      status: content === '' ? 'False' : 'True',
      reason: content === '' ? 'ContentRemoved' : 'SomeResourcesRemain',
      message: content === '' ? 'All content successfully removed' : `Some resources are remaining: ${content}`,
    },
    {
      type: 'NamespaceFinalizersRemaining',
      status: held === '' ? 'False' : 'True',
      reason: held === '' ? 'ContentHasNoFinalizers' : 'SomeFinalizersRemain',
      message:
        held === ''
          ? 'All content-preserving finalizers finished'
          : `Some content in the namespace has finalizers remaining: ${held}`,
    },
  ]
  return wanted.reduce((all, condition) => withCondition(all, condition, nowMs), namespace.status?.conditions ?? [])
}
