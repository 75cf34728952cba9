// Objects that others leave without effect, which Istio says to nobody.
import { describe, expect, it } from 'vitest'
import { snapshotOf, staticWorld } from '../../discovery/index.ts'
import { formatRef } from '../../report/index.ts'
import { groupKind, type KubeObject } from '../../resources/index.ts'
import { conflictProblems } from './index.ts'

const istio = (kind: string, place: string, day: number, spec: object): KubeObject => {
  const [namespace = '', name = ''] = place.split('/')
  const creationTimestamp = `2026-01-0${day}T00:00:00Z`
  return {
    apiVersion: 'networking.istio.io/v1',
    kind,
    metadata: { namespace, name, creationTimestamp },
    spec,
  } as KubeObject
}

const host = 'reviews.shop.svc.cluster.local'
const to = [{ destination: { host } }]
const routes = (place: string, day: number, more: object = {}): KubeObject =>
  istio('VirtualService', place, day, { hosts: [host], http: [{ route: to }], ...more })
const rule = (place: string, day: number, more: object): KubeObject =>
  istio('DestinationRule', place, day, { host, ...more })
const balanced = { trafficPolicy: { loadBalancer: { simple: 'RANDOM' } } }

/** `Kind namespace/name (cluster) path` of each problem. */
function conflicts(...clusters: KubeObject[][]): string[] {
  const names = ['east', 'west']
  const snapshot = snapshotOf(new Map(clusters.map((objects, at) => [names[at] ?? '', objects])), groupKind)
  return staticWorld(snapshot, { primary: 'east' })
    .get(conflictProblems, undefined)
    .map(({ object, path }) => `${formatRef(object)} ${path}`)
}

describe('VirtualServices for one host', () => {
  it.each([
    ['the older counts', [routes('shop/b', 1), routes('shop/a', 2)], ['a']],
    ['each of the later ones is told', [routes('shop/a', 1), routes('shop/b', 2), routes('x/c', 3)], ['b', 'x/c']],
    ['another host', [routes('shop/a', 1), routes('shop/b', 2, { hosts: ['ratings'] })], []],
    ['gateways merge them', [routes('shop/a', 1, { gateways: ['g'] }), routes('shop/b', 2, { gateways: ['g'] })], []],
    ['one of the namespace itself stands before', [routes('shop/a', 1), routes('shop/b', 2, { exportTo: ['.'] })], []],
    [
      'and of those the older',
      [routes('shop/a', 1, { exportTo: ['.'] }), routes('shop/b', 2, { exportTo: ['.'] })],
      ['b'],
    ],
    ['for other namespaces', [routes('shop/a', 1, { exportTo: ['x'] }), routes('shop/b', 2)], []],
    [
      'some callers are not meant by the older',
      [routes('shop/a', 1, { http: [{ match: [{ sourceLabels: { app: 'x' } }], route: to }] }), routes('shop/b', 2)],
      [],
    ],
  ])('%s', (_, objects, told) => {
    expect(conflicts(objects)).toEqual(
      told.map((name) => `VirtualService ${name.includes('/') ? name : `shop/${name}`} (east) spec.hosts[0]`),
    )
  })
})

describe('DestinationRules for one host', () => {
  it('unite subsets, and the older has the settings', () => {
    const a = rule('shop/a', 1, { ...balanced, subsets: [{ name: 'v1' }] })
    const b = rule('shop/b', 2, { ...balanced, subsets: [{ name: 'v2' }, { name: 'v1' }] })
    expect(conflicts([a, b])).toEqual([
      'DestinationRule shop/b (east) spec.trafficPolicy',
      'DestinationRule shop/b (east) spec.subsets[1]',
    ])
    expect(conflicts([a, rule('shop/b', 2, { subsets: [{ name: 'v2' }] })])).toEqual([])
  })

  it('of the root namespace are not asked where the namespace of the service has one for everybody', () => {
    const common = rule('istio-system/all', 1, balanced)
    expect(conflicts([common, rule('shop/own', 2, balanced)])).toEqual([
      'DestinationRule istio-system/all (east) spec.host',
    ])
    expect(conflicts([common, rule('shop/own', 2, { ...balanced, exportTo: ['.'] })])).toEqual([])
    expect(conflicts([common, rule('x/own', 2, balanced)])).toEqual([])
    expect(conflicts([rule('istio-system/all', 1, { host: '*.local' }), rule('shop/own', 2, balanced)])).toEqual([])
  })
})

describe('a Service that clusters have differently', () => {
  const service = (port: object): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'shop', name: 'reviews' },
    spec: { clusterIP: '10.0.0.1', ports: [port] },
  })
  const here = service({ name: 'http', port: 80 })

  it.each([
    ['the same', { name: 'http', port: 80 }, []],
    ['another name', { name: 'web', port: 80 }, ['spec.ports[0].name']],
    ['another number', { name: 'http', port: 81 }, ['spec.ports[0].port']],
    ['another protocol', { name: 'http', port: 80, appProtocol: 'tcp' }, ['spec.ports[0]']],
  ])('%s', (_, port, told) => {
    expect(conflicts([here], [service(port)])).toEqual(told.map((path) => `Service shop/reviews (west) ${path}`))
  })
})
