// DaemonSet → one pod on each fitting node.

import { matchesSelector } from '../../../../lib/index.ts'
import { objectKey } from '../../../../resources/index.ts'
import { resources, type Store } from '../../client/index.ts'
import type { ControllerRevision, DaemonSet, DaemonSetStatus, Node, Pod } from '../../kinds.ts'
import type { Controller, ControllerContext } from '../../runtime/controller.ts'
import { equalJson } from '../../runtime/equal.ts'
import { byController, claim, indexByController } from '../../runtime/owners.ts'
import { fitsPlacement } from '../../scheduler/fit.ts'
import { revisionHashLabel, syncHistory, trimHistory } from '../controller-revisions.ts'
import { watchOwned } from '../owned.ts'
import { type PodWriter, podWriter } from '../pod-writes.ts'
import { availableInMs, isFinished, isReady, podFrom } from '../pods.ts'
import { countOf } from '../quantity.ts'

interface Parts {
  readonly context: ControllerContext
  readonly sets: Store<DaemonSet>
  readonly pods: Store<Pod>
  readonly nodes: Store<Node>
  readonly revisions: Store<ControllerRevision>
  readonly writer: PodWriter
}

/** Pods of a DaemonSet stay on nodes that are in trouble. */
const tolerations = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
]

export const daemonSetController: Controller = {
  name: 'daemonset',
  dutyOf: 'kube-controller-manager',
  setUp(context) {
    const sets = context.store<DaemonSet>(resources.daemonSets)
    const pods = context.store<Pod>(resources.pods)
    const nodes = context.store<Node>(resources.nodes)
    const revisions = context.store<ControllerRevision>(resources.controllerRevisions)
    indexByController(pods)
    indexByController(revisions)
    const writer = podWriter(context, pods, context.events('daemonset-controller'))
    const parts = { context, sets, pods, nodes, revisions, writer }
    const queue = context.queue({ reconcile: (key) => reconcile(parts, key) })
    sets.listen((now) => now && queue.add(objectKey(now)))
    watchOwned(pods, 'DaemonSet', (key) => queue.add(key))
    nodes.listen(() => {
      for (const set of sets.list()) queue.add(objectKey(set))
    })
  },
}

async function reconcile(parts: Parts, key: string): Promise<void> {
  const set = parts.sets.get(key)
  if (!set) return
  const { context, pods, revisions } = parts
  await claim(context.api, pods, {
    owner: set,
    resource: resources.pods,
    matches: (pod) =>
      pod.metadata.namespace === set.metadata.namespace && matchesSelector(set.spec?.selector, pod.metadata.labels),
  })
  if (set.metadata.deletionTimestamp !== undefined || !set.spec) return
  const history = await syncHistory(context, revisions, set)
  const hash = history.update.metadata.labels?.['controller.kubernetes.io/hash'] ?? history.update.metadata.name
  const placement = place(parts, set)
  for (const pod of placement.surplus) await parts.writer.delete(set, pod)
  for (const node of placement.missing) await parts.writer.create(set, newPod(set, node, hash))
  for (const pod of outdated(set, placement, hash, context.now())) await parts.writer.delete(set, pod)
  await writeStatus(parts, set, hash)
  const hashes = new Set(placement.byNode.values().map((pod) => pod.metadata.labels?.[revisionHashLabel]))
  const inUse = history.all.filter((r) => hashes.has(r.metadata.labels?.['controller.kubernetes.io/hash']))
  await trimHistory(context, set, history, new Set(inUse.map((r) => r.metadata.name)))
}

interface Placement {
  readonly wanted: readonly Node[]
  readonly missing: readonly Node[]
  readonly byNode: ReadonlyMap<string, Pod>
  readonly surplus: readonly Pod[]
}

function place({ nodes, pods }: Parts, set: DaemonSet): Placement {
  const wanted = nodes.list().filter((node) => fitsPlacement(node, { ...set.spec?.template, ...withTolerations(set) }))
  const names = new Set(wanted.map((node) => node.metadata.name))
  const byNode = new Map<string, Pod>()
  const surplus: Pod[] = []
  for (const pod of pods.by(byController, set.metadata.uid ?? '')) {
    const node = nodeOf(pod)
    if (pod.metadata.deletionTimestamp !== undefined) byNode.set(node, byNode.get(node) ?? pod)
    else if (isFinished(pod) || !names.has(node) || isOccupied(byNode.get(node))) surplus.push(pod)
    else byNode.set(node, pod)
  }
  return { wanted, byNode, surplus, missing: wanted.filter((node) => !byNode.has(node.metadata.name)) }
}

function isOccupied(pod: Pod | undefined): boolean {
  return pod !== undefined && pod.metadata.deletionTimestamp === undefined
}

function withTolerations(set: DaemonSet): { spec: Pod['spec'] & object } {
  const spec = set.spec?.template.spec ?? { containers: [] }
  return { spec: { ...spec, tolerations: [...(spec.tolerations ?? []), ...tolerations] } }
}

/** The node of a pod: where it is, or where the scheduler is told to put it. */
function nodeOf(pod: Pod): string {
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
  return pod.spec?.nodeName || terms?.[0]?.matchFields?.[0]?.values?.[0] || ''
}

function newPod(set: DaemonSet, node: Node, hash: string): Pod {
  const template = set.spec?.template ?? { spec: { containers: [] } }
  const pod = podFrom(template, set)
  pod.metadata.labels = { ...pod.metadata.labels, [revisionHashLabel]: hash }
  const matchFields = [{ key: 'metadata.name', operator: 'In', values: [node.metadata.name] }]
  const affinity = {
    ...template.spec.affinity,
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields }] } },
  }
  return { ...pod, spec: { ...template.spec, ...withTolerations(set).spec, affinity } }
}

/** Pods of an older template that may go now without more than `maxUnavailable` nodes lacking theirs. */
function outdated(set: DaemonSet, placement: Placement, hash: string, nowMs: number): Pod[] {
  if (set.spec?.updateStrategy?.type === 'OnDelete') return []
  const limit = set.spec?.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1
  const allowed = Math.max(1, countOf(limit, placement.wanted.length, 'up'))
  const isAvailable = (pod: Pod): boolean =>
    pod.metadata.deletionTimestamp === undefined && availableInMs(pod, set.spec?.minReadySeconds ?? 0, nowMs) === 0
  const present = [...placement.byNode.values()]
  const old = present.filter(
    (pod) => pod.metadata.labels?.[revisionHashLabel] !== hash && pod.metadata.deletionTimestamp === undefined,
  )
  const broken = old.filter((pod) => !isAvailable(pod))
  const unavailable = placement.wanted.length - present.filter(isAvailable).length
  return [...broken, ...old.filter(isAvailable).slice(0, Math.max(0, allowed - unavailable))]
}

async function writeStatus(parts: Parts, set: DaemonSet, hash: string): Promise<void> {
  const { context, sets } = parts
  const { wanted, byNode } = place(parts, set)
  const pods = wanted.flatMap((node) => byNode.get(node.metadata.name) ?? [])
  const available = pods.filter((pod) => availableInMs(pod, set.spec?.minReadySeconds ?? 0, context.now()) === 0).length
  const updated = pods.filter((pod) => pod.metadata.labels?.[revisionHashLabel] === hash).length
  const unavailable = wanted.length - available
  const status: DaemonSetStatus = {
    currentNumberScheduled: pods.length,
    numberMisscheduled: 0,
    desiredNumberScheduled: wanted.length,
    numberReady: pods.filter(isReady).length,
    observedGeneration: set.metadata.generation ?? 0,
    ...(updated > 0 ? { updatedNumberScheduled: updated } : {}),
    ...(available > 0 ? { numberAvailable: available } : {}),
    ...(unavailable > 0 ? { numberUnavailable: unavailable } : {}),
  }
  if (equalJson(status, set.status)) return
  sets.put(await context.api.update<DaemonSet>(resources.daemonSets, { ...set, status }, 'status'))
}
