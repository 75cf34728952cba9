// What a pod's status says, from the states of its containers. Pure.
import type { ContainerStatus, Pod, PodCondition, PodStatus } from './types.ts'

/** A pod as its kubelet sees it. */
export interface PodView {
  readonly hostIP: string
  /** Undefined before it has one. */
  readonly podIP: string | undefined
  readonly startTime: string
  readonly init: readonly ContainerStatus[]
  readonly initialized: boolean
  readonly main: readonly ContainerStatus[]
  /** A proxy that is not among the pod's containers. */
  readonly proxy: ContainerStatus | undefined
  /** Set when the pod has come to its end for a reason of its own. */
  readonly failure: { readonly reason: string; readonly message: string } | undefined
}

/** The status to write; `before` is what is there, of which times and others' conditions are kept. */
export function podStatus(pod: Pod, view: PodView, before: PodStatus | undefined, now: string): PodStatus {
  const phase = view.failure ? 'Failed' : phaseOf(pod, view)
  const conditions = conditionsOf(pod, view, phase, before?.conditions ?? [], now)
  return {
    phase,
    ...view.failure,
    hostIP: view.hostIP,
    hostIPs: [{ ip: view.hostIP }],
    ...(view.podIP === undefined ? {} : { podIP: view.podIP, podIPs: [{ ip: view.podIP }] }),
    startTime: view.startTime,
    conditions,
    ...(view.init.length > 0 ? { initContainerStatuses: [...view.init] } : {}),
    containerStatuses: [...view.main],
    ...(isShown(pod, view.proxy) ? { ephemeralContainerStatuses: [view.proxy] } : {}),
  }
}

function isShown(pod: Pod, proxy: ContainerStatus | undefined): proxy is ContainerStatus {
  return proxy !== undefined && (pod.spec?.ephemeralContainers ?? []).some(({ name }) => name === proxy.name)
}

function phaseOf(pod: Pod, { main, initialized, init }: PodView): NonNullable<PodStatus['phase']> {
  const policy = pod.spec?.restartPolicy ?? 'Always'
  if (!initialized) {
    const failed = init.some((c) => c.state.terminated !== undefined && c.state.terminated.exitCode !== 0)
    return failed && policy === 'Never' ? 'Failed' : 'Pending'
  }
  const hasStarted = (c: ContainerStatus): boolean =>
    c.state.running !== undefined || c.state.terminated !== undefined || c.lastState.terminated !== undefined
  if (!main.every(hasStarted)) return 'Pending'
  const isOver = main.every((c) => c.state.terminated !== undefined)
  if (!isOver || policy === 'Always') return 'Running'
  const succeeded = main.every((c) => c.state.terminated?.exitCode === 0)
  if (succeeded) return 'Succeeded'
  return policy === 'Never' ? 'Failed' : 'Running'
}

type Verdict = Pick<PodCondition, 'type' | 'status' | 'reason' | 'message'>

const own = ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled']

function conditionsOf(
  pod: Pod,
  view: PodView,
  phase: string,
  before: readonly PodCondition[],
  now: string,
): PodCondition[] {
  const containers = readiness(view, phase)
  const yes = (type: string): Verdict => ({ type, status: 'True' })
  const notInitialized = view.init.filter((c) => !c.ready && c.state.terminated?.exitCode !== 0).map((c) => c.name)
  const verdicts: Verdict[] = [
    view.podIP === undefined
      ? { type: 'PodReadyToStartContainers', status: 'False' }
      : yes('PodReadyToStartContainers'),
    view.initialized
      ? { ...yes('Initialized'), ...(phase === 'Succeeded' ? { reason: 'PodCompleted' } : {}) }
      : no(
          'Initialized',
          'ContainersNotInitialized',
          `containers with incomplete status: [${notInitialized.join(' ')}]`,
        ),
    { type: 'Ready', ...gated(pod, containers, before) },
    { type: 'ContainersReady', ...containers },
    yes('PodScheduled'),
  ]
  const mine = verdicts.map((verdict): PodCondition => {
    const known = before.find((condition) => condition.type === verdict.type)
    const since = known?.status === verdict.status ? known.lastTransitionTime : now
    return { ...verdict, lastProbeTime: null, lastTransitionTime: since ?? now }
  })
  return [...mine, ...before.filter((condition) => !own.includes(condition.type))]
}

function readiness(view: PodView, phase: string): Omit<Verdict, 'type'> {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' }
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' }
  const proxy = view.proxy && !view.proxy.ready ? [view.proxy.name] : []
  const unready = [...view.main.filter((c) => !c.ready).map((c) => c.name), ...proxy]
  if (unready.length === 0 && view.initialized) return { status: 'True' }
  const message = `containers with unready status: [${unready.join(' ')}]`
  return { status: 'False', reason: 'ContainersNotReady', message }
}

/** A pod with readiness gates is ready only if others have said so too. */
function gated(pod: Pod, containers: Omit<Verdict, 'type'>, before: readonly PodCondition[]): Omit<Verdict, 'type'> {
  if (containers.status !== 'True') return containers
  for (const { conditionType } of pod.spec?.readinessGates ?? []) {
    const gate = before.find((condition) => condition.type === conditionType)
    if (gate?.status === 'True') continue
    const what = gate
      ? `the status of pod readiness gate "${conditionType}" is not "True", but ${gate.status}`
      : `corresponding condition of pod readiness gate "${conditionType}" does not exist.`
    return { status: 'False', reason: 'ReadinessGatesNotReady', message: what }
  }
  return containers
}

function no(type: string, reason: string, message: string): Verdict {
  return { type, status: 'False', reason, message }
}
