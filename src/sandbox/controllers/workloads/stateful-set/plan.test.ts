import { describe, expect, test } from 'vitest'
import type { Pod, StatefulSet } from '../../kinds.ts'
import { planSteps, type Step } from './plan.ts'

function set(replicas: number, spec: object = {}): StatefulSet {
  const template = { spec: { containers: [] } }
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db' },
    spec: { replicas, selector: {}, template, ...spec },
  }
}

function pod(
  ordinal: number,
  extra: { ready?: boolean; revision?: string; leaving?: boolean; phase?: string } = {},
): Pod {
  const { ready = true, revision = 'new', leaving = false, phase = 'Running' } = extra
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `db-${ordinal}`,
      labels: { 'controller-revision-hash': revision },
      ...(leaving ? { deletionTimestamp: '2024-01-01T00:00:00Z' } : {}),
    },
    status: { phase, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  }
}

function plan(wanted: StatefulSet, pods: Pod[]): string[] {
  const say = (step: Step): string =>
    step.do === 'create' ? `create ${step.ordinal} ${step.revision}` : `delete ${step.pod.metadata.name}`
  return planSteps({ set: wanted, pods, current: 'old', update: 'new', nowMs: 0 }).map(say)
}

describe('a StatefulSet', () => {
  test('makes pods one after the other, each when the one before is ready', () => {
    expect(plan(set(3), [])).toEqual(['create 0 new'])
    expect(plan(set(3), [pod(0, { ready: false })])).toEqual([])
    expect(plan(set(3), [pod(0)])).toEqual(['create 1 new'])
  })

  test('makes all at once if told so', () => {
    expect(plan(set(2, { podManagementPolicy: 'Parallel' }), [])).toEqual(['create 0 new', 'create 1 new'])
  })

  test('shrinks from the highest number down, one at a time', () => {
    expect(plan(set(1), [pod(0), pod(1), pod(2)])).toEqual(['delete db-2'])
    expect(plan(set(1), [pod(0), pod(1), pod(2, { leaving: true })])).toEqual([])
  })

  test('replaces old pods from the highest number down, down to the partition', () => {
    const old = { revision: 'old' }
    expect(plan(set(2), [pod(0, old), pod(1, old)])).toEqual(['delete db-1'])
    expect(plan(set(2), [pod(0, old)])).toEqual(['create 1 new'])
    expect(plan(set(2), [pod(0, old), pod(1)])).toEqual(['delete db-0'])
    const partition = { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } }
    expect(plan(set(2, partition), [pod(0, old), pod(1)])).toEqual([])
    expect(plan(set(2, partition), [pod(1)])).toEqual(['create 0 old'])
  })

  test('replaces a pod that has come to its end', () => {
    expect(plan(set(1), [pod(0, { phase: 'Failed', ready: false })])).toEqual(['delete db-0'])
  })
})
