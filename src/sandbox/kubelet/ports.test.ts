import { expect, test } from 'vitest'
import { workloadNameOf } from './owner.ts'
import { inboundPorts, isGateway, isSidecarContainer, podPorts, portNumber } from './ports.ts'
import type { Container, Pod } from './types.ts'

function pod(...containers: Container[]): Pod {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec: { containers } }
}

const web: Container = { name: 'web', image: 'istio/httpbin', ports: [{ name: 'http', containerPort: 80 }] }

test('ports are those declared, or those of the image', () => {
  const quiet = { name: 'b', image: 'istio/examples-bookinfo-details-v1' }
  expect([...podPorts(pod(web, quiet), 'free').real.keys()]).toEqual([80, 9080])
  const udp = { name: 'dns', image: 'shop/dns', ports: [{ containerPort: 53, protocol: 'UDP' }] }
  expect([...podPorts(pod(udp), 'free').real.keys()]).toEqual([])
})

test('low ports that cannot be bound are told to those who make endpoints', () => {
  const ports = podPorts(pod(web), 'reserved')
  expect(ports.shifted).toBe('{"80":10080}')
  expect(inboundPorts(ports, '127.16.1.1', '127.80.1.1')).toEqual([
    { port: 80, bind: '127.16.1.1:10080', app: '127.80.1.1:10080' },
  ])
  expect(podPorts(pod(web), 'free').shifted).toBeUndefined()
})

test('ports are known by name', () => {
  expect([portNumber(web, 'http'), portNumber(web, '81'), portNumber(web, 8080), portNumber(web, 'grpc')]).toEqual([
    80,
    81,
    8080,
    undefined,
  ])
})

test('a pod that is nothing but a proxy is a gateway', () => {
  const proxy = { name: 'istio-proxy', image: 'istio/proxyv2:1.8.1', args: ['proxy', 'router'] }
  expect(isGateway(pod(proxy))).toBe(true)
  expect(isGateway(pod({ ...proxy, args: ['proxy', 'sidecar'] }))).toBe(false)
  expect(isGateway(pod(web, proxy))).toBe(false)
  expect(isSidecarContainer(proxy)).toBe(true)
  expect(isSidecarContainer(web)).toBe(false)
})

test('a pod belongs to its Deployment', () => {
  const owned = (kind: string, name: string): Pod => ({
    ...pod(web),
    metadata: {
      name: 'reviews-v1-abc-xyz',
      labels: { 'pod-template-hash': 'abc' },
      ownerReferences: [{ apiVersion: 'apps/v1', kind, name, uid: '1', controller: true }],
    },
  })
  expect(workloadNameOf(owned('ReplicaSet', 'reviews-v1-abc'))).toBe('reviews-v1')
  expect(workloadNameOf(owned('StatefulSet', 'db'))).toBe('db')
  expect(workloadNameOf(pod(web))).toBe('a')
})
