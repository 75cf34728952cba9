import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Deployment, ReplicaSet } from '../../kinds.ts'
import { sizeAnnotations } from './revisions.ts'
import { limitsOf, nextSizeOfNew, replicasOf, rescale, shrinkOld } from './rollout.ts'

function deployment(replicas: number, strategy: object = {}): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd', namespace: 'n', uid: 'd' },
    spec: { replicas, strategy, selector: { matchLabels: { app: 'd' } }, template: { spec: { containers: [] } } },
  }
}

function replicaSet(name: string, replicas: number, available = replicas, extra: object = {}): ReplicaSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name, namespace: 'n', uid: name, creationTimestamp: `2024-01-01T00:00:0${name.length}Z`, ...extra },
    spec: { replicas, selector: {}, template: { spec: { containers: [] } } },
    status: { replicas, availableReplicas: available, readyReplicas: available },
  }
}

describe('limits of a rollout', () => {
  test('percentages round surge up and unavailability down', () => {
    expect(limitsOf(deployment(3))).toEqual({ maxSurge: 1, maxUnavailable: 0 })
    expect(limitsOf(deployment(10))).toEqual({ maxSurge: 3, maxUnavailable: 2 })
  })

  test('both 0 would never end, so one pod may be missing', () => {
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: '10%' } }
    expect(limitsOf(deployment(3, strategy))).toEqual({ maxSurge: 0, maxUnavailable: 1 })
  })
})

describe('a rolling update', () => {
  test('grows the new replica set by the surge, and shrinks the old one only when new pods are available', () => {
    const d = deployment(3)
    const old = replicaSet('a', 3)
    expect(nextSizeOfNew(d, undefined, [old])).toBe(1)
    expect(shrinkOld(d, replicaSet('bb', 1, 0), [old])).toEqual([])
    expect(shrinkOld(d, replicaSet('bb', 1, 1), [old])).toEqual([{ replicaSet: old, replicas: 2 }])
  })

  test('takes pods that are broken anyway first', () => {
    const broken = replicaSet('a', 2, 0)
    const good = replicaSet('bb', 3)
    expect(shrinkOld(deployment(3), replicaSet('ccc', 1, 0), [broken, good])).toEqual([
      { replicaSet: broken, replicas: 0 },
    ])
  })

  test('never goes beyond its limits, and ends', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 0, max: 5 }),
        fc.integer({ min: 0, max: 5 }),
        (replicas, maxSurge, maxUnavailable) => {
          const d = deployment(replicas, { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } })
          const limits = limitsOf(d)
          let [old, fresh] = [replicaSet('a', replicas), replicaSet('bb', 0)]
          for (let round = 0; round < 200 && replicasOf(old) + replicas > replicasOf(fresh); round++) {
            fresh = replicaSet('bb', nextSizeOfNew(d, fresh, [old, fresh]), fresh.status?.availableReplicas ?? 0)
            const [scale] = shrinkOld(d, fresh, [old])
            if (scale) old = replicaSet('a', scale.replicas)
            expect(replicasOf(old) + replicasOf(fresh)).toBeLessThanOrEqual(replicas + limits.maxSurge)
            const available = (old.status?.availableReplicas ?? 0) + (fresh.status?.availableReplicas ?? 0)
            expect(available).toBeGreaterThanOrEqual(replicas - limits.maxUnavailable)
            fresh = replicaSet('bb', replicasOf(fresh))
          }
          expect([replicasOf(old), replicasOf(fresh)]).toEqual([0, replicas])
        },
      ),
    )
  })
})

describe('a change of the wanted number', () => {
  test('scales the only replica set in use', () => {
    const only = replicaSet('a', 3)
    expect(rescale(deployment(5), only, [only])).toEqual([{ replicaSet: only, replicas: 5 }])
  })

  test('in the middle of a rollout is shared out in proportion', () => {
    const d = deployment(20, { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 2 } })
    const annotations = sizeAnnotations(10, 10)
    const [old, fresh] = [replicaSet('a', 8, 8, { annotations }), replicaSet('bb', 2, 2, { annotations })]
    const sizes = rescale(d, fresh, [old, fresh]).map((s) => [s.replicaSet.metadata.name, s.replicas])
    expect(sizes).toEqual([
      ['a', 16],
      ['bb', 4],
    ])
  })
})
