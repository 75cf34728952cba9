// What `fairlead explain` says to a user whose request is denied, or goes where it should not.
import { describe, expect, test } from 'vitest'
import { TestMesh } from './mesh.ts'

const services = {
  client: {},
  cart: { ports: { http: 8080 }, versions: { v1: 3 } },
  edge: { gateway: true, ports: { http: 80 } },
}
const policies = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: readers, namespace: shop }
spec:
  selector: { matchLabels: { app: cart } }
  rules:
  - from: [{ source: { namespaces: [lobby, admin] } }]
  - from: [{ source: { namespaces: [shop] } }]
    to: [{ operation: { methods: [GET], notPaths: ['/admin*'] } }]
    when: [{ key: 'request.auth.claims[group]', values: [dev] }]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: shop }
spec: { selector: { istio: edge }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ['*'] }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: edge, namespace: shop }
spec: { hosts: [shop.example], gateways: [edge], http: [{ route: [{ destination: { host: cart } }] }] }
`
const mesh = (yaml = '', meshConfig = ''): TestMesh => new TestMesh({ east: { services, yaml } }, meshConfig)
const from = 'client-v1-0.shop'

describe('a request that is denied', () => {
  const words = (to: string): string => mesh(policies).explain(from, to)
  test('is told what each rule misses', () => {
    const told = words('POST http://cart:8080/')
    expect(told).toContain('ALLOW: DENIED, no ALLOW rule matches')
    expect(told).toMatch(
      /not AuthorizationPolicy shop\/readers, rule 1, for want of: caller matches .*lobby.* or .*admin/,
    )
    const claim = 'claim group of the token is "dev", alone or in a list'
    expect(told).toContain(`not AuthorizationPolicy shop/readers, rule 2, for want of: (${claim}) and method is "GET"`)
    expect(words('GET http://cart:8080/admin/x')).toContain(
      `for want of: (${claim}) and not (path starts with "/admin")`,
    )
    expect(words('GET http://cart:8080/')).toMatch(
      /rule 2, for want of: claim group of the token is "dev", alone or in a list$/m,
    )
  })
  test('says so once of proxies that do the same', () => {
    const told = words('POST http://cart:8080/')
    expect(told).toContain('2. east/cart-v1-0.shop, and so east/cart-v1-1.shop, east/cart-v1-2.shop')
    expect(told.match(/ and method is "GET"/g)).toHaveLength(1)
  })
  test('has places of objects where they are known', () => {
    const told = mesh(policies).explain(from, 'POST http://cart:8080/', {
      placeOf: ({ kind }, path) => `${kind}.yaml at ${path}`,
    })
    expect(told).toContain('readers, rule 2 (AuthorizationPolicy.yaml at spec.rules[1])')
  })
})

describe('a request to nothing that is known', () => {
  const hints = (who: string, to: string, meshConfig = ''): readonly string[] =>
    mesh(policies, meshConfig).hints(who, to)
  test('is told what may be meant', () => {
    expect(hints(from, 'GET http://crat:8080/')).toEqual([
      'the proxy knows no service by the name crat, and takes it for something outside; did you mean cart?',
    ])
    expect(hints(from, 'GET http://crat.shop:8080/', 'outboundTrafficPolicy: { mode: REGISTRY_ONLY }')[0]).toContain(
      'did you mean cart.shop?',
    )
    expect(hints(from, 'GET http://cart:9999/')).toEqual([
      'cart.shop.svc.cluster.local is known at port 8080, not 9999',
    ])
  })
  test('at a gateway, which hosts it serves', () => {
    const at = { at: '10.10.2.1:8080' }
    expect(mesh(policies).hints('edge-v1-0.shop', 'GET http://shop.exmaple/', at)).toEqual([
      'hosts that are served here: shop.example',
    ])
    expect(mesh(policies).hints('edge-v1-0.shop', 'GET http://shop.example/', at)).toEqual([])
  })
  test('is not told of what goes its way', () => {
    expect(hints(from, 'GET http://cart:8080/')).toEqual([])
    expect(hints(from, 'GET http://203.0.113.7:8080/')).toEqual([])
  })
})
