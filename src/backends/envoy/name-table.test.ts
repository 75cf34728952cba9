import { expect, test } from 'vitest'
import { scopeOf } from '../../mesh/index.ts'
import { nameTable } from './name-table.ts'
import { proxyOf, worldOf } from './test-world.ts'

const entry = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: NAME, namespace: shop }
spec:
  hosts: [HOST]
  resolution: STATIC
  ports: [{ number: 80, name: http, protocol: HTTP }]
`
const entryOf = (name: string, host: string, rest: string): string =>
  `${entry.replace('NAME', name).replace('HOST', host).trimEnd()}\n  ${rest}\n---`

const service = (name: string, clusterIP: string): string => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { clusterIP: ${clusterIP}, ports: [{ name: http, port: 80 }] }
---`

const pod = (name: string, ip: string, hostname: string): string => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop, labels: { app: db } }
spec: { hostname: ${hostname}, subdomain: db, containers: [{ name: db }] }
status: { podIP: ${ip}, phase: Running }
---`

const slice = (name: string, pods: Readonly<Record<string, string>>): string => `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: db-${name}, namespace: shop, labels: { kubernetes.io/service-name: db } }
addressType: IPv4
ports: [{ name: http, port: 80 }]
endpoints: ${JSON.stringify(
  Object.entries(pods).map(([pod, address]) => ({
    addresses: [address],
    hostname: pod,
    conditions: { ready: true },
    targetRef: { kind: 'Pod', name: pod, namespace: 'shop' },
  })),
)}
---`

function tableOf(texts: Readonly<Record<string, string>>, metadata: Readonly<Record<string, unknown>> = {}) {
  const world = worldOf(texts)
  const scope = scopeOf(world, proxyOf({ name: 'cart-1', metadata }))
  return Object.fromEntries(
    Object.entries(nameTable(world, scope).table).map(([host, { ips, registry, shortname, namespace }]) => [
      host,
      [ips.join(' '), registry, shortname, namespace].filter((text) => text !== '').join(' '),
    ]),
  )
}

test('services are known by their virtual addresses, and Kubernetes says what is short for them', () => {
  const east = `${service('web', '10.96.0.1')}${entryOf('api', 'api.example', 'addresses: [240.1.1.1, 10.2.0.0/16]')}`
  expect(tableOf({ east })).toEqual({
    'web.shop.svc.cluster.local': '10.96.0.1 Kubernetes web shop',
    'api.example': '240.1.1.1 External',
  })
})

test('a host without address is known by the one that the mesh gave it, where the proxy resolves names', () => {
  const east = entryOf('api', 'api.example', 'endpoints: [{ address: 10.9.9.9 }]')
  expect(tableOf({ east })).toEqual({})
  expect(tableOf({ east }, { DNS_CAPTURE: 'true' })['api.example']).toMatch(/^240\.240\.\d+\.\d+ External$/)
})

test('a headless service is known by its pods of the own cluster, and single pods wherever they are', () => {
  const east = `${service('db', 'None')}${pod('db-0', '10.0.0.1', 'db-0')}${pod('db-1', '10.0.0.2', 'db-1')}${slice('a', { 'db-0': '10.0.0.1', 'db-1': '10.0.0.2' })}`
  const west = `${service('db', 'None')}${pod('db-0', '10.1.0.1', 'db-0')}${pod('db-7', '10.1.0.7', 'db-7')}${slice('b', { 'db-0': '10.1.0.1', 'db-7': '10.1.0.7' })}`
  expect(tableOf({ east, west })).toEqual({
    'db.shop.svc.cluster.local': '10.0.0.1 10.0.0.2 Kubernetes db shop',
    'db-0.db.shop.svc.cluster.local': '10.0.0.1 Kubernetes db-0.db shop',
    'db-1.db.shop.svc.cluster.local': '10.0.0.2 Kubernetes db-1.db shop',
    'db-7.db.shop.svc.cluster.local': '10.1.0.7 Kubernetes db-7.db shop',
  })
})

test('a Kubernetes Service keeps its name beside a ServiceEntry of the same host', () => {
  const east = `${service('web', '10.96.0.1')}${entryOf('web', 'web.shop.svc.cluster.local', 'addresses: [240.1.1.1]')}`
  expect(tableOf({ east })).toEqual({ 'web.shop.svc.cluster.local': '10.96.0.1 Kubernetes web shop' })
})

test('names follow what a Sidecar imports', () => {
  const east = `${service('web', '10.96.0.1')}${service('other', '10.96.0.2')}
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: default, namespace: shop }
spec: { egress: [{ hosts: [./web.shop.svc.cluster.local] }] }
`
  expect(tableOf({ east })).toEqual({ 'web.shop.svc.cluster.local': '10.96.0.1 Kubernetes web shop' })
})
