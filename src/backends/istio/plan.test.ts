import { expect, test } from 'vitest'
import { groupKind, type KubeObject, objectKey } from '../../resources/index.ts'
import { type Plan, planWrites, stamped } from './index.ts'

const object = (kind: string, name: string, spec: object = {}): KubeObject => ({
  apiVersion: 'networking.istio.io/v1beta1',
  kind,
  metadata: { name, namespace: 'ns', labels: { app: 'x' } },
  spec,
})

function plan(desired: KubeObject[], there: KubeObject[]): Plan {
  const byKey = new Map(there.map((o) => [`${groupKind(o)} ${objectKey(o)}`, o]))
  return planWrites('c', desired, { get: (kind, key) => byKey.get(`${kind} ${key}`), owned: there }, 'me')
}
const names = (objects: readonly KubeObject[]): string[] => objects.map((o) => `${o.kind} ${o.metadata.name}`)

test('writes what is missing or differs, removes what is not wanted, in an order that breaks no route', () => {
  const wanted = [object('VirtualService', 'a'), object('DestinationRule', 'a'), object('ServiceEntry', 'a')]
  const first = plan(wanted, [])
  expect(names(first.apply)).toEqual(['ServiceEntry a', 'DestinationRule a', 'VirtualService a'])
  expect(plan(wanted, [...first.apply])).toEqual({ apply: [], shrink: [], remove: [], problems: [] })
  expect(names(plan([], [...first.apply]).remove)).toEqual(['VirtualService a', 'DestinationRule a', 'ServiceEntry a'])
})

test('takes subsets from a DestinationRule only after routes have changed', () => {
  const rule = (...names: string[]): KubeObject =>
    object('DestinationRule', 'a', { host: 'x', subsets: names.map((name) => ({ name, labels: { v: name } })) })
  const there = stamped(rule('v1', 'v2'), 'me')
  const subsets = ({ spec }: KubeObject | Record<string, never> = {}): string[] =>
    ((spec as { subsets: { name: string }[] } | undefined)?.subsets ?? []).map(({ name }) => name)
  const first = plan([rule('v2', 'v3')], [there])
  expect([first.apply, first.shrink].map(([one]) => subsets(one))).toEqual([
    ['v2', 'v3', 'v1'],
    ['v2', 'v3'],
  ])
  const second = plan([rule('v2', 'v3')], [...first.apply])
  expect([second.apply, second.shrink.map(subsets)]).toEqual([[], [['v2', 'v3']]])
  expect(plan([rule('v2', 'v3')], [...second.shrink])).toEqual({ apply: [], shrink: [], remove: [], problems: [] })
  expect(plan([rule('v1', 'v2', 'v3')], [there]).shrink).toEqual([])
})

test('notices changes of ours, also when a field is to vanish, and changes by others of what we wrote', () => {
  const written = stamped(object('VirtualService', 'a', { hosts: ['x'], http: [{ timeout: '5s' }] }), 'me')
  const spec = (value: object): KubeObject => ({ ...written, spec: value })
  expect(names(plan([object('VirtualService', 'a', { hosts: ['x'] })], [written]).apply)).toHaveLength(1)
  const same = object('VirtualService', 'a', { hosts: ['x'], http: [{ timeout: '5s' }] })
  expect(names(plan([same], [spec({ hosts: ['y'], http: [{ timeout: '5s' }] })]).apply)).toHaveLength(1)
  expect(names(plan([same], [spec({ hosts: ['x'], http: [{ timeout: '5s' }, {}] })]).apply)).toHaveLength(1)
  const defaulted = {
    ...written,
    apiVersion: 'networking.istio.io/v1',
    status: {},
    spec: { ...(written.spec as object), exportTo: ['*'] },
  }
  expect(plan([same], [defaulted]).apply).toEqual([])
})

test("never touches an object of a user's or of another installation, and says so", () => {
  const mine = object('VirtualService', 'a')
  const theirs = stamped(object('VirtualService', 'b'), 'other')
  const result = plan([object('VirtualService', 'a', { hosts: [] }), object('VirtualService', 'b')], [mine, theirs])
  expect([result.apply, result.remove]).toEqual([[], []])
  expect(result.problems.map((p) => [p.code, p.object.name])).toEqual([
    ['conflict', 'a'],
    ['conflict', 'b'],
  ])
  expect(plan([], [mine, theirs]).remove).toEqual([])
})

test('fields in another order, or undefined, are no change', () => {
  const written = stamped(object('ServiceEntry', 'a', { a: 1, b: { c: 2 } }), 'me')
  expect(plan([object('ServiceEntry', 'a', { b: { c: 2, d: undefined }, a: 1 })], [written]).apply).toEqual([])
})
