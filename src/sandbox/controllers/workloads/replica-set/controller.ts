// ReplicaSet → Pods: as many as wanted, adopted where they fit, the least useful deleted first.
import { objectKey } from '../../../../resources/index.ts'
import { answerOf, isApiError, resources, type Store } from '../../client/index.ts'
import type { Pod, ReplicaSet } from '../../kinds.ts'
import type { Controller, ControllerContext } from '../../runtime/controller.ts'
import { equalJson } from '../../runtime/equal.ts'
import type { EventRecorder } from '../../runtime/events.ts'
import { byController, claim, controllerOf, indexByController } from '../../runtime/owners.ts'
import { matchesSelector } from '../../runtime/selector.ts'
import { compareForDeletion, isActive, podFrom } from '../pods.ts'
import { nextAvailableInMs, type ReplicaFailure, statusOf } from './status.ts'

interface Parts {
  readonly context: ControllerContext
  readonly replicaSets: Store<ReplicaSet>
  readonly pods: Store<Pod>
  readonly events: EventRecorder
}

/** At most so many pods are made or deleted in one round; the rest follows in the next. */
const burst = 50

export const replicaSetController: Controller = {
  name: 'replicaset',
  dutyOf: 'kube-controller-manager',
  setUp(context) {
    const replicaSets = context.store<ReplicaSet>(resources.replicaSets)
    const pods = context.store<Pod>(resources.pods)
    indexByController(pods)
    const parts = { context, replicaSets, pods, events: context.events('replicaset-controller') }
    const queue = context.queue({ reconcile: (key) => reconcile(parts, key), workers: 8 })
    replicaSets.listen((now) => now && queue.add(objectKey(now)))
    pods.listen((now, before) => {
      for (const pod of [now, before]) {
        const owner = pod && controllerOf(pod)
        if (owner?.kind === 'ReplicaSet') queue.add(`${pod?.metadata.namespace}/${owner.name}`)
      }
      if (now && !controllerOf(now)) {
        for (const rs of replicaSets.list()) if (fits(rs, now)) queue.add(objectKey(rs))
      }
    })
  },
}

function fits(replicaSet: ReplicaSet, pod: Pod): boolean {
  return (
    replicaSet.metadata.namespace === pod.metadata.namespace &&
    matchesSelector(replicaSet.spec?.selector, pod.metadata.labels)
  )
}

async function reconcile(parts: Parts, key: string): Promise<{ againAfterMs: number } | undefined> {
  const replicaSet = parts.replicaSets.get(key)
  if (!replicaSet) return undefined
  const { context, pods } = parts
  const claimed = await claim(context.api, pods, {
    owner: replicaSet,
    resource: resources.pods,
    matches: (pod) => fits(replicaSet, pod) && (isActive(pod) || controllerOf(pod) !== undefined),
  })
  const active = claimed.filter(isActive)
  let failure: ReplicaFailure | undefined
  if (replicaSet.metadata.deletionTimestamp === undefined) failure = await resize(parts, replicaSet, active)
  const now = pods.by(byController, replicaSet.metadata.uid ?? '').filter(isActive)
  await writeStatus(parts, replicaSet, now, failure)
  const wait = nextAvailableInMs(replicaSet, now, context.now())
  if (failure) return { againAfterMs: 5000 }
  return wait === undefined ? undefined : { againAfterMs: wait }
}

async function resize(
  parts: Parts,
  replicaSet: ReplicaSet,
  active: readonly Pod[],
): Promise<ReplicaFailure | undefined> {
  const missing = (replicaSet.spec?.replicas ?? 1) - active.length
  try {
    if (missing > 0) for (let i = 0; i < Math.min(missing, burst); i++) await createPod(parts, replicaSet)
    if (missing < 0) {
      const surplus = [...active].sort(compareForDeletion).slice(0, Math.min(-missing, burst))
      for (const pod of surplus) await deletePod(parts, replicaSet, pod)
    }
    return undefined
  } catch (error) {
    if (!isApiError(error)) throw error
    const message = answerOf(error)
    // Content of a namespace that is going away cannot be made; nothing is wrong with the ReplicaSet.
    if (/because it is being terminated/.test(message)) return undefined
    const reason = missing > 0 ? 'FailedCreate' : 'FailedDelete'
    parts.events.record(replicaSet, 'Warning', reason, `Error ${missing > 0 ? 'creating' : 'deleting'}: ${message}`)
    return { reason, message }
  }
}

async function createPod(parts: Parts, replicaSet: ReplicaSet): Promise<void> {
  if (!replicaSet.spec) return
  const created = await parts.context.api.create(resources.pods, podFrom(replicaSet.spec.template, replicaSet))
  parts.pods.put(created)
  parts.events.record(replicaSet, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata.name}`)
}

async function deletePod(parts: Parts, replicaSet: ReplicaSet, pod: Pod): Promise<void> {
  const uid = pod.metadata.uid === undefined ? {} : { uid: pod.metadata.uid }
  const lingering = await parts.context.api.delete(resources.pods, pod.metadata, uid)
  if (lingering?.metadata.deletionTimestamp !== undefined) parts.pods.put(lingering as Pod)
  else parts.pods.remove(objectKey(pod), pod.metadata.uid)
  parts.events.record(replicaSet, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`)
}

async function writeStatus(
  parts: Parts,
  replicaSet: ReplicaSet,
  pods: readonly Pod[],
  failure: ReplicaFailure | undefined,
): Promise<void> {
  const status = statusOf(replicaSet, pods, parts.context.now(), failure)
  if (equalJson(status, replicaSet.status)) return
  const written = await parts.context.api.update<ReplicaSet>(resources.replicaSets, { ...replicaSet, status }, 'status')
  parts.replicaSets.put(written)
}
