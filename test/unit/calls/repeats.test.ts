// What is sent more than once, who is asked, and which endpoint a hash chooses: told from the Envoy resources.
import { describe, expect, test } from 'vitest'
import type { AuthorizerAnswer } from '../../../src/evaluator/index.ts'
import { expectCall } from './expect-call.ts'
import { TestMesh } from './mesh.ts'

const services = {
  client: {},
  cart: { versions: { v1: 3 } },
  shadow: {},
  guard: { plaintext: true },
}
const istio = (kind: string, name: string, spec: string, group = 'networking'): string => `
---
apiVersion: ${group}.istio.io/v1
kind: ${kind}
metadata: { name: ${name}, namespace: shop }
spec: ${spec}
`
const from = 'client-v1-0.shop'
const to = 'GET http://cart.shop/x'
const toCart = 'route: [{ destination: { host: cart } }]'
const meshOf = (yaml: string, settings = ''): TestMesh => new TestMesh({ east: { services, yaml } }, settings)
const withRoute = (route: string): TestMesh =>
  meshOf(istio('VirtualService', 'cart', `{ hosts: [cart], http: [{ ${route}, ${toCart} }] }`))

describe('mirrors', () => {
  test('copies go their own way and change nothing for the caller', () => {
    const call = withRoute('mirror: { host: shadow }, mirrorPercentage: { value: 40 }').call(from, to)
    expect(Object.keys(call.shares)).toEqual(['cart-v1-0', 'cart-v1-1', 'cart-v1-2'])
    expect(call.copies).toMatchObject([{ share: 0.4, shares: { 'shadow-v1-0': 1 } }])
  })
  test('a copy that is denied is told', () => {
    const deny = istio('AuthorizationPolicy', 'no', '{ selector: { matchLabels: { app: shadow } } }', 'security')
    const mesh = meshOf(
      istio('VirtualService', 'cart', `{ hosts: [cart], http: [{ mirror: { host: shadow }, ${toCart} }] }`) + deny,
    )
    expect(mesh.call(from, to).copies).toMatchObject([{ share: 1, shares: { '403': 1 } }])
  })
  test('what a fault answers is not copied', () => {
    const fault = 'fault: { abort: { httpStatus: 503, percentage: { value: 25 } } }, mirror: { host: shadow }'
    expect(withRoute(fault).call(from, to).copies[0]?.share).toBeCloseTo(0.75)
  })
})

describe('retries', () => {
  const tries = (retries: string, status: number): number =>
    withRoute(`retries: ${retries}`).call(from, to).tries(status)
  test('by status: what the conditions name, and no other', () => {
    expect(tries('{ attempts: 3, retryOn: 5xx }', 500)).toBe(4)
    expect(tries('{ attempts: 3, retryOn: 5xx }', 404)).toBe(1)
    expect(tries('{ attempts: 2, retryOn: gateway-error }', 500)).toBe(1)
    expect(tries('{ attempts: 2, retryOn: gateway-error }', 502)).toBe(3)
    expect(tries('{ attempts: 2, retryOn: "404,reset" }', 404)).toBe(3)
    expect(tries('{ attempts: 2, retryOn: retriable-4xx }', 409)).toBe(3)
    expect(tries('{ attempts: 0 }', 503)).toBe(1)
  })
})

describe('consistent hash', () => {
  const hashed = (by: string): TestMesh =>
    meshOf(
      istio('DestinationRule', 'cart', `{ host: cart, trafficPolicy: { loadBalancer: { consistentHash: ${by} } } }`),
    )
  test.each(['{ httpHeaderName: user }', '{ httpHeaderName: user, maglev: {} }'])(
    'by %s one value has one endpoint, and values spread',
    (by) => {
      const mesh = hashed(by)
      const places = ['ann', 'bob', 'cid', 'dan', 'eve', 'fay', 'gus', 'hal'].map((user) => {
        const { shares } = mesh.call(from, to, { headers: { user } })
        expect(Object.values(shares)).toEqual([1])
        return Object.keys(shares)[0]
      })
      expect(new Set(places).size).toBe(3)
    },
  )
  test('by a header as the route has changed it: what it adds is a value of its own', () => {
    const rule = istio(
      'DestinationRule',
      'cart',
      '{ host: cart, trafficPolicy: { loadBalancer: { consistentHash: { httpHeaderName: user } } } }',
    )
    const changed = (headers: string): TestMesh =>
      meshOf(
        rule +
          istio('VirtualService', 'cart', `{ hosts: [cart], http: [{ headers: { request: ${headers} }, ${toCart} }] }`),
      )
    const of = (mesh: TestMesh, user: string) => mesh.call(from, to, { headers: { user } }).shares
    const users = ['ann', 'bob', 'cid', 'dan', 'eve', 'fay']
    const set = changed('{ set: { user: ann } }')
    for (const user of users) expect(of(set, user)).toEqual(of(meshOf(rule), 'ann'))
    const added = changed('{ add: { user: ann } }')
    const joined = users.map((user) => of(meshOf(rule), `${user},ann`))
    expect(users.map((user) => of(added, user))).not.toEqual(joined)
    for (const user of users) expect(Object.values(of(added, user))).toEqual([1])
  })
  test('without the header any endpoint may get it', () => {
    const { shares } = hashed('{ httpHeaderName: user }').call(from, to)
    expect(Object.keys(shares)).toHaveLength(3)
  })
  test('by cookie and by query parameter', () => {
    const cookie = { headers: { cookie: 'a=b; id=7' } }
    expect(Object.values(hashed('{ httpCookie: { name: id } }').call(from, to, cookie).shares)).toEqual([1])
    expect(Object.values(hashed('{ httpQueryParameterName: q }').call(from, `${to}?q=1`).shares)).toEqual([1])
  })
})

describe('filters that change headers', () => {
  test('do so to answers in the opposite order', () => {
    const filter = (value: string, more: string): string => `{
      applyTo: HTTP_FILTER,
      match: { context: SIDECAR_OUTBOUND, listener: { filterChain: { filter: { name: envoy.filters.network.http_connection_manager, subFilter: { name: envoy.filters.http.router } } } } },
      patch: { operation: INSERT_BEFORE, value: { name: envoy.filters.http.header_mutation, typed_config: {
        '@type': type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation,
        mutations: { response_mutations: [{ append: { header: { key: by, value: ${value} }${more} } }] } } } } }`
    const patched = meshOf(
      istio(
        'EnvoyFilter',
        'mutate',
        `{ configPatches: [${filter('first', '')}, ${filter('second', ', append_action: OVERWRITE_IF_EXISTS_OR_ADD')}] }`,
      ).replace('istio.io/v1\n', 'istio.io/v1alpha3\n'),
    )
    expectCall(patched, from, to).addsToAnswer({ by: 'second,first' })
  })
})

describe('an external authorizer', () => {
  const settings = (more = ''): string => `
extensionProviders:
- name: guard
  envoyExtAuthzHttp:
    service: guard.shop.svc.cluster.local
    port: 80
    pathPrefix: /check
    includeRequestHeadersInCheck: [user]
    headersToUpstreamOnAllow: [granted]
    headersToDownstreamOnDeny: [why]
${more}`
  const custom =
    '{ selector: { matchLabels: { app: cart } }, action: CUSTOM, provider: { name: guard }, rules: [{ to: [{ operation: { paths: ["/x"] } }] }] }'
  const guarded = (more = ''): TestMesh =>
    meshOf(istio('AuthorizationPolicy', 'ask', custom, 'security'), settings(more))
  const answering = (answer: AuthorizerAnswer) => ({
    circumstances: { askAuthorizer: () => answer },
    headers: { user: 'ann', other: 'x' },
  })

  test('is asked with the headers that it wants, where its policy matches', () => {
    const asked: unknown[] = []
    const circumstances = {
      askAuthorizer(question: unknown) {
        asked.push(question)
        return { status: 200, headers: { granted: 'yes', other: 'no' } }
      },
    }
    const options = { circumstances, headers: { user: 'ann', other: 'x' } }
    const call = guarded().call(from, to, options)
    expect(asked[0]).toEqual({
      cluster: 'outbound|80||guard.shop.svc.cluster.local',
      host: 'cart.shop',
      method: 'GET',
      path: '/check/x',
      headers: { user: 'ann' },
    })
    expect(call.arrival.headers).toMatchObject({ granted: 'yes', other: 'x' })
    const count = asked.length
    guarded().call(from, 'GET http://cart.shop/y', options)
    expect(asked).toHaveLength(count)
  })
  test('denies with its own status and the headers that may be shown', () => {
    expectCall(guarded(), from, to, answering({ status: 401, headers: { why: 'so', secret: 'x' } }))
      .answers(401)
      .addsToAnswer({ why: 'so' })
      .addsToAnswer({ why: 'so' }, 'exactly')
  })
  test('that fails denies, with 403 or as the provider says, or lets all through', () => {
    const failing = answering({ status: 500, headers: {} })
    expectCall(guarded(), from, to, failing).answers(403)
    expectCall(guarded('    statusOnError: "503"'), from, to, failing).answers(503)
    expect(Object.keys(guarded('    failOpen: true').call(from, to, failing).shares)).toHaveLength(3)
  })
  test('that the scope of a Sidecar leaves out cannot be asked', () => {
    const scoped =
      istio('AuthorizationPolicy', 'ask', custom, 'security') +
      istio(
        'Sidecar',
        'small',
        '{ workloadSelector: { labels: { app: cart } }, egress: [{ hosts: ["./shadow.shop.svc.cluster.local"] }] }',
      )
    const fine = answering({ status: 200, headers: {} })
    expectCall(meshOf(scoped, settings()), from, to, fine).answers(403)
    expectCall(meshOf(scoped, settings()), from, to).answers(403)
  })
  test('is not asked about what has no route, and may show several values', () => {
    const settled = answering({ status: 500, headers: {} })
    const routes =
      '{ hosts: [cart], http: [{ match: [{ uri: { exact: /y } }], route: [{ destination: { host: cart } }] }] }'
    const all = '{ action: CUSTOM, provider: { name: guard }, selector: { matchLabels: { app: edge } }, rules: [{}] }'
    const gateway =
      "{ selector: { istio: edge }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ['*'] }] }"
    const edge = new TestMesh(
      {
        east: {
          services: { ...services, edge: { gateway: true, ports: { http2: 80 }, externalAddress: '198.51.100.1' } },
          yaml:
            istio('Gateway', 'edge', gateway) +
            istio('VirtualService', 'cart', routes.replace('hosts: [cart]', "hosts: ['*'], gateways: [edge]")) +
            istio('AuthorizationPolicy', 'ask', all, 'security'),
        },
      },
      settings(),
    )
    const at = '10.10.4.1:8080'
    expectCall(edge, 'edge-v1-0.shop', 'GET http://shop.example/x', { ...settled, at }).answers(404)
    expectCall(edge, 'edge-v1-0.shop', 'GET http://shop.example/y', { ...settled, at }).answers(403)
  })
  test('of which nothing is known is taken to let the request go on', () => {
    expect(Object.keys(guarded().call(from, to).shares)).toHaveLength(3)
  })
})
