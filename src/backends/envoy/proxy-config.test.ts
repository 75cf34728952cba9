import { describe, expect, test } from 'vitest'
import { snapshotOf, staticWorld, type World } from '../../discovery/index.ts'
import { type Proxy, proxyOfDescription, scopeOf } from '../../mesh/index.ts'
import { groupKind, type KubeObject } from '../../resources/index.ts'
import {
  buildProxyConfig,
  clusterEndpoints,
  endpointsKeyOf,
  outboundCluster,
  outboundRouteParts,
  scopeClusters,
  virtualHost,
} from './index.ts'

const service = (name: string, namespace: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace },
  spec: { clusterIP: '10.0.0.1', ports: [{ name: 'http', port: 80 }], selector: { app: name } },
})

const slice = (name: string, namespace: string, addresses: string[]): KubeObject =>
  ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080 }],
    endpoints: addresses.map((address) => ({ addresses: [address] })),
  }) as KubeObject

const world = (clusters: Record<string, KubeObject[]>): World =>
  staticWorld(snapshotOf(new Map(Object.entries(clusters)), groupKind), { primary: Object.keys(clusters)[0] ?? '' })

const proxy = (namespace: string, more: object = {}): Proxy =>
  proxyOfDescription({ namespace, ips: ['10.1.1.1'], ...more }, 'east')

const cart = 'outbound|80||cart.shop.svc.cluster.local'

describe('a plain service', () => {
  const plain = world({ east: [service('cart', 'shop'), slice('cart', 'shop', ['10.2.0.1'])] })

  test('has a cluster, endpoints, a virtual host and a listener', () => {
    const config = buildProxyConfig(plain, proxy('shop'))
    expect(config.clusters.map(({ resource }) => resource.name)).toEqual([
      cart,
      'BlackHoleCluster',
      'PassthroughCluster',
      'InboundPassthroughCluster',
    ])
    expect(config.endpoints[0]?.resource.endpoints[0]?.lbEndpoints).toHaveLength(1)
    expect(config.routes.map(({ resource }) => [resource.name, resource.virtualHosts.map(({ name }) => name)])).toEqual(
      [['80', ['cart.shop.svc.cluster.local:80', 'allow_any']]],
    )
    expect(config.listeners.map(({ resource }) => resource.name)).toEqual([
      '0.0.0.0_80',
      'virtualOutbound',
      'virtualInbound',
    ])
    expect(config.endpoints[0]?.origin.map(({ kind }) => kind)).toEqual(['EndpointSlice'])
  })

  test('shares its resources among proxies of other namespaces, but for the names that hold in its own', () => {
    const scopes = ['bank', 'post', 'shop'].map((namespace) => scopeOf(plain, proxy(namespace)))
    const texts = scopes.map((scope) => {
      const cluster = plain.get(scopeClusters, scope).get(cart)
      const endpoints = endpointsKeyOf(plain, scope, cart)
      const [host] = outboundRouteParts(plain, scope, '80')?.virtualHosts ?? []
      return [
        cluster && outboundCluster.keyOf(cluster),
        endpoints && clusterEndpoints.keyOf(endpoints),
        host && virtualHost.keyOf(host),
      ]
    })
    expect(texts[0]).toEqual(texts[1])
    expect(texts[0]?.slice(0, 2)).toEqual(texts[2]?.slice(0, 2))
    expect(texts[0]?.[2]).not.toEqual(texts[2]?.[2])
  })
})

test('a service that two clusters serve leaves one that fails at once; one that a single cluster serves has Istio’s defaults', () => {
  const objects = [service('cart', 'shop'), slice('cart', 'shop', ['10.2.0.1'])]
  const clusterIn = (clusters: Record<string, KubeObject[]>) => {
    const config = buildProxyConfig(world(clusters), proxy('shop'))
    const retries = config.routes[0]?.resource.virtualHosts[0]?.routes.map(({ action }) =>
      action.case === 'route' ? action.value.retryPolicy?.numRetries : undefined,
    )
    return { cluster: config.clusters.find(({ resource }) => resource.name === cart)?.resource, retries }
  }
  const single = clusterIn({ east: objects })
  expect(single.cluster?.outlierDetection).toBeUndefined()
  expect(single.cluster?.commonLbConfig?.healthyPanicThreshold?.value).toBe(0)
  expect(single.retries).toEqual([2])
  const double = clusterIn({ east: objects, west: objects })
  expect(double.cluster?.outlierDetection?.maxEjectionPercent).toBe(100)
  expect(double.cluster?.commonLbConfig?.healthyPanicThreshold?.value).toBe(1)
  expect(double.retries).toEqual([4, 4])
})

test('without capture, one route configuration holds all ports, and tunnels are routed', () => {
  const database = { ...service('db', 'shop'), spec: { clusterIP: '10.0.0.2', ports: [{ name: 'tcp', port: 5432 }] } }
  const loopback = proxy('shop', { metadata: { FAIRLEAD_DATA_PATH: 'loopback' } })
  const config = buildProxyConfig(world({ east: [service('cart', 'shop'), database] }), loopback)
  expect(config.listeners.map(({ resource }) => resource.name)).toEqual([
    'virtualOutbound',
    'http_in_tunnel',
    'virtualInbound',
  ])
  const [routes] = config.routes
  expect(routes?.resource.ignorePortInHostMatching).toBe(false)
  const [http, tcp] = routes?.resource.virtualHosts ?? []
  expect(http?.domains).toContain('cart:80')
  expect(http?.domains).toContain('cart')
  expect(http?.routes.map(({ match }) => match?.pathSpecifier.case)).toEqual(['connectMatcher', 'prefix'])
  expect(tcp?.domains).toContain('db.shop:5432')
  expect(tcp?.routes).toHaveLength(1)
})
