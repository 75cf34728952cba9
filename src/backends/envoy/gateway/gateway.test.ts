import { describe, expect, test } from 'vitest'
import { VirtualHost_TlsRequirementType } from '#gen/envoy/config/route/v3/route_components_pb.js'
import { buildProxyConfig, type ProxyConfig } from '../index.ts'
import { proxyOf, worldOf } from '../test-world.ts'

const edge = proxyOf({ type: 'gateway', namespace: 'edge', labels: { istio: 'edge' } })

function configOf(text: string): ProxyConfig {
  return buildProxyConfig(worldOf({ east: text }), edge)
}

function gateway(name: string, servers: string): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: ${name}, namespace: edge}
spec:
  selector: {istio: edge}
  servers: ${servers}
`
}

function rule(name: string, text: string): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${name}, namespace: edge}
spec: ${text}
`
}

const service = `
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {clusterIP: 10.0.0.1, ports: [{name: http, port: 80}]}
`
const cart = '{destination: {host: cart.shop.svc.cluster.local}}'

const virtualHosts = (config: ProxyConfig, routes: string) =>
  config.routes
    .find(({ resource }) => resource.name === routes)
    ?.resource.virtualHosts.map(({ name, domains, routes: own }) => [name, domains, own.map((route) => route.name)])

describe('requests', () => {
  test('hosts with the same routes are one virtual host; routes for everything come last, whichever rule they are of', () => {
    const config = configOf(
      service +
        gateway('web', '[{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*.example"]}]') +
        rule('a', `{hosts: [b.example, a.example], gateways: [web], http: [{name: all, route: [${cart}]}]}`) +
        rule(
          'b',
          `{hosts: [c.example], gateways: [web], http: [{name: rest, route: [${cart}]}]}` +
            rule(
              'c',
              `{hosts: [c.example], gateways: [web], http: [{name: x, match: [{uri: {prefix: /x}}], route: [${cart}]}]}`,
            ),
        ),
    )
    expect(virtualHosts(config, 'http.80')).toEqual([
      ['a.example:80', ['a.example', 'b.example'], ['all']],
      ['c.example:80', ['c.example'], ['x', 'rest']],
    ])
  })

  test('of a rule whose matches name gateways, each gateway has its own part', () => {
    const config = configOf(
      gateway('one', '[{port: {number: 80, name: http, protocol: HTTP}, hosts: [a.example]}]') +
        gateway('two', '[{port: {number: 81, name: http, protocol: HTTP}, hosts: [a.example]}]') +
        rule(
          'r',
          `{hosts: [a.example], gateways: [one, two], http: [
            {name: first, match: [{gateways: [one], uri: {prefix: /}}], route: [${cart}]},
            {name: second, match: [{gateways: [two], uri: {prefix: /}}], route: [${cart}]}]}`,
        ),
    )
    expect(virtualHosts(config, 'http.80')).toEqual([['a.example:80', ['a.example'], ['first']]])
    expect(virtualHosts(config, 'http.81')).toEqual([['a.example:81', ['a.example'], ['second']]])
  })
})

describe('two servers that want the same', () => {
  test('the second for a socket of another protocol is reported', () => {
    const config = configOf(
      gateway('a', '[{port: {number: 443, name: https, protocol: HTTPS}, hosts: [a], tls: {mode: PASSTHROUGH}}]') +
        gateway('b', '[{port: {number: 443, name: http, protocol: HTTP}, hosts: [b]}]'),
    )
    expect(config.problems).toMatchObject([{ code: 'conflict', object: { name: 'b' }, path: 'spec.servers[0].port' }])
  })

  test('the first ends TLS for a name, and the other keeps those that it alone has', () => {
    const tls = 'tls: {mode: SIMPLE, credentialName: cert}'
    const config = configOf(
      gateway('a', `[{port: {number: 443, name: https, protocol: HTTPS}, hosts: [x.example], ${tls}}]`) +
        gateway('b', `[{port: {number: 443, name: https, protocol: HTTPS}, hosts: [x.example, y.example], ${tls}}]`),
    )
    const [listener] = config.listeners
    expect(listener?.resource.filterChains.map(({ filterChainMatch }) => filterChainMatch?.serverNames)).toEqual([
      ['x.example'],
      ['y.example'],
    ])
    expect(config.problems).toMatchObject([{ code: 'conflict', object: { name: 'b' }, path: 'spec.servers[0].hosts' }])
  })

  test('of TCP servers the first has the port, and the other is told', () => {
    const server = '[{port: {number: 5432, name: tcp, protocol: TCP}, hosts: ["*"]}]'
    const config = configOf(
      gateway('a', server) +
        gateway('b', server) +
        rule('r', `{hosts: ["*"], gateways: [b], tcp: [{route: [${cart}]}]}`),
    )
    expect(config.listeners).toEqual([])
    expect(config.problems).toMatchObject([{ code: 'conflict', object: { name: 'b' }, path: 'spec.servers[0].port' }])
  })
})

describe('an east-west gateway', () => {
  const config = configOf(
    service +
      gateway(
        'ew',
        '[{port: {number: 15443, name: tls, protocol: TLS}, hosts: ["*.local"], tls: {mode: AUTO_PASSTHROUGH}}]',
      ),
  )
  const sni = 'outbound_.80_._.cart.shop.svc.cluster.local'

  test('has a chain for each name that sidecars ask for, which only mutual TLS of the mesh passes', () => {
    const chains = config.listeners[0]?.resource.filterChains ?? []
    expect(chains.map(({ filterChainMatch }) => filterChainMatch?.serverNames)).toEqual([[sni]])
    expect(chains[0]?.filterChainMatch?.applicationProtocols).toContain('istio')
    expect(chains[0]?.transportSocket).toBeUndefined()
  })

  test('has clusters for these beside those of its own', () => {
    const names = config.clusters.map(({ resource }) => resource.name)
    expect(names).toContain(sni)
    expect(names).toContain('outbound|80||cart.shop.svc.cluster.local')
    expect(config.clusters.find(({ resource }) => resource.name === sni)?.resource.transportSocket).toBeUndefined()
  })
})

test('without capture a gateway has the ports of its own address only', () => {
  const proxy = proxyOf({
    type: 'gateway',
    namespace: 'edge',
    ips: ['127.16.0.9'],
    labels: { istio: 'edge' },
    metadata: { FAIRLEAD_DATA_PATH: 'loopback' },
  })
  const text = gateway('web', '[{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]')
  const [listener] = buildProxyConfig(worldOf({ east: text }), proxy).listeners
  expect(listener?.resource.address?.address.value).toMatchObject({ address: '127.16.0.9' })
  expect(listener?.resource.enableReusePort).toBe(false)
})

test('a TLS server of no mode passes TLS on, by server name', () => {
  const config = configOf(
    gateway('web', '[{port: {number: 443, name: tls, protocol: HTTPS}, hosts: [a.example], tls: {}}]') +
      rule(
        'r',
        '{hosts: [a.example], gateways: [web], tls: [{match: [{sniHosts: [a.example]}], route: [{destination: {host: out.example, port: {number: 443}}}]}]}',
      ),
  )
  const [chain] = config.listeners[0]?.resource.filterChains ?? []
  expect(chain?.transportSocket).toBeUndefined()
  expect(chain?.filterChainMatch?.serverNames).toEqual(['a.example'])
  expect(chain?.filters.map(({ name }) => name)).toEqual(['envoy.filters.network.tcp_proxy'])
})

test('a server that redirects sends to https whatever host of its rules is asked for', () => {
  const server = (more: string): string =>
    gateway('web', `[{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*'], tls: {httpsRedirect: ${more}}}]`) +
    rule('r', `{hosts: [a.example], gateways: [web], http: [{route: [${cart}]}]}`)
  const redirected = (more: string): [string, boolean][] =>
    configOf(server(more)).routes[0]?.resource.virtualHosts.map(({ name, requireTls }) => [
      name,
      requireTls === VirtualHost_TlsRequirementType.ALL,
    ]) ?? []
  expect(redirected('true')).toEqual([
    ['*:80', true],
    ['a.example:80', true],
  ])
  expect(redirected('false')).toEqual([['a.example:80', false]])
})
