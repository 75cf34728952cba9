// sessionAffinity of Kubernetes Services: a caller's address always leads to the same endpoint.
import { expect, test } from 'vitest'
import { Cluster_LbPolicy } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { buildProxyConfig, proxyConfigJson } from './index.ts'
import { proxyOf, worldOf } from './test-world.ts'

const services = `
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec:
  clusterIP: 10.5.0.1
  sessionAffinity: ClientIP
  selector: { app: cart }
  ports: [{ name: http, port: 80 }, { name: tcp-data, port: 9000 }]
---
`

function configOf(rule: string) {
  const config = buildProxyConfig(worldOf({ east: services + rule }), proxyOf({}))
  const cluster = config.clusters.find(({ resource }) => resource.name === 'outbound|80||cart.shop.svc.cluster.local')
  const host = config.routes[0]?.resource.virtualHosts.find(({ name }) => name.startsWith('cart'))
  const action = host?.routes[0]?.action
  const tcp = JSON.stringify(
    proxyConfigJson(config).listeners.filter((listener) => JSON.stringify(listener).includes('10.5.0.1_9000')),
  )
  return {
    policy: cluster?.resource.lbPolicy,
    hash: action?.case === 'route' ? action.value.hashPolicy.map(({ policySpecifier }) => policySpecifier.case) : [],
    tcpBySource: tcp.includes('"sourceIp":{}'),
  }
}

const policy = (text: string): string => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: cart, namespace: shop }
spec: { host: cart, trafficPolicy: { ${text} } }
`

test('a Service with ClientIP affinity is balanced by the address of the caller, HTTP and TCP alike', () => {
  const byAddress = { policy: Cluster_LbPolicy.RING_HASH, hash: ['connectionProperties'], tcpBySource: true }
  expect(configOf('')).toEqual(byAddress)
  expect(configOf(policy('connectionPool: { tcp: { maxConnections: 7 } }'))).toEqual(byAddress)
})

test('a routing rule keeps it', () => {
  const rule = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: cart, namespace: shop }
spec: { hosts: [cart], http: [{ route: [{ destination: { host: cart, port: { number: 80 } } }], timeout: 3s }] }
`
  expect(configOf(rule).hash).toEqual(['connectionProperties'])
})

test('a DestinationRule that chooses a load balancer comes before', () => {
  expect(configOf(policy('loadBalancer: { simple: ROUND_ROBIN }'))).toEqual({
    policy: Cluster_LbPolicy.ROUND_ROBIN,
    hash: [],
    tcpBySource: false,
  })
  expect(configOf(policy('loadBalancer: { consistentHash: { httpHeaderName: x-user } }')).hash).toEqual(['header'])
})
