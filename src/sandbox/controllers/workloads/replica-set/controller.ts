// ReplicaSet → Pods: as many as wanted, adopted where they fit, the least useful deleted first.

import { matchesSelector } from '../../../../lib/index.ts'
import { objectKey } from '../../../../resources/index.ts'
import { answerOf, isApiError, resources, type Store } from '../../client/index.ts'
import type { Pod, ReplicaSet } from '../../kinds.ts'
import type { Controller, ControllerContext } from '../../runtime/controller.ts'
import { equalJson } from '../../runtime/equal.ts'
import { byController, claim, controllerOf, indexByController } from '../../runtime/owners.ts'
import { watchOwned } from '../owned.ts'
import { type PodWriter, podWriter } from '../pod-writes.ts'
import { compareForDeletion, isActive, podFrom } from '../pods.ts'
import { nextAvailableInMs, type ReplicaFailure, statusOf } from './status.ts'

interface Parts {
  readonly context: ControllerContext
  readonly replicaSets: Store<ReplicaSet>
  readonly pods: Store<Pod>
  readonly writer: PodWriter
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
    const writer = podWriter(context, pods, context.events('replicaset-controller'))
    const parts = { context, replicaSets, pods, writer }
    const queue = context.queue({ reconcile: (key) => reconcile(parts, key), workers: 8 })
    replicaSets.listen((now) => now && queue.add(objectKey(now)))
    watchOwned(pods, 'ReplicaSet', (key) => queue.add(key))
    pods.listen((now) => {
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
    for (let i = 0; replicaSet.spec && i < Math.min(missing, burst); i++) {
      if (!(await parts.writer.create(replicaSet, podFrom(replicaSet.spec.template, replicaSet)))) return undefined
    }
    const surplus = [...active].sort(compareForDeletion).slice(0, Math.min(Math.max(0, -missing), burst))
    for (const pod of surplus) await parts.writer.delete(replicaSet, pod)
    return undefined
  } catch (error) {
    if (!isApiError(error)) throw error
    return { reason: missing > 0 ? 'FailedCreate' : 'FailedDelete', message: answerOf(error) }
  }
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
