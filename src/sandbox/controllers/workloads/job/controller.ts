// Job → pods that run to their end, as often as wanted.
import { objectKey } from '../../../../resources/index.ts'
import { resources, type Store } from '../../client/index.ts'
import type { Condition, Job, JobStatus, Pod } from '../../kinds.ts'
import type { Controller, ControllerContext } from '../../runtime/controller.ts'
import { equalJson } from '../../runtime/equal.ts'
import type { EventRecorder } from '../../runtime/events.ts'
import { byController, indexByController } from '../../runtime/owners.ts'
import { timestamp } from '../conditions.ts'
import { watchOwned } from '../owned.ts'
import { type PodWriter, podWriter } from '../pod-writes.ts'
import { isActive, isReady, podFrom } from '../pods.ts'

interface Parts {
  readonly context: ControllerContext
  readonly jobs: Store<Job>
  readonly pods: Store<Pod>
  readonly writer: PodWriter
  readonly events: EventRecorder
}

const firstBackoffMs = 10_000
const longestBackoffMs = 360_000

export const jobController: Controller = {
  name: 'job',
  dutyOf: 'kube-controller-manager',
  setUp(context) {
    const jobs = context.store<Job>(resources.jobs)
    const pods = context.store<Pod>(resources.pods)
    indexByController(pods)
    const events = context.events('job-controller')
    const parts = { context, jobs, pods, events, writer: podWriter(context, pods, events) }
    const queue = context.queue({ reconcile: (key) => reconcile(parts, key) })
    jobs.listen((now) => now && queue.add(objectKey(now)))
    watchOwned(pods, 'Job', (key) => queue.add(key))
  },
}

async function reconcile(parts: Parts, key: string): Promise<{ againAfterMs: number } | undefined> {
  const job = parts.jobs.get(key)
  if (!job || job.metadata.deletionTimestamp !== undefined) return undefined
  const nowMs = parts.context.now()
  if (finishedAt(job) !== undefined) return expire(parts, job, nowMs)
  const pods = (): Pod[] => parts.pods.by(byController, job.metadata.uid ?? '')
  const outcome = outcomeOf(job, pods(), nowMs)
  if (outcome) {
    for (const pod of pods().filter(isActive)) await parts.writer.delete(job, pod)
  }
  const wait = outcome ? undefined : await resize(parts, job, pods(), nowMs)
  await writeStatus(parts, job, pods(), outcome)
  const deadline = job.spec?.activeDeadlineSeconds
  const started = Date.parse(job.status?.startTime ?? '')
  const left = deadline === undefined || Number.isNaN(started) ? undefined : started + deadline * 1000 - nowMs
  const waits = [wait, outcome ? undefined : left].filter((ms) => ms !== undefined) as number[]
  return waits.length === 0 ? undefined : { againAfterMs: Math.max(100, Math.min(...waits)) }
}

function succeeded(pods: readonly Pod[]): number {
  return pods.filter((pod) => pod.status?.phase === 'Succeeded').length
}

function failed(pods: readonly Pod[]): Pod[] {
  return pods.filter((pod) => pod.status?.phase === 'Failed')
}

/** Succeeded pods that end the job; without a wanted number, one does, as soon as all others are done. */
function outcomeOf(job: Job, pods: readonly Pod[], nowMs: number): Condition | undefined {
  const { completions, backoffLimit = 6, activeDeadlineSeconds } = job.spec ?? {}
  const done = succeeded(pods)
  const active = pods.filter(isActive).length
  if (completions === undefined ? done > 0 && active === 0 : done >= completions) {
    const message = 'Reached expected number of succeeded pods'
    return { type: 'Complete', status: 'True', reason: 'CompletionsReached', message }
  }
  const restarts = pods
    .filter(isActive)
    .flatMap((pod) => pod.status?.containerStatuses ?? [])
    .reduce((sum, status) => sum + status.restartCount, 0)
  if (failed(pods).length + restarts > backoffLimit) {
    const message = 'Job has reached the specified backoff limit'
    return { type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded', message }
  }
  const started = Date.parse(job.status?.startTime ?? '')
  if (activeDeadlineSeconds !== undefined && nowMs - started >= activeDeadlineSeconds * 1000) {
    const message = 'Job was active longer than specified deadline'
    return { type: 'Failed', status: 'True', reason: 'DeadlineExceeded', message }
  }
  return undefined
}

/** Makes or deletes pods; returns how long to wait before the next one may be made after a failure. */
async function resize(parts: Parts, job: Job, pods: readonly Pod[], nowMs: number): Promise<number | undefined> {
  const { parallelism = 1, completions, suspend } = job.spec ?? {}
  const active = pods.filter(isActive)
  const done = succeeded(pods)
  let wanted = parallelism
  if (completions !== undefined) wanted = Math.min(parallelism, completions - done)
  else if (done > 0) wanted = active.length
  if (suspend === true) wanted = 0
  for (const pod of active.slice(Math.max(0, wanted))) await parts.writer.delete(job, pod)
  const missing = wanted - active.length
  if (missing <= 0) return undefined
  const failures = failed(pods)
  if (failures.length > 0) {
    const last = Math.max(...failures.map((pod) => endOf(pod)))
    const pause = Math.min(longestBackoffMs, firstBackoffMs * 2 ** (failures.length - 1))
    if (last + pause > nowMs) return last + pause - nowMs
  }
  for (let i = 0; i < missing; i++) if (!(await parts.writer.create(job, newPod(job)))) return undefined
  return undefined
}

/** When a pod failed, as far as it tells. */
function endOf(pod: Pod): number {
  const ended = (pod.status?.containerStatuses ?? []).flatMap((status) => {
    const { state } = status as { state?: { terminated?: { finishedAt?: string } } }
    return Date.parse(state?.terminated?.finishedAt ?? '') || []
  })
  return Math.max(Date.parse(pod.metadata.creationTimestamp ?? '') || 0, ...ended)
}

function newPod(job: Job): Pod {
  const template = job.spec?.template ?? { spec: { containers: [] } }
  const pod = podFrom(template, job)
  const { name, uid = '' } = job.metadata
  pod.metadata.labels = {
    ...pod.metadata.labels,
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  }
  return pod
}

async function writeStatus(
  parts: Parts,
  job: Job,
  pods: readonly Pod[],
  outcome: Condition | undefined,
): Promise<void> {
  const { context, jobs, events } = parts
  const now = timestamp(context.now())
  const active = outcome ? [] : pods.filter(isActive)
  const counts = { active: active.length, succeeded: succeeded(pods), failed: failed(pods).length }
  const conditions: Condition[] = [
    ...(job.status?.conditions ?? []),
    ...(outcome ? [{ ...outcome, lastTransitionTime: now, lastProbeTime: now }] : []),
  ]
  const suspended = job.spec?.suspend === true
  const status: JobStatus = {
    ...job.status,
    ...counts,
    ready: active.filter(isReady).length,
    terminating: pods.filter((pod) => pod.metadata.deletionTimestamp !== undefined && isOngoing(pod)).length,
    ...(job.status?.startTime === undefined && !suspended ? { startTime: now } : {}),
    ...(outcome?.type === 'Complete' ? { completionTime: now } : {}),
    ...(conditions.length > 0 ? { conditions } : {}),
  }
  for (const key of ['active', 'succeeded', 'failed'] as const) if (status[key] === 0) delete status[key]
  if (equalJson(status, job.status)) return
  jobs.put(await context.api.update<Job>(resources.jobs, { ...job, status }, 'status'))
  if (outcome?.type === 'Complete') events.record(job, 'Normal', 'Completed', 'Job completed')
  else if (outcome) events.record(job, 'Warning', outcome.reason ?? '', outcome.message ?? '')
}

function isOngoing(pod: Pod): boolean {
  return pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed'
}

function finishedAt(job: Job): number | undefined {
  const condition = job.status?.conditions?.find(
    (c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True',
  )
  return condition && Date.parse(condition.lastTransitionTime ?? '')
}

async function expire(parts: Parts, job: Job, nowMs: number): Promise<{ againAfterMs: number } | undefined> {
  const ttlSeconds = job.spec?.ttlSecondsAfterFinished
  if (ttlSeconds === undefined) return undefined
  const left = (finishedAt(job) ?? 0) + ttlSeconds * 1000 - nowMs
  if (left > 0) return { againAfterMs: left }
  await parts.context.api.delete(resources.jobs, job.metadata, { propagationPolicy: 'Foreground' })
  return undefined
}
