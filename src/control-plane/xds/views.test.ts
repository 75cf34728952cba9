import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import type { World } from '../../discovery/index.ts'
import { Engine } from '../../pipeline/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import type { Backend, Key } from './backend.ts'
import { ObjectTables } from './object-tables.ts'
import { TrackedWorlds } from './tracked-world.ts'
import { Views } from './views.ts'
import { XdsResource } from './xds-resource.ts'

const type = 'type.googleapis.com/test.Thing'

interface Group extends Key {
  readonly group: string
}

const group = (name: string): Group => ({ text: name, group: name })

const things = (world: World): { name: string; groups: string; text: string }[] =>
  world.objects('east', '/ConfigMap').map((o) => ({
    name: o.metadata.name,
    groups: o.metadata.labels?.['groups'] ?? '',
    text: o.metadata.labels?.['text'] ?? '',
  }))

/** Things are in groups; a proxy is in the groups that another object says. */
const backend: Backend<{ name: string }, Group, Key> = {
  lists: (world, proxy) => {
    const said = world.object('east', '/Secret', proxy.name)?.metadata.labels?.['groups'] ?? ''
    return said.split('').map(group)
  },
  list: (world, { group: name }) =>
    things(world)
      .filter((thing) => thing.groups.includes(name))
      .map((thing) => ({ name: thing.name, key: { text: thing.name } })),
  make: (world, { text: name }) => {
    const thing = things(world).find((t) => t.name === name)
    const patches = thing?.text === '' ? [] : [`by#${thing?.text}`]
    return (
      thing &&
      new XdsResource(type, name, { pieces: [Buffer.from(thing.text)], version: thing.text, origin: [], patches })
    )
  },
  patches: (world, proxy) =>
    (world.object('east', '/Secret', proxy.name)?.metadata.labels?.['patches'] ?? '').split(',').filter(Boolean),
}

function setUp() {
  const engine = new Engine()
  const tables = new ObjectTables(engine)
  const views = new Views(engine, new TrackedWorlds(tables), backend)
  return { engine, tables, views }
}

const object = (kind: string, name: string, labels: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, labels },
})

/** A client that believes what it is told of changes, and looks at nothing else. */
function client(views: Views<{ name: string }, Group, Key>, name: string) {
  const has = new Map<string, string>()
  const read = (names: Iterable<string>): void => {
    for (const thing of names) {
      const resource = connection.resources.includes(type, thing) ? connection.resources.get(type, thing) : undefined
      if (resource) has.set(thing, resource.version)
      else has.delete(thing)
    }
  }
  const connection = views.connect('east', { name }, (change) => read(change.get(type) ?? []))
  read(connection.resources.lists(type).flatMap(({ names }) => names))
  return { has, close: () => connection.close() }
}

type Step =
  | { readonly do: 'thing'; readonly name: string; readonly groups: string; readonly text: string }
  | { readonly do: 'gone'; readonly name: string }
  | { readonly do: 'proxy'; readonly name: string; readonly groups: string }
  | { readonly do: 'connect' | 'disconnect'; readonly name: string }

const proxies = ['p', 'q', 'r']
const groups = fc.subarray(['A', 'B', 'C']).map((list) => list.join(''))
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('thing' as const),
    name: fc.constantFrom('x', 'y', 'z'),
    groups,
    text: fc.constantFrom('1', '2'),
  }),
  fc.record({ do: fc.constant('gone' as const), name: fc.constantFrom('x', 'y', 'z') }),
  fc.record({ do: fc.constant('proxy' as const), name: fc.constantFrom(...proxies), groups }),
  fc.record({ do: fc.constantFrom('connect' as const, 'disconnect' as const), name: fc.constantFrom(...proxies) }),
)

it('tells every proxy all that changes, and watches nothing that nobody has', () => {
  fc.assert(
    fc.property(fc.array(fc.array(step, { maxLength: 3 }), { maxLength: 15 }), (rounds) => {
      const { engine, tables, views } = setUp()
      const clients = new Map<string, ReturnType<typeof client>>()
      const thingsNow = new Map<string, { groups: string; text: string }>()
      const groupsNow = new Map<string, string>()
      for (const steps of rounds) {
        const later: (() => void)[] = []
        for (const each of steps) {
          if (each.do === 'thing') {
            thingsNow.set(each.name, each)
            tables.set(
              'east',
              '/ConfigMap',
              each.name,
              object('ConfigMap', each.name, { groups: each.groups, text: each.text }),
            )
          } else if (each.do === 'gone') {
            thingsNow.delete(each.name)
            tables.delete('east', '/ConfigMap', each.name)
          } else if (each.do === 'proxy') {
            groupsNow.set(each.name, each.groups)
            tables.set('east', '/Secret', each.name, object('Secret', each.name, { groups: each.groups }))
          } else
            later.push(() => {
              clients.get(each.name)?.close()
              clients.delete(each.name)
              if (each.do === 'connect') clients.set(each.name, client(views, each.name))
            })
        }
        engine.rebuild()
        for (const connect of later) connect()
        for (const [name, { has }] of clients) {
          const mine = (groupsNow.get(name) ?? '').split('')
          const wanted = [...thingsNow]
            .filter(([, t]) => mine.some((g) => t.groups.includes(g)))
            .map(([n, t]) => [n, t.text])
          expect(Object.fromEntries(has)).toEqual(Object.fromEntries(wanted))
        }
      }
      for (const { close } of clients.values()) close()
      expect(views.size).toBe(0)
    }),
    { numRuns: 300 },
  )
})

it('makes a resource once for all proxies', () => {
  const { engine, tables, views } = setUp()
  tables.set('east', '/ConfigMap', 'x', object('ConfigMap', 'x', { groups: 'AB', text: '1' }))
  for (const [name, of] of [
    ['p', 'A'],
    ['q', 'B'],
  ] as const) {
    tables.set('east', '/Secret', name, object('Secret', name, { groups: of }))
  }
  engine.rebuild()
  const resources = ['p', 'q'].map((name) => views.connect('east', { name }, () => undefined).resources.get(type, 'x'))
  expect(resources[0]).toBeDefined()
  expect(resources[0]).toBe(resources[1])
})

it('knows which patches change nothing of any proxy', () => {
  const { engine, tables, views } = setUp()
  const paths = (): string[] => views.problems().map(({ object: { name }, path }) => `${name} ${path}`)
  const write = (patches: string): void =>
    tables.set('east', '/Secret', 'p', object('Secret', 'p', { groups: 'a', patches }))
  write('by#1,by#2')
  tables.set('east', '/ConfigMap', 'x', object('ConfigMap', 'x', { groups: 'a', text: '1' }))
  engine.rebuild()
  const connection = views.connect('east', { name: 'p' }, () => {})
  expect(paths()).toEqual(['by spec.configPatches[1]', 'by spec.configPatches[2]'])
  connection.resources.get(type, 'x')
  expect(paths()).toEqual(['by spec.configPatches[2]'])
  tables.set('east', '/ConfigMap', 'x', object('ConfigMap', 'x', { groups: 'a', text: '2' }))
  engine.rebuild()
  expect(paths()).toEqual(['by spec.configPatches[1]'])
  write('')
  engine.rebuild()
  expect(paths()).toEqual([])
  connection.close()
  expect(views.size).toBe(0)
})
