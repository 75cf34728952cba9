// Ports on which a sidecar does not listen, and sockets that keep the caller's address.
import { expect, test } from 'vitest'
import { buildProxyConfig } from '../index.ts'
import { proxyOf, worldOf } from '../test-world.ts'

const service = (name: string, port: number, more = ''): string => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { ${more} selector: { app: ${name} }, ports: [{ name: http, port: ${port} }] }
---
`

const services =
  service('web', 80, 'clusterIP: 10.5.0.1,') +
  service('alt', 8080, 'clusterIP: 10.5.0.2,') +
  service('health', 15021, 'clusterIP: 10.5.0.3,') +
  service('own', 15001, 'clusterIP: 10.5.0.4,')

function listenersOf(metadata: Readonly<Record<string, unknown>>) {
  return buildProxyConfig(worldOf({ east: services }), proxyOf({ metadata })).listeners.map(({ resource }) => resource)
}

const namesOf = (metadata: Readonly<Record<string, unknown>>): string[] =>
  listenersOf(metadata)
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('virtual'))

test('the ports of the proxy itself are left to it', () => {
  expect(namesOf({})).toEqual(['0.0.0.0_15021', '0.0.0.0_80', '0.0.0.0_8080'])
  expect(namesOf({ ENVOY_STATUS_PORT: 15021, ENVOY_PROMETHEUS_PORT: 15090 })).toEqual(['0.0.0.0_80', '0.0.0.0_8080'])
})

test('who may not open ports below 1024 is not asked to, where listeners have sockets', () => {
  expect(namesOf({ UNPRIVILEGED_POD: 'true' })).toContain('0.0.0.0_80')
  const uncaptured = namesOf({ UNPRIVILEGED_POD: 'true', INTERCEPTION_MODE: 'NONE' })
  expect(uncaptured).toEqual(['127.0.0.1_15021', '127.0.0.1_8080'])
})

test('transparent capture goes on with the address of the caller', () => {
  const filters = (metadata: Readonly<Record<string, unknown>>): string[] =>
    listenersOf(metadata)
      .find(({ name }) => name === 'virtualInbound')
      ?.listenerFilters.map(({ name }) => name) ?? []
  expect(filters({ INTERCEPTION_MODE: 'TPROXY' })).toContain('envoy.filters.listener.original_src')
  expect(filters({})).not.toContain('envoy.filters.listener.original_src')
})
