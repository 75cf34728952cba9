import { describe, expect, test } from 'vitest'
import { type PodView, podStatus } from './pod-status.ts'
import type { ContainerState, ContainerStatus, Pod, PodSpec } from './types.ts'

const now = '2030-01-01T00:00:10Z'
const running: ContainerState = { running: { startedAt: '2030-01-01T00:00:05Z' } }
const ended = (exitCode: number): ContainerState => ({ terminated: { exitCode } })
const waiting: ContainerState = { waiting: { reason: 'ContainerCreating' } }

function container(state: ContainerState, more: Partial<ContainerStatus> = {}): ContainerStatus {
  return { name: 'main', state, lastState: {}, ready: false, restartCount: 0, image: 'a', imageID: '', ...more }
}

function statusOf(view: Partial<PodView>, spec: Partial<PodSpec> = {}, before?: Pod['status']) {
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a' },
    spec: { containers: [{ name: 'main' }], ...spec },
  }
  const whole: PodView = {
    hostIP: '127.16.0.1',
    podIP: '127.16.1.1',
    startTime: '2030-01-01T00:00:00Z',
    init: [],
    initialized: true,
    main: [container(running, { ready: true })],
    proxy: undefined,
    failure: undefined,
    ...view,
  }
  return podStatus(pod, whole, before, now)
}

const condition = (status: ReturnType<typeof statusOf>, type: string) => status.conditions?.find((c) => c.type === type)

describe('phase', () => {
  test.each([
    ['nothing started', { main: [container(waiting)] }, {}, 'Pending'],
    [
      'init containers are at work',
      { initialized: false, init: [container(running)], main: [container(waiting)] },
      {},
      'Pending',
    ],
    [
      'an init container failed for good',
      { initialized: false, init: [container(ended(1))], main: [] },
      { restartPolicy: 'Never' },
      'Failed',
    ],
    ['running', {}, {}, 'Running'],
    ['between two starts', { main: [container(waiting, { lastState: ended(1) })] }, {}, 'Running'],
    ['ended, to be started again', { main: [container(ended(0))] }, { restartPolicy: 'Always' }, 'Running'],
    ['ended well', { main: [container(ended(0))] }, { restartPolicy: 'OnFailure' }, 'Succeeded'],
    ['ended badly', { main: [container(ended(1))] }, { restartPolicy: 'Never' }, 'Failed'],
    ['one of two ended', { main: [container(ended(0)), container(running)] }, { restartPolicy: 'Never' }, 'Running'],
    ['gave up', { failure: { reason: 'DeadlineExceeded', message: 'm' } }, {}, 'Failed'],
  ] as const)('%s', (_what, view, spec, phase) => expect(statusOf(view, spec as Partial<PodSpec>).phase).toBe(phase))
})

describe('readiness', () => {
  test('needs every container, and the proxy', () => {
    expect(condition(statusOf({}), 'Ready')?.status).toBe('True')
    const proxy = container(running, { name: 'istio-proxy' })
    expect(condition(statusOf({ proxy }), 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [istio-proxy]',
    })
    expect(condition(statusOf({ proxy: { ...proxy, ready: true } }), 'Ready')?.status).toBe('True')
  })
  test('needs the gates that others hold', () => {
    const gates = { readinessGates: [{ conditionType: 'example.com/gate' }] }
    expect(condition(statusOf({}, gates), 'Ready')?.reason).toBe('ReadinessGatesNotReady')
    expect(condition(statusOf({}, gates), 'ContainersReady')?.status).toBe('True')
    const open = { conditions: [{ type: 'example.com/gate', status: 'True' as const }] }
    const status = statusOf({}, gates, open)
    expect(condition(status, 'Ready')?.status).toBe('True')
    expect(condition(status, 'example.com/gate')).toEqual({ type: 'example.com/gate', status: 'True' })
  })
  test('keeps the time of the last change', () => {
    const earlier = '2030-01-01T00:00:01Z'
    const before = { conditions: [{ type: 'Ready', status: 'True' as const, lastTransitionTime: earlier }] }
    expect(condition(statusOf({}, {}, before), 'Ready')?.lastTransitionTime).toBe(earlier)
    expect(condition(statusOf({ main: [container(running)] }, {}, before), 'Ready')?.lastTransitionTime).toBe(now)
  })
})

test('a proxy shows among the ephemeral containers, if the pod spec has it there', () => {
  const proxy = container(running, { name: 'istio-proxy', ready: true })
  expect(statusOf({ proxy }).ephemeralContainerStatuses).toBeUndefined()
  expect(statusOf({ proxy }, { ephemeralContainers: [{ name: 'istio-proxy' }] }).ephemeralContainerStatuses).toEqual([
    proxy,
  ])
})
