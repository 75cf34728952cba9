import { describe, expect, test } from 'vitest'
import type { World } from '../../../discovery/index.ts'
import { scopeOf } from '../../../mesh/index.ts'
import { clusterKey } from '../clusters/build.ts'
import { outboundClusterSpecs } from '../clusters/spec.ts'
import { endpointsKey } from '../endpoints/build.ts'
import { proxyOf, worldOf } from '../test-world.ts'
import { clientCluster, clientEndpoints, clientRoutes, dialledNames, isProxyless, serverListeners } from './index.ts'

const objects = `
apiVersion: v1
kind: Service
metadata: { name: echo, namespace: shop }
spec: { clusterIP: 10.96.0.1, selector: { app: echo }, ports: [{ name: grpc, port: 7070 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: echo-1, namespace: shop, labels: { kubernetes.io/service-name: echo } }
addressType: IPv4
ports: [{ name: grpc, port: 7070 }]
endpoints: [{ addresses: [10.1.0.1] }, { addresses: [10.1.0.2], conditions: { ready: false } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo, namespace: shop }
spec:
  hosts: [echo]
  http:
  - { name: query, match: [{ queryParams: { a: { exact: b } } }], route: [{ destination: { host: echo } }] }
  - { name: gone, match: [{ uri: { exact: /gone } }], directResponse: { status: 410 } }
  - name: rest
    fault: { abort: { grpcStatus: ABORTED, percentage: { value: 10 } } }
    corsPolicy: { allowOrigins: [{ exact: 'https://site.example' }] }
    timeout: 2s
    route: [{ destination: { host: echo } }]
`
const node = proxyOf({ metadata: { GENERATOR: 'grpc' }, labels: { app: 'echo' } })
const cluster = 'outbound|7070||echo.shop.svc.cluster.local'

function specOf(world: World) {
  const spec = world.get(outboundClusterSpecs, scopeOf(world, node)).get(cluster)
  if (!spec) throw new Error('no such cluster')
  return spec
}

describe('a gRPC client', () => {
  const world = worldOf({ east: objects })
  const scope = scopeOf(world, node)

  test('is known by its metadata, and dials every name of a service', () => {
    expect([isProxyless(node), isProxyless(proxyOf({}))]).toEqual([true, false])
    const names = [...dialledNames(world, scope).keys()]
    expect(names).toContain('echo:7070')
    expect(names).toContain('echo.shop.svc.cluster.local:7070')
  })

  test('gets routes without what it would refuse', () => {
    const routes = clientRoutes(world, scope, cluster)?.resource.virtualHosts[0]?.routes ?? []
    expect(routes.map(({ name, action }) => [name, action.case])).toEqual([
      ['gone', 'route'],
      ['rest', 'route'],
    ])
    const gone = routes[0]?.action
    expect(gone?.case === 'route' && gone.value.clusterSpecifier.value).toBe('BlackHoleCluster')
    expect(Object.keys(routes[1]?.typedPerFilterConfig ?? {})).toEqual(['envoy.filters.http.fault'])
    const action = routes[1]?.action
    expect(action?.case === 'route' && action.value.maxStreamDuration?.maxStreamDuration?.seconds).toBe(2n)
    expect(clientRoutes(world, scope, 'outbound|7070||nobody')).toBeUndefined()
  })

  test('gets clusters with a balancer that it has, and endpoints in named localities with weights', () => {
    const built = clientCluster(world, clusterKey(world, scope, specOf(world)))?.resource
    expect([built?.lbPolicy, built?.transportSocket, built?.transportSocketMatches]).toEqual([0, undefined, []])
    const { endpoints } = clientEndpoints(world, endpointsKey(world, scope, specOf(world))).resource
    expect(endpoints).toHaveLength(1)
    expect([endpoints[0]?.locality !== undefined, endpoints[0]?.loadBalancingWeight]).toEqual([true, 2])
    expect(endpoints[0]?.lbEndpoints).toHaveLength(1)
  })

  test('speaks TLS of the mesh where a rule says so, by the provider of its bootstrap', () => {
    const rule = `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: echo, namespace: shop }
spec: { host: echo, trafficPolicy: { tls: { mode: ISTIO_MUTUAL } } }
`
    const secured = worldOf({ east: objects + rule })
    const own = scopeOf(secured, node)
    const built = clientCluster(secured, clusterKey(secured, own, specOf(secured)))
    expect(built?.resource.transportSocket?.name).toBe('envoy.transport_sockets.tls')
  })
})

test('a gRPC server gets a listener for each address that it may bind, with TLS where peers must show who they are', () => {
  const peers = `
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: shop }
spec: { mtls: { mode: STRICT } }
`
  const named = serverListeners(worldOf({ east: objects }), node).map(({ resource }) => resource)
  expect(named.map(({ name }) => name)).toEqual([
    'xds.istio.io/grpc/lds/inbound/0.0.0.0:7070',
    'xds.istio.io/grpc/lds/inbound/[::]:7070',
    'xds.istio.io/grpc/lds/inbound/10.1.1.1:7070',
  ])
  expect(named[0]?.filterChains[0]?.transportSocket).toBeUndefined()
  const strict = serverListeners(worldOf({ east: objects + peers }), node)
  expect(strict[0]?.resource.filterChains[0]?.transportSocket?.name).toBe('envoy.transport_sockets.tls')
})
