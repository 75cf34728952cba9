// What requests do under rules for routes, told from the Envoy resources that the rules become.
import { describe, test } from 'vitest'
import { expectCall } from './expect-call.ts'
import { TestMesh } from './mesh.ts'

const services = {
  client: {},
  reviews: { ports: { http: 9080 }, versions: { v1: 1, v2: 1, v3: 1 } },
  ratings: { ports: { http: 9080 } },
}

const subsets = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews, namespace: shop }
spec:
  host: reviews
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }, { name: v3, labels: { version: v3 } }]
---
`

const mesh = (yaml: string, meshConfig = ''): TestMesh =>
  new TestMesh({ east: { services, yaml: subsets + yaml } }, meshConfig)

const rule = (http: string): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: shop }
spec:
  hosts: [reviews]
  http: ${http}
`

const from = 'client-v1-0.shop'
const to = 'GET http://reviews:9080/reviews/7'

describe('without rules', () => {
  test('every pod gets its share, by mutual TLS', () => {
    expectCall(mesh(''), from, to).reaches({ 'reviews-v1-0': 0.3333, 'reviews-v2-0': 0.3333, 'reviews-v3-0': 0.3333 })
  })
  test('an unknown host is passed through, or answered 502 where only known hosts are allowed', () => {
    expectCall(mesh(''), from, 'GET http://elsewhere.example:9080/').reaches('192.0.2.1:9080')
    expectCall(
      mesh('', 'outboundTrafficPolicy: { mode: REGISTRY_ONLY }'),
      from,
      'GET http://elsewhere.example:9080/',
    ).answers(502)
  })
})

describe('VirtualService', () => {
  test('chooses by header, in order, and splits by weight', () => {
    const shop = mesh(
      rule(`
  - match: [{ headers: { end-user: { exact: jason } } }]
    route: [{ destination: { host: reviews, subset: v2 } }]
  - route:
    - { destination: { host: reviews, subset: v1 }, weight: 75 }
    - { destination: { host: reviews, subset: v3 }, weight: 25 }`),
    )
    expectCall(shop, from, to, { headers: { 'end-user': 'jason' } }).reaches('reviews-v2-0')
    expectCall(shop, from, to, { headers: { 'end-user': 'jasons' } }).reaches({
      'reviews-v1-0': 0.75,
      'reviews-v3-0': 0.25,
    })
  })

  test('withoutHeaders takes a header that is missing for empty', () => {
    const shop = mesh(
      rule(`
  - match: [{ withoutHeaders: { x-old: { exact: 'yes' } } }]
    route: [{ destination: { host: reviews, subset: v2 } }]
  - route: [{ destination: { host: reviews, subset: v1 } }]`),
    )
    expectCall(shop, from, to).reaches('reviews-v2-0')
    expectCall(shop, from, to, { headers: { 'x-old': 'yes' } }).reaches('reviews-v1-0')
    expectCall(shop, from, to, { headers: { 'x-old': 'no' } }).reaches('reviews-v2-0')
  })

  test('matches paths without their query, in any case where asked, and by query parameter', () => {
    const shop = mesh(
      rule(`
  - match: [{ uri: { exact: /Exact }, ignoreUriCase: true }]
    directResponse: { status: 201 }
  - match: [{ uri: { regex: '/r[0-9]+' } }]
    directResponse: { status: 202 }
  - match: [{ queryParams: { canary: { exact: 'true' } } }]
    directResponse: { status: 203 }
  - match: [{ method: { exact: DELETE } }]
    directResponse: { status: 204 }`),
    )
    expectCall(shop, from, 'GET http://reviews:9080/eXACT?x=1').answers(201)
    expectCall(shop, from, 'GET http://reviews:9080/r42?x').answers(202)
    expectCall(shop, from, 'GET http://reviews:9080/r42x?canary=true&canary=false').answers(203)
    expectCall(shop, from, 'DELETE http://reviews:9080/x').answers(204)
    expectCall(shop, from, 'GET http://reviews:9080/x').answers(404)
  })

  test('rewrites path and host, and changes headers, of the route first and of the destination too', () => {
    expectCall(
      mesh(
        rule(`
  - match: [{ uri: { prefix: /reviews/ } }]
    rewrite: { uri: /, authority: old.example }
    headers:
      request: { set: { x-a: '1' }, add: { x-b: '2' }, remove: [x-c] }
      response: { set: { x-served: mesh } }
    route: [{ destination: { host: reviews, subset: v1 }, headers: { request: { add: { x-b: '3' } } } }]`),
      ),
      from,
      `${to}?q=1`,
      { headers: { 'x-c': 'gone', 'x-a': '0' } },
    )
      .reaches('reviews-v1-0')
      .arrivesAs({ host: 'old.example', path: '/7?q=1', headers: { 'x-a': '1', 'x-b': '2,3' } })
      .addsToAnswer({ 'x-served': 'mesh' })
  })

  test('redirects: path, port and scheme', () => {
    const shop = mesh(
      rule(`
  - match: [{ uri: { prefix: /a } }]
    redirect: { uri: /b, authority: new.example, redirectCode: 308 }
  - redirect: { scheme: https, derivePort: FROM_PROTOCOL_DEFAULT }`),
    )
    expectCall(shop, from, 'GET http://reviews:9080/a/x?y=1').answers(308).redirectsTo('http://new.example/b?y=1')
    expectCall(shop, from, 'GET http://reviews:9080/c?y=1').answers(301).redirectsTo('https://reviews:9080/c?y=1')
  })

  test('injects faults by share', () => {
    expectCall(
      mesh(
        rule(`
  - fault: { abort: { httpStatus: 418, percentage: { value: 30 } }, delay: { fixedDelay: 2s, percentage: { value: 100 } } }
    route: [{ destination: { host: reviews, subset: v1 } }]`),
      ),
      from,
      to,
    ).reaches({ '418': 0.3, 'reviews-v1-0': 0.7 })
  })

  test('answers 503 for a subset that does not exist', () => {
    expectCall(mesh(rule('[{ route: [{ destination: { host: reviews, subset: v9 } }] }]')), from, to).answers(503)
  })

  test('leads to another service, under the name that the client used', () => {
    expectCall(mesh(rule('[{ route: [{ destination: { host: ratings } }] }]')), from, to)
      .reaches('ratings-v1-0')
      .arrivesAs({ host: 'reviews:9080' })
  })
})

// Cases in which the evaluator once said something else than Envoy did (test/agreement).
describe('as Envoy does it', () => {
  test('what replaces a header comes before what is added, of route and destination together', () => {
    expectCall(
      mesh(
        rule(`
  - headers: { request: { set: { x-a: first }, add: { x-a: second } } }
    route: [{ destination: { host: reviews, subset: v1 }, headers: { request: { set: { x-a: third } } } }]`),
      ),
      from,
      to,
    ).arrivesAs({ headers: { 'x-a': 'third,second' } })
  })

  test('CORS has no say in answers that a route gives itself', () => {
    const shop = mesh(
      rule(`
  - corsPolicy: { allowOrigins: [{ exact: 'https://site.example' }], allowCredentials: true }
    directResponse: { status: 503 }`),
    )
    const headers = { origin: 'https://site.example', 'access-control-request-method': 'GET' }
    expectCall(shop, from, 'OPTIONS http://reviews:9080/', { headers }).answers(503).addsToAnswer({}, 'exactly')
  })
})
