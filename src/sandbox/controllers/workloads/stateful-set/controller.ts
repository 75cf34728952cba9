// StatefulSet → numbered pods.

import { matchesSelector } from '../../../../lib/index.ts'
import { objectKey } from '../../../../resources/index.ts'
import { resources, type Store } from '../../client/index.ts'
import type { ControllerRevision, Pod, StatefulSet, StatefulSetStatus } from '../../kinds.ts'
import type { Controller, ControllerContext } from '../../runtime/controller.ts'
import { equalJson } from '../../runtime/equal.ts'
import { byController, claim, indexByController } from '../../runtime/owners.ts'
import { type History, revisionHashLabel, syncHistory, templateOf, trimHistory } from '../controller-revisions.ts'
import { watchOwned } from '../owned.ts'
import { type PodWriter, podWriter } from '../pod-writes.ts'
import { availableInMs, isReady, podFrom } from '../pods.ts'
import { ordinalOf, planSteps } from './plan.ts'

interface Parts {
  readonly context: ControllerContext
  readonly sets: Store<StatefulSet>
  readonly pods: Store<Pod>
  readonly revisions: Store<ControllerRevision>
  readonly writer: PodWriter
}

export const statefulSetController: Controller = {
  name: 'statefulset',
  dutyOf: 'kube-controller-manager',
  setUp(context) {
    const sets = context.store<StatefulSet>(resources.statefulSets)
    const pods = context.store<Pod>(resources.pods)
    const revisions = context.store<ControllerRevision>(resources.controllerRevisions)
    indexByController(pods)
    indexByController(revisions)
    const writer = podWriter(context, pods, context.events('statefulset-controller'))
    const parts = { context, sets, pods, revisions, writer }
    const queue = context.queue({ reconcile: (key) => reconcile(parts, key) })
    sets.listen((now) => now && queue.add(objectKey(now)))
    watchOwned(pods, 'StatefulSet', (key) => queue.add(key))
  },
}

async function reconcile(parts: Parts, key: string): Promise<{ againAfterMs: number } | undefined> {
  const set = parts.sets.get(key)
  if (!set) return undefined
  const { context, pods, revisions } = parts
  await claim(context.api, pods, {
    owner: set,
    resource: resources.pods,
    matches: (pod) =>
      pod.metadata.namespace === set.metadata.namespace &&
      ordinalOf(set, pod) !== undefined &&
      matchesSelector(set.spec?.selector, pod.metadata.labels),
  })
  if (set.metadata.deletionTimestamp !== undefined) return undefined
  const history = await syncHistory(context, revisions, set)
  const update = history.update.metadata.name
  const current = set.status?.currentRevision || update
  const nowMs = context.now()
  for (const step of planSteps({ set, pods: podsOf(parts, set), current, update, nowMs })) {
    if (step.do === 'delete') await parts.writer.delete(set, step.pod)
    else if (!(await parts.writer.create(set, newPod(set, history, step.ordinal, step.revision)))) return undefined
  }
  await writeStatus(parts, set, { current, update })
  await trimHistory(context, set, history, new Set([current, update, ...podsOf(parts, set).map(revisionOf)]))
  const waits = podsOf(parts, set).map((pod) => availableInMs(pod, set.spec?.minReadySeconds ?? 0, nowMs) ?? 0)
  const wait = Math.min(...waits.filter((ms) => ms > 0))
  return Number.isFinite(wait) ? { againAfterMs: wait } : undefined
}

function podsOf({ pods }: Parts, set: StatefulSet): Pod[] {
  return pods.by(byController, set.metadata.uid ?? '')
}

function revisionOf(pod: Pod): string {
  return pod.metadata.labels?.[revisionHashLabel] ?? ''
}

function newPod(set: StatefulSet, history: History, ordinal: number, revision: string): Pod {
  const name = `${set.metadata.name}-${ordinal}`
  const template = templateOf(history.all.find((r) => r.metadata.name === revision) ?? history.update)
  const pod = podFrom(template, set, name)
  pod.metadata.labels = {
    ...pod.metadata.labels,
    'statefulset.kubernetes.io/pod-name': name,
    'apps.kubernetes.io/pod-index': String(ordinal),
    [revisionHashLabel]: revision,
  }
  const subdomain = set.spec?.serviceName
  return { ...pod, spec: { ...template.spec, hostname: name, ...(subdomain ? { subdomain } : {}) } }
}

async function writeStatus(
  parts: Parts,
  set: StatefulSet,
  { current, update }: { current: string; update: string },
): Promise<void> {
  const { context, sets } = parts
  const pods = podsOf(parts, set)
  const alive = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined)
  const count = (all: readonly Pod[], fits: (pod: Pod) => boolean): number => all.filter(fits).length
  const minReadySeconds = set.spec?.minReadySeconds ?? 0
  const updated = count(alive, (pod) => revisionOf(pod) === update)
  const readyReplicas = count(pods, isReady)
  const complete = updated === pods.length && readyReplicas === pods.length && pods.length === (set.spec?.replicas ?? 1)
  const currentRevision = complete ? update : current
  const status: StatefulSetStatus = {
    observedGeneration: set.metadata.generation ?? 0,
    replicas: pods.length,
    availableReplicas: count(pods, (pod) => availableInMs(pod, minReadySeconds, context.now()) === 0),
    currentRevision,
    updateRevision: update,
    collisionCount: set.status?.collisionCount ?? 0,
    ...(readyReplicas > 0 ? { readyReplicas } : {}),
    ...nonZero(
      'currentReplicas',
      count(alive, (pod) => revisionOf(pod) === currentRevision),
    ),
    ...nonZero('updatedReplicas', updated),
  }
  if (equalJson(status, set.status)) return
  sets.put(await context.api.update<StatefulSet>(resources.statefulSets, { ...set, status }, 'status'))
}

function nonZero(name: 'currentReplicas' | 'updatedReplicas', count: number): Partial<StatefulSetStatus> {
  return count > 0 ? { [name]: count } : {}
}
