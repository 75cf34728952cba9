// Who may call whom, told from the Envoy resources of both sides.
import { describe, test } from 'vitest'
import { expectCall } from './expect-call.ts'
import { TestMesh } from './mesh.ts'

const services = {
  client: {},
  guest: { namespace: 'lobby' },
  stranger: { plaintext: true },
  cart: { versions: { v1: 1 } },
}

const mesh = (yaml: string): TestMesh => new TestMesh({ east: { services, yaml } })

const policy = (name: string, spec: string): string => `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ${name}, namespace: shop }
spec: ${spec}
`

const from = 'client-v1-0.shop'
const guest = 'guest-v1-0.lobby'
const to = 'GET http://cart.shop/items'
const plain = { at: '10.10.3.1:80' }

describe('PeerAuthentication', () => {
  const peer = (mode: string): string => `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: shop }
spec: { mtls: { mode: ${mode} } }
`
  test('STRICT closes plaintext connections; PERMISSIVE takes both', () => {
    expectCall(mesh(peer('STRICT')), from, to).reaches('cart-v1-0')
    expectCall(mesh(peer('STRICT')), 'cart-v1-0.shop', to, plain).isClosed()
    expectCall(mesh(peer('PERMISSIVE')), 'cart-v1-0.shop', to, plain).reaches('cart-v1-0')
  })
  test('DISABLE makes clients speak plaintext', () => {
    expectCall(mesh(peer('DISABLE')), from, to).reaches('cart-v1-0')
  })
})

describe('AuthorizationPolicy', () => {
  test('a policy without rules denies everything', () => {
    expectCall(mesh(policy('nobody', '{}')), from, to).answers(403)
  })
  test('ALLOW by namespace of the caller', () => {
    const shop = mesh(policy('own', '{ rules: [{ from: [{ source: { namespaces: [shop] } }] }] }'))
    expectCall(shop, from, to).reaches('cart-v1-0')
    expectCall(shop, guest, to).answers(403)
    expectCall(shop, 'cart-v1-0.shop', to, plain).answers(403)
  })
  test('DENY comes before ALLOW', () => {
    const shop = mesh(
      policy('all', '{ rules: [{}] }') +
        policy('no-delete', '{ action: DENY, rules: [{ to: [{ operation: { methods: [DELETE] } }] }] }'),
    )
    expectCall(shop, from, to).reaches('cart-v1-0')
    expectCall(shop, from, 'DELETE http://cart.shop/items').answers(403)
  })
  test('paths are judged in normal form', () => {
    const shop = mesh(policy('no-admin', "{ action: DENY, rules: [{ to: [{ operation: { paths: ['/admin*'] } }] }] }"))
    expectCall(shop, from, 'GET http://cart.shop/admin/x').answers(403)
    expectCall(shop, from, 'GET http://cart.shop/%61dmin').answers(403)
    expectCall(shop, from, 'GET http://cart.shop/public').reaches('cart-v1-0')
  })
  test('conditions on headers and not-lists', () => {
    const shop = mesh(
      policy(
        'when',
        "{ rules: [{ to: [{ operation: { notPaths: ['/private'] } }], when: [{ key: 'request.headers[x-key]', values: [a, 'b*'] }] }] }",
      ),
    )
    expectCall(shop, from, to).answers(403)
    expectCall(shop, from, to, { headers: { 'x-key': 'bcd' } }).reaches('cart-v1-0')
    expectCall(shop, from, 'GET http://cart.shop/private', { headers: { 'x-key': 'a' } }).answers(403)
  })
  test('a dry run denies nothing', () => {
    expectCall(
      mesh(`
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: dry, namespace: shop, annotations: { istio.io/dry-run: 'true' } }
spec: {}
`),
      from,
      to,
    ).reaches('cart-v1-0')
  })
})

describe('tokens', () => {
  const token = (claims: object): string => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.sig`
  const requirement = `
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: jwt, namespace: shop }
spec: { jwtRules: [{ issuer: me, audiences: [shop], jwks: '{"keys":[]}' }] }
`
  const withToken = (claims: object) => ({ headers: { authorization: `Bearer ${token(claims)}` } })

  test('a bad token is refused, none is no fault', () => {
    const shop = mesh(requirement)
    expectCall(shop, from, to).reaches('cart-v1-0')
    expectCall(shop, from, to, withToken({ iss: 'me', aud: 'shop' })).reaches('cart-v1-0')
    expectCall(shop, from, to, withToken({ iss: 'you' })).answers(401)
    expectCall(shop, from, to, withToken({ iss: 'me', aud: 'bank' })).answers(403)
  })
  test('policies ask for principals and claims', () => {
    const shop = mesh(
      requirement +
        policy(
          'claims',
          "{ rules: [{ from: [{ source: { requestPrincipals: ['me/*'] } }], when: [{ key: 'request.auth.claims[group]', values: [admin] }] }] }",
        ),
    )
    expectCall(shop, from, to).answers(403)
    expectCall(shop, from, to, withToken({ iss: 'me', sub: 'ann', aud: 'shop', group: ['dev', 'admin'] })).reaches(
      'cart-v1-0',
    )
    expectCall(shop, from, to, withToken({ iss: 'me', sub: 'bob', aud: 'shop', group: 'dev' })).answers(403)
  })
})

// Cases in which the evaluator once said something else than Envoy did (test/agreement).
describe('as Envoy does it', () => {
  const token = (claims: object): string => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.sig`
  const rules = (more: string): string => `
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: jwt, namespace: shop }
spec: { jwtRules: [{ issuer: one, jwks: '{"keys":[]}' }, { issuer: two, jwks: '{"keys":[]}', audiences: [shop]${more} }] }
`
  const withToken = (claims: object) => ({ headers: { authorization: `Bearer ${token(claims)}` } })

  test('of several providers the one that knows the issuer says what is wrong with a token', () => {
    expectCall(mesh(rules('')), from, to, withToken({ iss: 'two', aud: 'bank' })).answers(403)
    expectCall(mesh(rules('')), from, to, withToken({ iss: 'three', aud: 'bank' })).answers(401)
  })

  test('a claim that is a list becomes a header as JSON in base64', () => {
    const shop = mesh(rules(', outputClaimToHeaders: [{ header: x-groups, claim: groups }]'))
    expectCall(shop, from, to, withToken({ iss: 'two', aud: 'shop', groups: ['dev', 'admin'] })).arrivesAs({
      headers: { 'x-groups': btoa('["dev","admin"]') },
    })
  })

  test('nobody else can say what a token claims', () => {
    const shop = mesh(rules(', outputClaimToHeaders: [{ header: x-groups, claim: groups }]'))
    const forged = { headers: { 'x-groups': 'admin', 'x-other': 'stays' } }
    expectCall(shop, from, to, forged)
      .arrivesAs({ headers: { 'x-other': 'stays' } })
      .lacks('x-groups')
  })

  test('TLS bytes on a port that takes plaintext are no HTTP', () => {
    const shop = mesh(`
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: shop }
spec: { mtls: { mode: DISABLE } }
`)
    const tls = { sni: 'cart', alpn: ['istio'], principal: 'spiffe://cluster.local/ns/shop/sa/client' }
    expectCall(shop, 'cart-v1-0.shop', to, { at: plain.at, tls }).isClosed()
  })
})
