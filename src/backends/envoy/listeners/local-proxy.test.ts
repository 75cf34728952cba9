import { expect, it } from 'vitest'
import { buildProxyConfig } from '../index.ts'
import { proxyOf, worldOf } from '../test-world.ts'

const service = `{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop}, spec: {clusterIP: 10.5.0.1, ports: [{name: http, port: 8000}]}}`

it('lets programs use the sidecar as their HTTP proxy, where the mesh settings name a port', () => {
  const made = (mesh: string): string[][] => {
    const { listeners, routes } = buildProxyConfig(worldOf({ east: service }, mesh), proxyOf({}))
    const proxy = routes.find(({ resource }) => resource.name === 'http_proxy')?.resource.virtualHosts ?? []
    return [listeners.map(({ resource }) => resource.name), proxy.flatMap(({ domains }) => domains)]
  }
  expect(made('')).toEqual([['0.0.0.0_8000', 'virtualOutbound', 'virtualInbound'], []])
  const [listeners, domains] = made('proxyHttpPort: 15002')
  expect(listeners).toEqual(['0.0.0.0_8000', 'virtualOutbound', '127.0.0.1_15002', 'virtualInbound'])
  expect(domains).toContain('cart.shop.svc.cluster.local:8000')
  expect(domains).toContain('*')
})
