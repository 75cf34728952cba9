import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allServices, endpointsOfService, staticWorld, textQuery, worldQuery } from '../../discovery/index.ts'
import { Engine } from '../../pipeline/index.ts'
import { groupKind, type KubeObject, objectKey, type Snapshot } from '../../resources/index.ts'
import { ObjectTables } from './object-tables.ts'
import { TrackedWorlds } from './tracked-world.ts'

const service = (name: string, port: number): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default' },
  spec: { clusterIP: '10.0.0.1', selector: { app: name }, ports: [{ name: 'http', port }] },
})

const slice = (name: string, addresses: readonly string[]): KubeObject =>
  ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080 }],
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
  }) as KubeObject

const namespace = (team: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'default', labels: { team } },
})

/** Settings of the mesh that look at namespaces of one team only, or at all. */
const settings = (team: string): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'istio', namespace: 'istio-system' },
    data: { mesh: team === '' ? '{}' : `discoverySelectors: [{matchLabels: {team: ${team}}}]` },
  }) as KubeObject

/** What is asked of a world in this test: everything about all services. */
const everything = worldQuery('test/everything', (world) =>
  world.get(allServices, undefined).map((s) => [s, world.get(endpointsOfService, s)]),
)

interface Step {
  readonly cluster: 'east' | 'west'
  readonly name: string
  readonly port: number
  readonly addresses: readonly string[]
  readonly gone: boolean
  /** Of the namespace of that cluster. */
  readonly team: string
  /** What that cluster's mesh looks at. */
  readonly lookedAt: string
}

const step: fc.Arbitrary<Step> = fc.record({
  cluster: fc.constantFrom('east' as const, 'west' as const),
  name: fc.constantFrom('a', 'b', 'c'),
  port: fc.constantFrom(80, 81),
  addresses: fc.subarray(['10.0.0.1', '10.0.0.2', '10.0.0.3']),
  gone: fc.boolean(),
  team: fc.constantFrom('a', 'b'),
  lookedAt: fc.constantFrom('', '', 'a'),
})

describe('tracked worlds', () => {
  it('say after every change what a world from scratch says', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const engine = new Engine()
        const tables = new ObjectTables(engine)
        const worlds = new TrackedWorlds(tables)
        const answer = engine.define('answer', (read, primary: string) =>
          worlds.world(read, primary).get(everything, undefined),
        )
        const observer = engine.observe(() => undefined)
        for (const primary of ['east', 'west']) {
          const joined = primary === 'east' ? ['west'] : []
          tables.facts.set(primary, { joined, staleSince: undefined })
        }
        engine.rebuild()
        for (const primary of ['east', 'west']) observer.watch(answer, primary)
        const objects = new Map<string, Map<string, Map<string, KubeObject>>>()
        for (const { cluster, name, port, addresses, gone, team, lookedAt } of steps) {
          for (const object of [service(name, port), slice(name, addresses), namespace(team), settings(lookedAt)]) {
            const kinds = objects.get(cluster) ?? new Map<string, Map<string, KubeObject>>()
            objects.set(cluster, kinds)
            const ofKind = kinds.get(groupKind(object)) ?? new Map<string, KubeObject>()
            kinds.set(groupKind(object), ofKind)
            if (gone) ofKind.delete(objectKey(object))
            else ofKind.set(objectKey(object), object)
            if (gone) tables.delete(cluster, groupKind(object), objectKey(object))
            else tables.set(cluster, groupKind(object), objectKey(object), object)
          }
          engine.rebuild()
          const snapshot: Snapshot = {
            clusters: new Map([...objects].map(([name, kinds]) => [name, { name, objects: kinds }])),
          }
          for (const primary of ['east', 'west']) {
            const clusters = primary === 'east' ? ['east', 'west'] : ['west']
            const scratch = staticWorld(snapshot, { primary, clusters }).get(everything, undefined)
            expect(engine.get(answer, primary)).toEqual(scratch)
          }
        }
      }),
      { numRuns: 60 },
    )
  })

  it('compute again only what a change touches, and share what is equal in every world', () => {
    const engine = new Engine()
    const tables = new ObjectTables(engine)
    const worlds = new TrackedWorlds(tables)
    let runs = 0
    const port = textQuery(
      'test/port',
      (world, key) => {
        runs++
        return world.object('east', '/Service', key)?.spec
      },
      { anyWorld: true },
    )
    const answer = engine.define('answer', (read, { primary, key }: { primary: string; key: string }) =>
      worlds.world(read, primary).get(port, key),
    )
    const observer = engine.observe(() => undefined)
    tables.set('east', '/Service', 'default/a', service('a', 80))
    tables.set('east', '/Service', 'default/b', service('b', 80))
    engine.rebuild()
    for (const primary of ['east', 'west']) {
      for (const key of ['default/a', 'default/b']) observer.watch(answer, { primary, key })
    }
    expect(runs).toBe(2)
    tables.set('east', '/Service', 'default/a', service('a', 81))
    engine.rebuild()
    expect(runs).toBe(3)
    tables.forget('east')
    engine.rebuild()
    expect(engine.get(answer, { primary: 'west', key: 'default/a' })).toBeUndefined()
  })
})
