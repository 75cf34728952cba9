import { describe, expect, test } from 'vitest'
import type { KubeObject } from '../../resources/index.ts'
import { endpointsOf } from './service-network.ts'

const service = (name: string, spec: object): [string, KubeObject] => [
  `shop/${name}`,
  { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'shop' }, spec },
]

const slice = (service: string, ports: object[], endpoints: object[]): [string, KubeObject] => [
  `shop/${service}-1`,
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${service}-1`, namespace: 'shop', labels: { 'kubernetes.io/service-name': service } },
    ports,
    endpoints,
  } as KubeObject,
]

const table = {
  services: new Map([
    service('cart', {
      clusterIP: '10.96.0.7',
      ports: [
        { name: 'http', port: 80 },
        { name: 'admin', port: 90 },
      ],
    }),
    service('idle', { ports: [{ port: 80 }] }),
    service('elsewhere', { type: 'ExternalName', externalName: 'example.com' }),
  ]),
  slices: new Map([
    slice(
      'cart',
      [{ name: 'http', port: 8080 }],
      [
        { addresses: ['127.16.1.1'], conditions: { ready: true } },
        { addresses: ['127.16.1.2'], conditions: { ready: false } },
      ],
    ),
  ]),
}
const from = (host: string, port = 80, namespace = 'shop') => endpointsOf(table, namespace, host, port)
const cart = [{ host: '127.16.1.1', port: 8080 }]

describe('a name leads', () => {
  test.each(['cart', 'CART', 'cart.shop', 'cart.shop.svc', 'cart.shop.svc.cluster.local', '10.96.0.7'])(
    '%s to the ready endpoints of its service',
    (host) => expect(from(host)).toEqual(cart),
  )
  test('to a service of another namespace only by its full name', () => {
    expect(from('cart', 80, 'other')).toBeUndefined()
    expect(from('cart.shop', 80, 'other')).toEqual(cart)
  })
  test('nowhere if nothing is ready, or the service does not have the port', () => {
    expect(from('idle')).toEqual([])
    expect(from('cart', 81)).toEqual([])
    expect(from('cart', 90)).toEqual([])
  })
  test('nowhere if the cluster has no such name', () => {
    expect(from('nothing')).toBeUndefined()
    expect(from('nothing.shop.svc.cluster.local')).toBeUndefined()
  })
  test('out of the cluster otherwise', () => {
    expect(from('elsewhere')).toEqual([{ host: 'example.com', port: 80 }])
    expect(from('www.example.org', 443)).toEqual([{ host: 'www.example.org', port: 443 }])
    expect(from('127.16.1.9', 9080)).toEqual([{ host: '127.16.1.9', port: 9080 }])
  })
})
