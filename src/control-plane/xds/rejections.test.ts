import { expect, test } from 'vitest'
import { type ProxyNode, typeUrls } from '../../ads/index.ts'
import { Engine } from '../../pipeline/index.ts'
import type { ObjectRef } from '../../report/index.ts'
import { problemsOf, Rejections } from './rejections.ts'

const node = { id: 'sidecar~127.0.0.2~a.b~b.svc' } as ProxyNode
const object = (name: string): ObjectRef => ({
  cluster: 'east',
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  namespace: 'b',
  name,
})
const typeUrl = typeUrls.route
const row = (part: string, detail = 'bad header') => ({
  cluster: 'east',
  typeUrl,
  names: ['80'],
  part,
  detail,
  origin: [object(part)],
})

function setUp() {
  const engine = new Engine()
  const rejections = new Rejections(engine)
  const told = (): string[] => {
    engine.rebuild()
    return problemsOf([...rejections.table.rows.values()]).map(({ object: { name }, message }) => `${name}: ${message}`)
  }
  return { rejections, told }
}

test('what a proxy refuses as a whole is told until it accepts, and of a part until it is mended', () => {
  const { rejections, told } = setUp()
  rejections.add(node, { cluster: 'east', typeUrl, names: ['80'], detail: 'no', origin: [object('all')] })
  rejections.setParts(node, typeUrl, [row('ratings'), row('reviews', 'bad path')])
  expect(told()).toEqual([
    'all: proxies refuse the RDS resources made from it (80): no',
    'ratings: proxies refuse the RDS resources made from it (80, ratings): bad header',
    'reviews: proxies refuse the RDS resources made from it (80, reviews): bad path',
  ])
  rejections.clear(node, typeUrl)
  rejections.setParts(node, typeUrl, [row('reviews', 'bad path')])
  expect(told()).toEqual(['reviews: proxies refuse the RDS resources made from it (80, reviews): bad path'])
})

test('of a proxy that has gone nothing is told', () => {
  const { rejections, told } = setUp()
  rejections.setParts(node, typeUrl, [row('ratings')])
  rejections.forget(node)
  expect(told()).toEqual([])
})
