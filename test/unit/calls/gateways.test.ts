// What happens at the edge of the mesh, and between clusters.
import { describe, test } from 'vitest'
import { expectCall } from './expect-call.ts'
import { TestMesh } from './mesh.ts'

const services = {
  gateway: { gateway: true, ports: { http2: 80, https: 443 }, externalAddress: '198.51.100.1' },
  cart: {},
  web: { ports: { any: 8080 }, versions: { v1: 1, v2: 1 } },
  client: {},
}

const gateway = (servers: string): string => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: shop }
spec: { selector: { istio: gateway }, servers: ${servers} }
---
`
const rule = (http: string): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: edge, namespace: shop }
spec: { hosts: ['*.example'], gateways: [edge], http: ${http} }
---
`
const toCart = '[{ route: [{ destination: { host: cart, port: { number: 80 } } }] }]'
const plainServer = "[{ port: { number: 80, name: http, protocol: HTTP }, hosts: ['*.example'] }]"

const mesh = (yaml: string): TestMesh => new TestMesh({ east: { services, yaml } })
const edge = 'gateway-v1-0.shop'
const at = '10.10.0.1:8080'
const tlsAt = '10.10.0.1:8443'

describe('a gateway', () => {
  test('lets in what its servers and rules name', () => {
    const shop = mesh(gateway(plainServer) + rule(toCart))
    expectCall(shop, edge, 'GET http://www.example/x', { at }).reaches('cart-v1-0').arrivesAs({ host: 'www.example' })
    expectCall(shop, edge, 'GET http://www.elsewhere/x', { at }).answers(404)
    expectCall(shop, edge, 'GET http://www.example/x', { at: '10.10.0.1:8081' }).isClosed()
  })

  test('a server that redirects to TLS does so before faults and routes', () => {
    const redirecting = plainServer.replace("['*.example']", "['*.example'], tls: { httpsRedirect: true }")
    const fault =
      '[{ fault: { abort: { httpStatus: 418, percentage: { value: 100 } } }, route: [{ destination: { host: cart } }] }]'
    expectCall(mesh(gateway(redirecting) + rule(fault)), edge, 'GET http://www.example/x?y', { at })
      .answers(301)
      .redirectsTo('https://www.example/x?y')
  })

  test('asks for a certificate where it is told to', () => {
    const server = (mode: string): string =>
      `[{ port: { number: 443, name: https, protocol: HTTPS }, hosts: ['*.example'], tls: { mode: ${mode}, credentialName: edge } }]`
    const tls = { sni: 'www.example', alpn: ['http/1.1'] }
    const withName = { ...tls, principal: 'spiffe://somebody/else' }
    expectCall(mesh(gateway(server('SIMPLE')) + rule(toCart)), edge, 'GET https://www.example/', {
      at: tlsAt,
      tls,
    }).reaches('cart-v1-0')
    const mutual = mesh(gateway(server('MUTUAL')) + rule(toCart))
    expectCall(mutual, edge, 'GET https://www.example/', { at: tlsAt, tls }).isClosed()
    expectCall(mutual, edge, 'GET https://www.example/', { at: tlsAt, tls: withName }).reaches('cart-v1-0')
    expectCall(mutual, edge, 'GET http://www.example/', { at: tlsAt }).isClosed()
  })
})

// Cases in which the evaluator once said something else than Envoy did (test/agreement).
describe('as Envoy does it', () => {
  test('a gateway that asks for no certificate does not know its callers', () => {
    const server =
      "[{ port: { number: 443, name: https, protocol: HTTPS }, hosts: ['*.example'], tls: { mode: SIMPLE, credentialName: edge } }]"
    const deny = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: edge, namespace: shop }
spec: { action: DENY, selector: { matchLabels: { istio: gateway } }, rules: [{ when: [{ key: source.namespace, notValues: [shop] }] }] }
`
    const tls = { sni: 'www.example', alpn: ['http/1.1'], principal: 'spiffe://cluster.local/ns/shop/sa/client' }
    expectCall(mesh(gateway(server) + rule(toCart) + deny), edge, 'GET https://www.example/', {
      at: tlsAt,
      tls,
    }).answers(403)
  })

  test('a gateway tells the pods behind it where the call came from', () => {
    const policy = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: cart, namespace: shop }
spec: { selector: { matchLabels: { app: cart } }, rules: [{ from: [{ source: { remoteIpBlocks: [203.0.113.0/24] } }] }] }
`
    const shop = mesh(gateway(plainServer) + rule(toCart) + policy)
    const headers = { 'x-forwarded-for': '10.9.9.9' }
    expectCall(shop, edge, 'GET http://www.example/', { at, headers })
      .reaches('cart-v1-0')
      .arrivesAs({ headers: { 'x-forwarded-for': '10.9.9.9,203.0.113.9' } })
  })

  test('a connection to nobody is closed, not answered', () => {
    const shop = new TestMesh({ east: { services: { client: {}, db: { ports: { tcp: 5432 }, versions: {} } } } })
    expectCall(shop, 'client-v1-0.shop', 'GET tcp://db:5432').isClosed()
  })
})

describe('a port that declares no protocol', () => {
  const split = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web, namespace: shop }
spec:
  hosts: [web]
  http: [{ route: [{ destination: { host: cart }, weight: 50 }, { destination: { host: web }, weight: 50 }] }]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: web, namespace: shop }
spec: { selector: { matchLabels: { app: web } }, rules: [{ to: [{ operation: { methods: [GET] } }] }] }
`
  test('is known to carry HTTP behind the far proxy too, from a destination of a split', () => {
    expectCall(mesh(split), 'client-v1-0.shop', 'GET http://web:8080/').reaches({
      'cart-v1-0': 0.5,
      'web-v1-0': 0.25,
      'web-v2-0': 0.25,
    })
    expectCall(mesh(split), 'client-v1-0.shop', 'PUT http://web:8080/').reaches({ 'cart-v1-0': 0.5, '403': 0.5 })
  })
})

describe('two networks', () => {
  const east = {
    network: 'n-east',
    services: {
      client: {},
      cart: { versions: { v1: 1 } },
      eastgateway: {
        gateway: true,
        ports: { tls: 15443 },
        externalAddress: '198.51.100.3',
        labels: { 'topology.istio.io/network': 'n-east' },
      },
    },
  }
  const west = {
    network: 'n-west',
    services: {
      cart: { versions: { v1: 2 } },
      ewgateway: {
        gateway: true,
        ports: { tls: 15443 },
        externalAddress: '198.51.100.2',
        labels: { 'topology.istio.io/network': 'n-west' },
      },
    },
    yaml: `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: cross, namespace: shop }
spec:
  selector: { istio: ewgateway }
  servers: [{ port: { number: 15443, name: tls, protocol: TLS }, hosts: ['*.local'], tls: { mode: AUTO_PASSTHROUGH } }]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: cart, namespace: shop }
spec: { selector: { matchLabels: { app: cart } }, rules: [{ from: [{ source: { namespaces: [shop] } }], to: [{ operation: { methods: [GET] } }] }] }
`,
  }
  test('requests go through the gateway of the other network, with the identity of the caller', () => {
    const both = new TestMesh({ east, west })
    expectCall(both, 'client-v1-0.shop', 'GET http://cart/').reaches({ 'cart-v1-0': 0.6667, 'cart-v1-1': 0.3333 })
    expectCall(both, 'client-v1-0.shop', 'PUT http://cart/').reaches({ 'cart-v1-0': 0.3333, '403': 0.6667 })
  })
})
