// Deployment → ReplicaSets: rolling update, Recreate, pause, revision history.

import { matchesSelector } from '../../../../lib/index.ts'
import { objectKey } from '../../../../resources/index.ts'
import { isApiError, resources, type Store } from '../../client/index.ts'
import type { Deployment, Pod, ReplicaSet } from '../../kinds.ts'
import type { Controller, ControllerContext } from '../../runtime/controller.ts'
import { equalJson } from '../../runtime/equal.ts'
import type { EventRecorder } from '../../runtime/events.ts'
import { byController, claim, controllerOf, controllerRef, indexByController } from '../../runtime/owners.ts'
import { hashName } from '../hash.ts'
import { isFinished } from '../pods.ts'
import {
  annotationsOfNew,
  findNew,
  revisionAnnotation,
  revisionOf,
  sizeAnnotations,
  templateHashLabel,
} from './revisions.ts'
import {
  isRolling,
  isScaling,
  limitsOf,
  nextSizeOfNew,
  replicasOf,
  rescale,
  type Scale,
  shrinkOld,
  surplusHistory,
} from './rollout.ts'
import { deadlineInMs, isComplete, type StatusInput, statusOf } from './status.ts'

interface Parts {
  readonly context: ControllerContext
  readonly deployments: Store<Deployment>
  readonly replicaSets: Store<ReplicaSet>
  readonly pods: Store<Pod>
  readonly events: EventRecorder
}

/** What one round of work found. */
interface Round {
  readonly deployment: Deployment
  readonly all: readonly ReplicaSet[]
  readonly newest: ReplicaSet | undefined
  readonly event?: StatusInput['event']
}

export const deploymentController: Controller = {
  name: 'deployment',
  dutyOf: 'kube-controller-manager',
  setUp(context) {
    const deployments = context.store<Deployment>(resources.deployments)
    const replicaSets = context.store<ReplicaSet>(resources.replicaSets)
    const pods = context.store<Pod>(resources.pods)
    indexByController(replicaSets)
    indexByController(pods)
    const parts = { context, deployments, replicaSets, pods, events: context.events('deployment-controller') }
    const queue = context.queue({ reconcile: (key) => reconcile(parts, key) })
    deployments.listen((now) => now && queue.add(objectKey(now)))
    replicaSets.listen((now, before) => {
      for (const rs of [now, before]) {
        if (!rs) continue
        const owner = controllerOf(rs)
        if (owner?.kind === 'Deployment') queue.add(`${rs.metadata.namespace}/${owner.name}`)
      }
      if (now && !controllerOf(now)) {
        for (const d of deployments.list()) {
          if (sameNamespace(d, now) && matchesSelector(d.spec?.selector, now.metadata.labels)) queue.add(objectKey(d))
        }
      }
    })
    // A Recreate rollout goes on when the last pod of the old revisions is gone.
    pods.listen((now, before) => {
      const owner = before && !now ? controllerOf(before) : undefined
      const rs = owner && replicaSets.get(`${before?.metadata.namespace}/${owner.name}`)
      const deployment = rs && controllerOf(rs)
      if (deployment) queue.add(`${before?.metadata.namespace}/${deployment.name}`)
    })
  },
}

function sameNamespace(a: Deployment, b: ReplicaSet): boolean {
  return a.metadata.namespace === b.metadata.namespace
}

async function reconcile(parts: Parts, key: string): Promise<{ againAfterMs: number } | undefined> {
  const deployment = parts.deployments.get(key)
  if (!deployment) return undefined
  const { api } = parts.context
  const all = await claim(api, parts.replicaSets, {
    owner: deployment,
    resource: resources.replicaSets,
    matches: (rs) => sameNamespace(deployment, rs) && matchesSelector(deployment.spec?.selector, rs.metadata.labels),
  })
  const round = await advance(parts, { deployment, all, newest: findNew(deployment, all) })
  const written = await writeStatus(parts, round)
  const left = deadlineInMs(written, parts.context.now())
  return left === undefined ? undefined : { againAfterMs: left + 1000 }
}

async function advance(parts: Parts, found: Round): Promise<Round> {
  const { deployment, all } = found
  if (deployment.metadata.deletionTimestamp !== undefined) return found
  if (deployment.spec?.paused === true || isScaling(deployment, all)) {
    const synced = found.newest ? await syncNewest(parts, found) : found
    return applyScales(parts, synced, rescale(deployment, synced.newest, synced.all))
  }
  const round = isRolling(deployment) ? await rollingUpdate(parts, found) : await recreate(parts, found)
  if (isComplete(round.deployment, statusOf({ ...round, nowMs: parts.context.now() }))) {
    for (const rs of surplusHistory(deployment, oldOf(round))) {
      await parts.context.api.delete(resources.replicaSets, rs.metadata, { propagationPolicy: 'Background' })
    }
  }
  return round
}

function oldOf(round: Round): ReplicaSet[] {
  return round.all.filter((rs) => rs.metadata.uid !== round.newest?.metadata.uid)
}

async function rollingUpdate(parts: Parts, found: Round): Promise<Round> {
  const round = await syncNewest(parts, found)
  const { deployment, newest, all } = round
  if (!newest) return round
  const size = nextSizeOfNew(deployment, newest, all)
  if (size !== replicasOf(newest)) return applyScales(parts, round, [{ replicaSet: newest, replicas: size }])
  return applyScales(parts, round, shrinkOld(deployment, newest, oldOf(round)))
}

async function recreate(parts: Parts, found: Round): Promise<Round> {
  const shrink = oldOf(found)
    .filter((rs) => replicasOf(rs) > 0)
    .map((replicaSet) => ({ replicaSet, replicas: 0 }))
  if (shrink.length > 0) return applyScales(parts, found, shrink)
  const lingering = oldOf(found).some((rs) =>
    parts.pods.by(byController, rs.metadata.uid ?? '').some((pod) => !isFinished(pod)),
  )
  if (lingering) return found
  const round = await syncNewest(parts, found)
  if (!round.newest) return round
  return applyScales(parts, round, [{ replicaSet: round.newest, replicas: replicasOf(round.deployment) }])
}

/** Makes sure that the replica set of the present template is there and carries the newest revision. */
async function syncNewest(parts: Parts, found: Round): Promise<Round> {
  const { deployment } = found
  const revision = 1 + Math.max(0, ...oldOf(found).map(revisionOf))
  let { newest } = found
  let event: Round['event']
  if (!newest) {
    newest = await createNewest(parts, found, revision)
    if (!newest) return found
    event = { reason: 'NewReplicaSetCreated', message: `Created new replica set "${newest.metadata.name}"` }
  } else {
    const annotations = annotationsOfNew(deployment, newest, revision)
    const minReadySeconds = deployment.spec?.minReadySeconds ?? 0
    if (
      !equalJson(annotations, newest.metadata.annotations) ||
      (newest.spec?.minReadySeconds ?? 0) !== minReadySeconds
    ) {
      newest = await patchReplicaSet(parts, newest, { metadata: { annotations }, spec: { minReadySeconds } })
    }
    if (!deployment.status?.conditions?.some((c) => c.type === 'Progressing')) {
      event = { reason: 'FoundNewReplicaSet', message: `Found new replica set "${newest.metadata.name}"` }
    }
  }
  const all = [...oldOf(found), newest].filter((rs, i, list) => list.findIndex((o) => sameObject(o, rs)) === i)
  const marked = await markRevision(parts, deployment, revisionOf(newest))
  return { deployment: marked, all, newest, ...(event ? { event } : {}) }
}

function sameObject(a: ReplicaSet, b: ReplicaSet): boolean {
  return a.metadata.uid === b.metadata.uid
}

async function markRevision(parts: Parts, deployment: Deployment, revision: number): Promise<Deployment> {
  if (revisionOf(deployment) === revision) return deployment
  const body = { metadata: { uid: deployment.metadata.uid, annotations: { [revisionAnnotation]: String(revision) } } }
  // By the status subresource, where a change of annotations does not count as a new generation.
  const marked = await parts.context.api.patch<Deployment>(resources.deployments, deployment.metadata, {
    type: 'merge',
    body,
    subresource: 'status',
  })
  parts.deployments.put(marked)
  return marked
}

async function createNewest(parts: Parts, found: Round, revision: number): Promise<ReplicaSet | undefined> {
  const { deployment, all } = found
  const { spec } = deployment
  if (!spec) return undefined
  const hash = hashName(spec.template, deployment.status?.collisionCount ?? 0)
  const labels = { ...spec.template.metadata?.labels, [templateHashLabel]: hash }
  const wanted = nextSizeOfNew(deployment, undefined, all)
  const max = replicasOf(deployment) + limitsOf(deployment).maxSurge
  const replicaSet: ReplicaSet = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      namespace: deployment.metadata.namespace ?? 'default',
      labels,
      annotations: {
        ...annotationsOfNew(deployment, undefined, revision),
        ...sizeAnnotations(replicasOf(deployment), max),
      },
      ownerReferences: [controllerRef(deployment)],
    },
    spec: {
      replicas: wanted,
      ...(spec.minReadySeconds === undefined ? {} : { minReadySeconds: spec.minReadySeconds }),
      selector: {
        ...spec.selector,
        matchLabels: { ...spec.selector.matchLabels, [templateHashLabel]: hash },
      },
      template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
    },
  }
  try {
    const created = await parts.context.api.create(resources.replicaSets, replicaSet)
    parts.replicaSets.put(created)
    announce(parts, deployment, created.metadata.name, 0, wanted)
    return created
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error
    return afterCollision(parts, deployment, replicaSet)
  }
}

/** The name is taken: by our own replica set that the watch has not told yet, or by a stranger (then count up). */
async function afterCollision(
  parts: Parts,
  deployment: Deployment,
  wanted: ReplicaSet,
): Promise<ReplicaSet | undefined> {
  const { api } = parts.context
  const other = await api.find<ReplicaSet>(resources.replicaSets, wanted.metadata.namespace ?? '', wanted.metadata.name)
  if (other && controllerOf(other)?.uid === deployment.metadata.uid && findNew(deployment, [other])) {
    parts.replicaSets.put(other)
    return other
  }
  const collisionCount = (deployment.status?.collisionCount ?? 0) + 1
  const marked = await api.patch<Deployment>(resources.deployments, deployment.metadata, {
    type: 'merge',
    subresource: 'status',
    body: { status: { collisionCount } },
  })
  parts.deployments.put(marked)
  return undefined
}

async function applyScales(parts: Parts, round: Round, scales: readonly Scale[]): Promise<Round> {
  const wanted = replicasOf(round.deployment)
  const annotations = sizeAnnotations(wanted, wanted + limitsOf(round.deployment).maxSurge)
  const changed = new Map<string | undefined, ReplicaSet>()
  for (const { replicaSet, replicas } of scales) {
    const before = replicasOf(replicaSet)
    const have = replicaSet.metadata.annotations ?? {}
    if (before === replicas && Object.entries(annotations).every(([key, value]) => have[key] === value)) continue
    const scaled = await patchReplicaSet(parts, replicaSet, { metadata: { annotations }, spec: { replicas } })
    changed.set(scaled.metadata.uid, scaled)
    if (before !== replicas) announce(parts, round.deployment, replicaSet.metadata.name, before, replicas)
  }
  const current = (rs: ReplicaSet): ReplicaSet => changed.get(rs.metadata.uid) ?? rs
  return { ...round, all: round.all.map(current), newest: round.newest && current(round.newest) }
}

async function patchReplicaSet(parts: Parts, replicaSet: ReplicaSet, body: object): Promise<ReplicaSet> {
  const patched = await parts.context.api.patch<ReplicaSet>(resources.replicaSets, replicaSet.metadata, {
    type: 'merge',
    body,
  })
  parts.replicaSets.put(patched)
  return patched
}

function announce(parts: Parts, deployment: Deployment, name: string, from: number, to: number): void {
  const direction = to > from ? 'up' : 'down'
  if (from === to) return
  parts.events.record(
    deployment,
    'Normal',
    'ScalingReplicaSet',
    `Scaled ${direction} replica set ${name} from ${from} to ${to}`,
  )
}

async function writeStatus(parts: Parts, round: Round): Promise<Deployment> {
  const { deployment } = round
  const status = statusOf({ ...round, nowMs: parts.context.now() })
  if (equalJson(status, deployment.status)) return deployment
  const written = await parts.context.api.update<Deployment>(resources.deployments, { ...deployment, status }, 'status')
  parts.deployments.put(written)
  return written
}
