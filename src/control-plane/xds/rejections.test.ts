import { expect, test } from 'vitest'
import { type ProxyNode, typeUrls } from '../../ads/index.ts'
import { Engine } from '../../pipeline/index.ts'
import type { ObjectRef } from '../../report/index.ts'
import { problemsOf, Rejections } from './rejections.ts'
import { XdsResource } from './xds-resource.ts'

const node = { id: 'sidecar~127.0.0.2~a.b~b.svc' } as ProxyNode
const object = (name: string): ObjectRef => ({
  cluster: 'east',
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  namespace: 'b',
  name,
})

/** A route configuration of virtual hosts, given by name and version. */
function routes(hosts: Readonly<Record<string, string>>): XdsResource {
  const parts = Object.entries(hosts).map(([name, version]) => ({ version: name + version, origin: [object(name)] }))
  const version = parts.map((part) => part.version).join()
  const groups = [{ bytes: new Uint8Array(), versions: version, parts }]
  return new XdsResource(typeUrls.route, '80', { pieces: [], version, groups, origin: [] })
}

function setUp() {
  const engine = new Engine()
  const rejections = new Rejections(engine)
  const refuse = (resource: XdsResource, before: XdsResource | undefined, detail = 'bad header'): string[] => {
    rejections.add(node, { cluster: 'east', typeUrl: typeUrls.route, names: ['80'], detail }, [{ resource, before }])
    engine.rebuild()
    return problemsOf([...rejections.table.rows.values()]).map((problem) => problem.object.name)
  }
  return { rejections, refuse }
}

const good = routes({ ratings: '1', reviews: '1', details: '1' })

test('only what the proxy does not have already is blamed', () => {
  const { refuse } = setUp()
  expect(refuse(routes({ ratings: 'bad', reviews: '1', details: '1' }), good)).toEqual(['ratings'])
})

test('a neighbour that changes later is not blamed for what was wrong before', () => {
  const { refuse } = setUp()
  refuse(routes({ ratings: 'bad', reviews: '1', details: '1' }), good)
  expect(refuse(routes({ ratings: 'bad', reviews: '2', details: '1' }), good)).toEqual(['ratings'])
})

test('whoever changes is blamed once the first fault is mended, or another one is told', () => {
  const { refuse } = setUp()
  refuse(routes({ ratings: 'bad', reviews: '1', details: '1' }), good)
  expect(refuse(routes({ ratings: '1', reviews: 'bad', details: '1' }), good)).toEqual(['reviews'])
  expect(refuse(routes({ ratings: '1', reviews: 'bad', details: 'bad' }), good, 'bad path')).toEqual([
    'reviews',
    'details',
  ])
})

test('a proxy that has nothing yet blames all', () => {
  const { refuse } = setUp()
  expect(refuse(good, undefined)).toEqual(['ratings', 'reviews', 'details'])
})
