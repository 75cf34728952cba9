import { type JsonObject, listAt, numberAt, objectAt, objectsAt, textAt } from '../json.ts'
import type { TablePrinter } from '../resource.ts'
import { age } from './age.ts'
import { ageOf, orNone, table } from './columns.ts'

interface Summary {
  readonly ready: number
  readonly total: number
  readonly reason: string
  readonly restarts: number
  readonly lastRestart: string
}

function endedReason(state: JsonObject | undefined): string {
  const terminated = objectAt(state, 'terminated')
  const reason = textAt(terminated, 'reason')
  if (reason) return reason
  const signal = numberAt(terminated, 'signal') ?? 0
  return signal !== 0 ? `Signal:${signal}` : `ExitCode:${numberAt(terminated, 'exitCode') ?? 0}`
}

const isSidecar = (container: JsonObject | undefined): boolean => textAt(container, 'restartPolicy') === 'Always'

/** What the init containers wait for; undefined once they are all done. */
function initReason(pod: JsonObject): string | undefined {
  const inits = objectsAt(pod, 'spec', 'initContainers')
  const statuses = objectsAt(pod, 'status', 'initContainerStatuses')
  for (const [i, status] of statuses.entries()) {
    const state = objectAt(status, 'state')
    const spec = inits.find((c) => textAt(c, 'name') === textAt(status, 'name'))
    if (objectAt(state, 'terminated') && (numberAt(state, 'terminated', 'exitCode') ?? 0) === 0) continue
    if (isSidecar(spec) && status['started'] === true) continue
    if (objectAt(state, 'terminated')) return `Init:${endedReason(state)}`
    const waiting = textAt(state, 'waiting', 'reason')
    if (waiting && waiting !== 'PodInitializing') return `Init:${waiting}`
    return `Init:${i}/${inits.length}`
  }
  return undefined
}

function summarise(pod: JsonObject): Summary {
  const containers = objectsAt(pod, 'spec', 'containers')
  const sidecars = objectsAt(pod, 'spec', 'initContainers').filter(isSidecar)
  const initStatuses = objectsAt(pod, 'status', 'initContainerStatuses')
  const sidecarStatuses = initStatuses.filter((s) => sidecars.some((c) => textAt(c, 'name') === textAt(s, 'name')))
  const total = containers.length + sidecars.length
  let reason = textAt(pod, 'status', 'reason') || textAt(pod, 'status', 'phase')
  for (const condition of objectsAt(pod, 'status', 'conditions')) {
    if (textAt(condition, 'type') === 'PodScheduled' && textAt(condition, 'reason') === 'SchedulingGated')
      reason = 'SchedulingGated'
  }
  const count = (statuses: readonly JsonObject[]): number =>
    statuses.reduce((n, s) => n + (numberAt(s, 'restartCount') ?? 0), 0)
  const last = (statuses: readonly JsonObject[]): string =>
    statuses
      .map((s) => textAt(s, 'lastState', 'terminated', 'finishedAt'))
      .sort()
      .at(-1) ?? ''
  const waiting = initReason(pod)
  if (waiting !== undefined) {
    return { ready: 0, total, reason: waiting, restarts: count(initStatuses), lastRestart: last(initStatuses) }
  }
  const statuses = objectsAt(pod, 'status', 'containerStatuses')
  const own = containerReason(statuses, reason)
  const running = [...statuses, ...sidecarStatuses]
  const ready = running.filter((s) => s['ready'] === true && objectAt(s, 'state', 'running')).length
  if (own.running && own.reason === 'Completed') {
    const podReady = objectsAt(pod, 'status', 'conditions').some(
      (c) => textAt(c, 'type') === 'Ready' && textAt(c, 'status') === 'True',
    )
    own.reason = podReady ? 'Running' : 'NotReady'
  }
  return { ready, total, reason: own.reason, restarts: count(running), lastRestart: last(running) }
}

function containerReason(statuses: readonly JsonObject[], phase: string): { reason: string; running: boolean } {
  let reason = phase
  let running = false
  for (const status of statuses.toReversed()) {
    const state = objectAt(status, 'state')
    const waiting = textAt(state, 'waiting', 'reason')
    if (waiting) reason = waiting
    else if (objectAt(state, 'terminated')) reason = endedReason(state)
    else if (status['ready'] === true && objectAt(state, 'running')) running = true
  }
  return { reason, running }
}

function gates(pod: JsonObject): string {
  const wanted = objectsAt(pod, 'spec', 'readinessGates').map((g) => textAt(g, 'conditionType'))
  if (wanted.length === 0) return '<none>'
  const met = objectsAt(pod, 'status', 'conditions').filter(
    (c) => wanted.includes(textAt(c, 'type')) && textAt(c, 'status') === 'True',
  )
  return `${met.length}/${wanted.length}`
}

export const podTable: TablePrinter = table(
  'Ready,Status,Restarts,Age|IP,Node,Nominated Node,Readiness Gates',
  (pod) => {
    const { ready, total, reason, restarts, lastRestart } = summarise(pod)
    const deleted = textAt(pod, 'metadata', 'deletionTimestamp') !== ''
    const status = !deleted ? reason : textAt(pod, 'status', 'reason') === 'NodeLost' ? 'Unknown' : 'Terminating'
    return [
      `${ready}/${total}`,
      status,
      restarts > 0 && lastRestart ? `${restarts} (${age(lastRestart)} ago)` : String(restarts),
      ageOf(pod),
      orNone(textAt(pod, 'status', 'podIP') || textAt(listAt(pod, 'status', 'podIPs')[0], 'ip')),
      orNone(textAt(pod, 'spec', 'nodeName')),
      orNone(textAt(pod, 'status', 'nominatedNodeName')),
      gates(pod),
    ]
  },
)
