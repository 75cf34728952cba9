// Who answers in place of the program, and in what words: authorizers, proxies that lose patience, gRPC.
import { describe, expect, test } from 'vitest'
import type { AuthorizerAnswer, AuthorizerQuestion } from '../../../src/evaluator/index.ts'
import { expectCall } from './expect-call.ts'
import { TestMesh } from './mesh.ts'

const services = {
  client: {},
  cart: { ports: { http: 80, tcp: 9000 } },
  guard: { ports: { grpc: 9000 }, plaintext: true },
}

const provider = (more = ''): string => `
extensionProviders:
- { name: guard, envoyExtAuthzGrpc: { service: guard.shop.svc.cluster.local, port: 9000${more} } }
`
const mesh = (yaml: string, meshConfig = ''): TestMesh => new TestMesh({ east: { services, yaml } }, meshConfig)

const policy = (spec: string): string => `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: cart, namespace: shop }
spec: ${spec}
---
`
const rule = (http: string): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: cart, namespace: shop }
spec: { hosts: [cart], http: [${http}] }
---
`
const from = 'client-v1-0.shop'
const to = 'GET http://cart/items'
const grpc = { 'content-type': 'application/grpc+proto' }

describe('gRPC clients', () => {
  test('are answered by proxies with a status of their own in a 200', () => {
    const denied = mesh(policy('{}'))
    expectCall(denied, from, to).answers(403)
    expectCall(denied, from, to, { headers: grpc }).answers(200)
    expect(denied.call(from, to, { headers: grpc }).outcomes[0]).toMatchObject({ grpcStatus: 7, ending: 'denied' })
  })
  test('of 404, 503 and what a fault says', () => {
    const statusUnder = (http: string) => mesh(rule(http)).call(from, to, { headers: grpc }).outcomes[0]?.grpcStatus
    expect(statusUnder('{ directResponse: { status: 404 } }')).toBe(12)
    expect(statusUnder('{ route: [{ destination: { host: cart, subset: none } }] }')).toBe(14)
    const fault = '{ abort: { grpcStatus: RESOURCE_EXHAUSTED, percentage: { value: 100 } } }'
    expect(statusUnder(`{ fault: ${fault}, route: [{ destination: { host: cart } }] }`)).toBe(8)
  })
})

describe('a program that takes a second', () => {
  const slow = { circumstances: { programMs: 1000 } }
  const route = 'route: [{ destination: { host: cart } }]'
  test('is waited for as long as the route says, in all or for each try', () => {
    expectCall(mesh(''), from, to, slow).reaches('cart-v1-0')
    expectCall(mesh(rule(`{ ${route}, timeout: 2s }`)), from, to, slow).reaches('cart-v1-0')
    expectCall(mesh(rule(`{ ${route}, timeout: 0.5s }`)), from, to, slow).answers(504)
    const perTry = 'retries: { attempts: 2, retryOn: 5xx, perTryTimeout: 0.4s }'
    expectCall(mesh(rule(`{ ${route}, ${perTry} }`)), from, to, slow).answers(504)
  })
})

describe('a request that asks for another protocol', () => {
  const asking = (upgrade: string) => ({ headers: { connection: 'keep-alive, Upgrade', upgrade } })
  test('may have a WebSocket, and nothing else', () => {
    expectCall(mesh(''), from, to, asking('WebSocket')).reaches('cart-v1-0')
    expectCall(mesh(''), from, to, asking('other')).answers(403)
    expectCall(mesh(''), from, to, { headers: { upgrade: 'other' } }).reaches('cart-v1-0')
    const unrouted = mesh(rule('{ match: [{ uri: { exact: /a } }], route: [{ destination: { host: cart } }] }'))
    expectCall(unrouted, from, to, asking('other')).answers(404)
  })
})

describe('an authorizer that speaks gRPC', () => {
  const asking = policy('{ action: CUSTOM, provider: { name: guard }, rules: [{}] }')
  const answering = (answer: AuthorizerAnswer) => {
    const asked: AuthorizerQuestion[] = []
    const askAuthorizer = (question: AuthorizerQuestion): AuthorizerAnswer => {
      asked.push(question)
      return answer
    }
    return { asked, circumstances: { askAuthorizer } }
  }
  test('is told of all headers, and says what is for the program and what for the client', () => {
    const { asked, circumstances } = answering({
      status: 200,
      headers: { 'x-user': 'ann' },
      clientHeaders: { 'x-seen': 'yes' },
    })
    expectCall(mesh(asking, provider()), from, to, { headers: { 'x-any': '1', 'x-user': 'eve' }, circumstances })
      .arrivesAs({ headers: { 'x-user': 'ann' } })
      .addsToAnswer({ 'x-seen': 'yes' })
    expect(asked).toMatchObject([{ path: '/items', headers: { 'x-any': '1', 'x-user': 'eve' } }])
  })
  test('denies requests with its own status, and connections by closing them', () => {
    const { circumstances } = answering({ status: 401, headers: {} })
    expectCall(mesh(asking, provider()), from, to, { circumstances }).answers(401)
    expectCall(mesh(asking, provider()), from, 'GET tcp://cart:9000', { circumstances }).isClosed()
  })
  test('that fails denies, unless failOpen says otherwise', () => {
    const { circumstances } = answering({ status: 500, headers: {} })
    expectCall(mesh(asking, provider()), from, to, { circumstances }).answers(403)
    const open = mesh(asking, provider(', failOpen: true'))
    expectCall(open, from, to, { circumstances }).reaches('cart-v1-0')
    expectCall(open, from, 'GET tcp://cart:9000', { circumstances }).reaches('cart-v1-0')
  })
})

// Cases in which the evaluator once said something else than Envoy did (test/agreement).
describe('as Envoy does it', () => {
  test('rules of policies look at each line of a header by itself', () => {
    const deny = policy('{ action: DENY, rules: [{ when: [{ key: "request.headers[x-user]", values: [ann] }] }] }')
    const adding = rule('{ headers: { request: { add: { x-user: bob } } }, route: [{ destination: { host: cart } }] }')
    const shop = mesh(deny + adding)
    expectCall(shop, from, to, { headers: { 'x-user': 'ann' } }).answers(403)
    expectCall(shop, from, to, { headers: { 'x-user': 'ann,bob' } }).arrivesAs({ headers: { 'x-user': 'ann,bob,bob' } })
  })

  test('preflights of CORS are answered to gRPC clients in plain words, too', () => {
    const cors = 'corsPolicy: { allowOrigins: [{ exact: "https://site.example" }] }'
    const shop = mesh(rule(`{ ${cors}, route: [{ destination: { host: cart } }] }`))
    const headers = { ...grpc, origin: 'https://site.example', 'access-control-request-method': 'GET' }
    const [outcome] = shop.call(from, 'OPTIONS http://cart/', { headers }).outcomes
    expect(outcome).toMatchObject({ status: 200 })
    expect(outcome).not.toHaveProperty('grpcStatus')
  })

  test('redirects have the scheme that a trusted proxy tells of', () => {
    const edge = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: shop }
spec: { selector: { istio: edge }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ['*'] }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: edge, namespace: shop }
spec: { hosts: [shop.example], gateways: [edge], http: [{ redirect: { uri: /new } }] }
`
    const gateway = { gateway: true, ports: { http: 80 } }
    const redirected = (trusted: number) =>
      expectCall(
        new TestMesh(
          { east: { services: { edge: gateway }, yaml: edge } },
          `defaultConfig: { gatewayTopology: { numTrustedProxies: ${trusted} } }`,
        ),
        'edge-v1-0.shop',
        'GET http://shop.example/',
        { at: '10.10.0.1:8080', headers: { 'x-forwarded-proto': 'https' } },
      )
    redirected(0).redirectsTo('http://shop.example/new')
    redirected(1).redirectsTo('https://shop.example/new')
  })
})
