import { expect, test } from 'vitest'
import type { KubeObject } from '../resources/index.ts'
import { EndpointGuard, type Held } from './endpoint-guard.ts'

const podNames = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, at) => `p${from + at}`)

const slice = (name: string, pods: readonly string[]): KubeObject =>
  ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'ns' },
    endpoints: pods.map((pod) => ({ conditions: { ready: true }, targetRef: { kind: 'Pod', name: pod } })),
  }) as KubeObject

function setup() {
  let ms = 0
  const timers: (() => void)[] = []
  const shown = new Map<string, KubeObject>()
  const pods = new Map<string, KubeObject>()
  const reports: (Held | undefined)[] = []
  const guard = new EndpointGuard({
    sink: { set: (key, object) => shown.set(key, object), delete: (key) => shown.delete(key) },
    pod: (key) => pods.get(key),
    changed: (held) => reports.push(held),
    now: () => ms,
    after: (_, run) => {
      timers.push(run)
      return () => timers.splice(timers.indexOf(run), 1)
    },
  })
  const run = (...names: string[]): void => {
    for (const name of names)
      pods.set(`ns/${name}`, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: 'ns' },
        status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
      })
  }
  const count = (): number =>
    [...shown.values()].reduce((sum, s) => sum + ((s as { endpoints?: unknown[] }).endpoints?.length ?? 0), 0)
  run(...podNames(0, 40))
  guard.replace(
    new Map([
      ['ns/a', slice('a', podNames(0, 10))],
      ['ns/b', slice('b', podNames(10, 40))],
    ]),
  )
  ms += 60_000
  return { guard, pods, shown, reports, timers, run, count, wait: (by: number) => (ms += by) }
}

test('a list that lacks most endpoints, though their pods run, is held back; what is new is added', () => {
  const { guard, reports, count, shown } = setup()
  guard.replace(new Map([['ns/a', slice('a', podNames(0, 10))]]))
  expect([count(), reports.at(-1)]).toEqual([40, { lost: 30, of: 40 }])
  guard.set('ns/c', slice('c', ['new']))
  expect([...shown.keys()].sort()).toEqual(['ns/a', 'ns/b', 'ns/c'])
  guard.set('ns/b', slice('b', podNames(10, 35)))
  expect([count(), guard.held]).toEqual([36, undefined])
})

test('a loss that goes on slice by slice is held back, and what it took is put back', () => {
  const { guard, count, shown } = setup()
  guard.set('ns/b', slice('b', podNames(10, 30)))
  expect(count()).toBe(30)
  guard.set('ns/b', slice('b', podNames(10, 15)))
  expect([count(), guard.held]).toEqual([40, { lost: 25, of: 40 }])
  guard.accept()
  expect([count(), shown.size, guard.held]).toEqual([15, 2, undefined])
})

test('a loss that the pods explain is believed: deleted, being deleted, not ready', () => {
  const { guard, pods, count, reports } = setup()
  for (const name of podNames(10, 40)) pods.delete(`ns/${name}`)
  guard.delete('ns/b')
  expect([count(), reports]).toEqual([10, []])
})

test('pods that are missing from a list explain nothing', () => {
  const { guard, pods, count } = setup()
  const before = new Set(pods.keys())
  pods.clear()
  guard.podsListed(before, pods)
  guard.replace(new Map())
  expect([count(), guard.held]).toEqual([40, { lost: 40, of: 40 }])
})

test('a list after a long absence is believed; later losses are judged against it', () => {
  const { guard, count } = setup()
  guard.adopt(new Map([['ns/b', slice('b', podNames(10, 40))]]))
  expect([count(), guard.held]).toEqual([30, undefined])
  guard.adopt(new Map())
  expect(count()).toBe(0)
})

test('endpoints without pods are explained by nothing', () => {
  const { guard, count } = setup()
  const bare = (length: number): KubeObject =>
    ({ ...slice('x', []), endpoints: Array.from({ length }, () => ({})) }) as KubeObject
  guard.set('ns/x', bare(100))
  guard.set('ns/x', bare(10))
  expect([count(), guard.held]).toEqual([140, { lost: 90, of: 140 }])
})

test('small losses, and slow ones, are believed', () => {
  const { guard, count, wait } = setup()
  guard.delete('ns/a')
  expect(count()).toBe(30)
  wait(10_000)
  guard.set('ns/b', slice('b', podNames(10, 28)))
  expect([count(), guard.held]).toEqual([18, undefined])
})

test('after a while the source is believed', () => {
  const { guard, count, timers } = setup()
  guard.replace(new Map())
  expect(count()).toBe(40)
  timers[0]?.()
  expect([count(), guard.held]).toEqual([0, undefined])
})
