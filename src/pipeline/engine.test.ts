import { expect, test } from 'vitest'
import { dump, Engine, type Observed, type Read } from './index.ts'

interface Pod {
  node: string
  cpu: number
}

/** Pods on nodes, their load per node, and whether a node is hot. */
function setup() {
  const failures: string[] = []
  const engine = new Engine({ failed: (f) => failures.push(`${f.query}(${f.key}): ${(f.error as Error).message}`) })
  const pods = engine.table<Pod>('pods')
  const byNode = pods.index('node', (pod) => [pod.node])
  const load = engine.define('load', (read, node: string) => read.by(byNode, node).reduce((sum, p) => sum + p.cpu, 0))
  const hot = engine.define('hot', (read, node: string) => read.query(load, node) > 10)
  const told: Observed[][] = []
  const observer = engine.observe((changes) => told.push([...changes]))
  const names = (): string[] => told.splice(0).map((t) => t.map((c) => `${c.query.name}(${String(c.key)})`).join(' '))
  return { engine, pods, byNode, load, hot, observer, names, failures }
}

test('observers are told once per rebuild, and only of values that differ', () => {
  const { engine, pods, load, hot, observer, names } = setup()
  expect(observer.watch(hot, 'n1')).toBe(false)
  expect(observer.watch(load, 'n1')).toBe(0)
  pods.set('a', { node: 'n1', cpu: 4 })
  pods.set('b', { node: 'n1', cpu: 4 })
  expect(engine.get(load, 'n1')).toBe(0)
  const report = engine.rebuild()
  expect(names()).toEqual(['load(n1)'])
  expect(Object.fromEntries(report.recomputed)).toEqual({ load: 1, hot: 1 })
  pods.set('c', { node: 'n1', cpu: 4 })
  engine.rebuild()
  expect(names()).toEqual(['load(n1) hot(n1)'])
})

test('a change costs nothing where nothing depends on it, and stops at equal values', () => {
  const { engine, pods, load, hot, observer, names } = setup()
  for (let i = 0; i < 1000; i++) pods.set(`p${i}`, { node: `n${i}`, cpu: 1 })
  engine.rebuild()
  for (let i = 0; i < 1000; i++) observer.watch(hot, `n${i}`)
  pods.set('p7', { node: 'n7', cpu: 2 })
  pods.set('stranger', { node: 'elsewhere', cpu: 2 })
  expect(Object.fromEntries(engine.rebuild().recomputed)).toEqual({ load: 1, hot: 1 })
  pods.set('q7', { node: 'n7', cpu: 0 })
  expect(Object.fromEntries(engine.rebuild().recomputed)).toEqual({ load: 1 })
  expect(names()).toEqual([])
  expect(load.nodes.size).toBe(1000)
})

test('whole-table reads rerun on any change, key reads only when keys come or go', () => {
  const { engine, pods, byNode } = setup()
  const all = engine.define<string, number[]>('all', (read) => read.all(pods).map((p) => p.cpu))
  const keys = engine.define<string, string>('keys', (read) => read.keys(pods).join())
  const members = engine.define('members', (read, node: string) => read.keysBy(byNode, node).join())
  const one = engine.define('one', (read, key: string) => read.get(pods, key)?.cpu)
  const observer = engine.observe(() => undefined)
  for (const query of [all, keys, members, one]) observer.watch(query as typeof keys, 'n1')
  pods.set('b', { node: 'n1', cpu: 2 })
  pods.set('a', { node: 'n1', cpu: 1 })
  engine.rebuild()
  expect(engine.get(all, 'n1')).toEqual([1, 2])
  expect(engine.get(keys, 'n1')).toBe('a,b')
  pods.set('b', { node: 'n1', cpu: 3 })
  expect(Object.fromEntries(engine.rebuild().recomputed)).toEqual({ all: 1 })
  pods.set('b', { node: 'n2', cpu: 3 })
  expect(Object.fromEntries(engine.rebuild().recomputed)).toEqual({ all: 1, members: 1 })
  expect(engine.get(members, 'n1')).toBe('a')
  pods.delete('b')
  expect(Object.fromEntries(engine.rebuild().recomputed)).toEqual({ all: 1, keys: 1 })
  pods.replace(new Map([['z', { node: 'n1', cpu: 9 }]]))
  engine.rebuild()
  expect([engine.get(keys, 'n1'), engine.get(members, 'n1')]).toEqual(['z', 'z'])
})

test('what nobody uses any more is forgotten, with what only it used', () => {
  const { engine, pods, load, hot, observer } = setup()
  pods.set('a', { node: 'n1', cpu: 1 })
  engine.rebuild()
  observer.watch(hot, 'n1')
  observer.watch(hot, 'n2')
  engine.get(hot, 'n3')
  observer.unwatch(hot, 'n2')
  expect(engine.rebuild().forgotten).toBe(4)
  expect([...hot.nodes.keys(), ...load.nodes.keys()]).toEqual(['n1', 'n1'])
  observer.close()
  expect(engine.rebuild().forgotten).toBe(2)
  expect(observer.size).toBe(0)
})

test('a derived table follows its source and can be indexed by what it computed', () => {
  const { engine, pods, load } = setup()
  const zones = engine.table<string>('zones')
  const placed = engine.derive('placed', pods, (read, key, pod) => {
    const zone = read.get(zones, pod.node)
    return zone === undefined ? undefined : `${key}@${zone}`
  })
  const byZone = placed.index('zone', (text) => [text.slice(text.indexOf('@') + 1)])
  const inZone = engine.define('inZone', (read, zone: string) => read.by(byZone, zone).join())
  let told = 0
  const observer = engine.observe(() => told++)
  observer.watch(inZone, 'z1')
  pods.set('a', { node: 'n1', cpu: 1 })
  pods.set('b', { node: 'n2', cpu: 1 })
  zones.set('n1', 'z1')
  engine.rebuild()
  expect([engine.get(inZone, 'z1'), placed.size, told]).toEqual(['a@z1', 1, 1])
  zones.set('n2', 'z1')
  engine.rebuild()
  expect([engine.get(inZone, 'z1'), told, engine.dirty]).toEqual(['a@z1,b@z1', 2, false])
  pods.delete('a')
  pods.set('b', { node: 'n2', cpu: 5 })
  expect(Object.fromEntries(engine.rebuild().recomputed)).toEqual({ placed: 1, inZone: 1 })
  expect(engine.get(inZone, 'z1')).toBe('b@z1')
  const late = engine.derive('late', zones, (_read, key) => key)
  const early = engine.define<string, string>('early', (read) => read.all(late).join())
  engine.rebuild()
  expect(engine.get(early, '')).toBe('n1,n2')
  expect(engine.get(load, 'n2')).toBe(5)
})

test('a derived table must not read one made after it', () => {
  const { engine, pods, failures } = setup()
  const holder: { later?: ReturnType<typeof engine.derive<Pod, number>> } = {}
  const first = engine.derive('first', pods, (read) => (holder.later ? read.all(holder.later).length : 0))
  holder.later = engine.derive('later', pods, (_read, _key, pod) => pod.cpu)
  pods.set('a', { node: 'n1', cpu: 1 })
  engine.rebuild()
  expect(first.size).toBe(0)
  expect(failures).toEqual(['first(a): BUG: first reads a derived table that is made after the one it is computed for'])
})

test('structured keys, and a query that fails keeps its last good value', () => {
  const { engine, pods, load, observer, names, failures } = setup()
  const share = engine.define('share', (read, key: { node: string; of: number }) => {
    const value = read.query(load, key.node)
    if (value > 100) throw new Error('too much')
    return value / key.of
  })
  const above = engine.define('above', (read, node: string) => read.query(share, { node, of: 2 }) + 1)
  pods.set('a', { node: 'n1', cpu: 200 })
  engine.rebuild()
  expect(() => observer.watch(above, 'n1')).toThrow('above(n1) has failed')
  pods.set('a', { node: 'n1', cpu: 8 })
  engine.rebuild()
  expect(names()).toEqual(['above(n1)'])
  expect(engine.get(share, { node: 'n1', of: 2 })).toBe(4)
  pods.set('a', { node: 'n1', cpu: 300 })
  engine.rebuild()
  expect([engine.get(above, 'n1'), names()]).toEqual([5, []])
  pods.set('a', { node: 'n1', cpu: 10 })
  engine.rebuild()
  expect([engine.get(above, 'n1'), names()]).toEqual([6, ['above(n1)']])
  expect(failures).toEqual([
    'share({"node":"n1","of":2}): too much',
    'above(n1): share({"node":"n1","of":2}) has failed',
    'share({"node":"n1","of":2}): too much',
  ])
})

test('a query that depends on itself is reported, and heals when the circle is cut', () => {
  const { engine, pods, failures } = setup()
  const holder: { b?: ReturnType<typeof engine.define<string, number>> } = {}
  const a = engine.define('a', (read, key: string): number =>
    read.get(pods, key) === undefined && holder.b ? read.query(holder.b, key) : 1,
  )
  const b = engine.define('b', (read, key: string) => read.query(a, key) + 1)
  holder.b = b
  const observer = engine.observe(() => undefined)
  expect(() => observer.watch(b, 'x')).toThrow('b(x) has failed')
  expect(failures[0]).toContain('a query depends on itself: b(x) → a(x) → b(x)')
  pods.set('x', { node: 'n', cpu: 1 })
  engine.rebuild()
  expect(engine.get(b, 'x')).toBe(2)
})

test('reading outside of a query, or twice the same name, is refused', () => {
  const { engine, pods } = setup()
  const leak = engine.define<string, Read>('leak', (read) => read)
  const read = engine.get(leak, '')
  expect(() => read.all(pods)).toThrow('after it had returned')
  expect(() => engine.table('pods')).toThrow('made twice')
  expect(() => engine.define('leak', () => 1)).toThrow('defined twice')
})

test('one observer that throws does not keep the others from hearing', () => {
  const { engine, pods, load } = setup()
  let told = 0
  engine
    .observe(() => {
      throw new Error('mine')
    })
    .watch(load, 'n1')
  engine.observe(() => told++).watch(load, 'n1')
  pods.set('a', { node: 'n1', cpu: 1 })
  expect(() => engine.rebuild()).toThrow('mine')
  expect(told).toBe(1)
})

test('the dump shows tables, queries, their reads and the last rebuild', () => {
  const { engine, pods, hot, observer } = setup()
  observer.watch(hot, 'n1')
  pods.set('a', { node: 'n1', cpu: 11 })
  engine.rebuild()
  pods.set('b', { node: 'n1', cpu: 11 })
  const counts = { recomputed: 1, changed: 1, recomputedEver: 2, failedEver: 0 }
  expect(dump(engine, { nodes: { query: 'hot' } })).toEqual({
    tables: [{ name: 'pods', rows: 1, waiting: 1 }],
    queries: [
      { name: 'hot', values: 1, observed: 1, ...counts, reads: ['load'] },
      { name: 'load', values: 1, observed: 0, ...counts, reads: ['pods'] },
    ],
    lastRebuild: {
      number: 1,
      durationMs: 0,
      tables: { pods: 1 },
      recomputed: { hot: 1, load: 1 },
      observersTold: 1,
      forgotten: 0,
    },
    nodes: [{ query: 'hot', key: 'n1', state: 'clean', changedIn: 1, reads: ['load(n1)'], readBy: [] }],
  })
  expect(dump(engine, { nodes: { query: 'load', keyContains: '1' } }).nodes).toEqual([
    { query: 'load', key: 'n1', state: 'clean', changedIn: 1, reads: ['pods: members n1'], readBy: ['hot(n1)'] },
  ])
})

test('what only observers want that can wait is computed apart, and told once', () => {
  const { engine, pods, load, hot, names } = setup()
  const told: string[] = []
  const patient = engine.observe((changes) => told.push(...changes.map((c) => c.query.name)), { canWait: true })
  patient.watch(load, 'n1')
  pods.set('a', { node: 'n1', cpu: 1 })
  expect(engine.rebuild().recomputed.size).toBe(0)
  expect([engine.hasLater, told]).toEqual([true, []])
  expect(Object.fromEntries(engine.rebuildLater().recomputed)).toEqual({ load: 1 })
  expect([engine.hasLater, told.splice(0)]).toEqual([false, ['load']])

  // Somebody else cannot wait for what is built on it: then it is computed at once, and told later all the same.
  const eager = engine.observe(() => undefined)
  eager.watch(hot, 'n1')
  pods.set('a', { node: 'n1', cpu: 11 })
  expect(Object.fromEntries(engine.rebuild().recomputed)).toEqual({ load: 1, hot: 1 })
  expect(told).toEqual([])
  expect(engine.rebuildLater().recomputed.size).toBe(0)
  expect(told.splice(0)).toEqual(['load'])

  // Nobody wants it any more.
  pods.set('a', { node: 'n1', cpu: 12 })
  eager.close()
  engine.rebuild()
  patient.close()
  expect(engine.rebuildLater().recomputed.size).toBe(0)
  expect([load.nodes.size, names()]).toEqual([0, []])
})
