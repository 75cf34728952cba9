// SecuritySettings and ServiceSecuritySettings, by what is written to clusters.
import { expect, test } from 'vitest'
import type { TranslateResult } from '../../index.ts'
import { clusterText, objectsOn, placed, pods, service, setting, translated, workspace } from '../testing.ts'

const inGroup = placed('bookinfo-ws', 'sg', 'securityGroup')
const group = `
apiVersion: security.tsb.tetrate.io/v2
kind: Group
metadata: {name: sg, namespace: tsb, annotations: ${placed('bookinfo-ws')}}
spec: {namespaceSelector: {names: ["*/bookinfo"]}}
`
const security = (spec: object): string => `
apiVersion: security.tsb.tetrate.io/v2
kind: SecuritySetting
metadata: {name: s, namespace: tsb, annotations: ${inGroup}}
spec: ${JSON.stringify(spec)}
`
const ofService = (name: string, settings: object, more: object = {}): string => `
apiVersion: security.tsb.tetrate.io/v2
kind: ServiceSecuritySetting
metadata: {name: ${name}, namespace: tsb, annotations: ${inGroup}}
spec: ${JSON.stringify({ service: `bookinfo/${name}.bookinfo.svc.cluster.local`, settings, ...more })}
`
const other = `
apiVersion: tsb.tetrate.io/v2
kind: Workspace
metadata: {name: other, namespace: tsb, annotations: ${placed()}}
spec: {namespaceSelector: {names: ["*/sleep"]}}
`
const more = `
---
apiVersion: v1
kind: Namespace
metadata: {name: sleep}
${service('details')}${pods('details', { v1: 1 })}`
const mesh = (domain: string): string => `
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: "trustDomain: ${domain}"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: istiod, namespace: istio-system, labels: {app: istiod}}
spec: {template: {metadata: {labels: {app: istiod}}, spec: {containers: [{name: discovery, image: "istio/pilot:1.20.0"}]}}}
`

const run = (...texts: string[]): TranslateResult =>
  translated([workspace, other, group, ...texts], {
    one: clusterText({ name: 'one', more: more + mesh('td1') }),
    two: clusterText({ name: 'two', more: more + mesh('td2') }),
  })
const specs = (result: TranslateResult, kind: string): Record<string, unknown> =>
  Object.fromEntries(
    objectsOn(result, 'one', kind).map(({ metadata, spec }) => [`${metadata.namespace}/${metadata.name}`, spec]),
  )
const allowOf = (result: TranslateResult): unknown =>
  specs(result, 'AuthorizationPolicy')['bookinfo/tsb-security-allow']
const mode = (name: string, rest: object = {}): object => ({ authorization: { mode: name, ...rest } })
const principals = (...values: string[]): object => ({ from: [{ source: { principals: values } }] })

test('nothing said, nothing made', () => {
  for (const spec of [{}, mode('DISABLED'), mode('UNSET')]) {
    const result = run(security(spec))
    expect(result.objects.filter(({ object }) => object.apiVersion.startsWith('security'))).toEqual([])
    expect(result.problems).toEqual([])
  }
})

test('traffic modes are modes of mutual TLS', () => {
  const authentication = (trafficMode: string): object => ({ authenticationSettings: { trafficMode } })
  expect(specs(run(security(authentication('REQUIRED'))), 'PeerAuthentication')).toEqual({
    'bookinfo/tsb-security': { mtls: { mode: 'STRICT' } },
  })
  expect(specs(run(security({ authentication: 'OPTIONAL' })), 'PeerAuthentication')).toEqual({
    'bookinfo/tsb-security': { mtls: { mode: 'PERMISSIVE' } },
  })
})

test.each([
  ['CLUSTER', {}, ['*']],
  ['WORKSPACE', {}, ['td1/ns/bookinfo/*', 'td2/ns/bookinfo/*']],
  ['NAMESPACE', {}, ['td1/ns/bookinfo/*', 'td2/ns/bookinfo/*']],
  ['GROUP', {}, ['td1/ns/bookinfo/*', 'td2/ns/bookinfo/*']],
  [
    'CUSTOM',
    { serviceAccounts: ['sleep/sleep', './*'] },
    ['td1/ns/bookinfo/*', 'td1/ns/sleep/sa/sleep', 'td2/ns/bookinfo/*', 'td2/ns/sleep/sa/sleep'],
  ],
])('mode %s lets in callers by their identity, in whatever cluster they are', (name, rest, expected) => {
  expect(allowOf(run(security(mode(name, rest))))).toEqual({ action: 'ALLOW', rules: [principals(...expected)] })
})

test('rules between owned parts; denials count whatever is allowed', () => {
  const fqn = (name: string): object => ({ fqn: `organizations/tetrate/tenants/tetrate/workspaces/${name}` })
  const to = fqn('bookinfo-ws')
  const rules = { allow: [{ from: fqn('bookinfo-ws'), to }], deny: [{ from: fqn('other'), to }] }
  const result = run(security(mode('RULES', { rules })))
  expect(specs(result, 'AuthorizationPolicy')).toEqual({
    'bookinfo/tsb-security-allow': { action: 'ALLOW', rules: [principals('td1/ns/bookinfo/*', 'td2/ns/bookinfo/*')] },
    'bookinfo/tsb-security-deny': { action: 'DENY', rules: [principals('td1/ns/sleep/*', 'td2/ns/sleep/*')] },
  })
  expect(allowOf(run(security(mode('RULES', { rules: {} }))))).toBeUndefined()
  expect(allowOf(run(security(mode('RULES', { rules: { denyAll: true } }))))).toEqual({ action: 'ALLOW' })
})

test('a rule for a part that nobody knows lets nobody in, and is told', () => {
  const from = { fqn: 'organizations/tetrate/tenants/gone' }
  const to = { fqn: 'organizations/tetrate/tenants/tetrate' }
  const result = run(security(mode('RULES', { rules: { allow: [{ from, to }] } })))
  expect(allowOf(result)).toEqual({ action: 'ALLOW' })
  expect(result.problems.map(({ code, path }) => `${code} ${path}`)).toEqual([
    'reference-not-found spec.authorization.rules.allow[0].from.fqn',
  ])
})

test('what is below replaces what is above, unless an ancestor says STRICTER', () => {
  const above = (propagationStrategy: string): string =>
    setting({ defaultSecuritySetting: { ...mode('WORKSPACE'), authentication: 'REQUIRED', propagationStrategy } })
  const below = security({ ...mode('CLUSTER'), authentication: 'OPTIONAL' })
  const replaced = run(above('REPLACE'), below)
  expect(allowOf(replaced)).toEqual({ action: 'ALLOW', rules: [principals('*')] })
  expect(specs(replaced, 'PeerAuthentication')['bookinfo/tsb-security']).toEqual({ mtls: { mode: 'PERMISSIVE' } })
  const stricter = run(above('STRICTER'), below)
  expect(allowOf(stricter)).toMatchObject({ rules: [principals('td1/ns/bookinfo/*', 'td2/ns/bookinfo/*')] })
  expect(specs(stricter, 'PeerAuthentication')['bookinfo/tsb-security']).toEqual({ mtls: { mode: 'STRICT' } })
  expect(allowOf(run(above('REPLACE')))).toMatchObject({ rules: [{}].map(() => expect.anything()) })
})

test('the setting of a service takes back what its namespace lets in', () => {
  const result = run(
    security(mode('WORKSPACE')),
    ofService('details', mode('CUSTOM', { serviceAccounts: ['bookinfo/productpage'] })),
  )
  const accounts = ['td1/ns/bookinfo/sa/productpage', 'td2/ns/bookinfo/sa/productpage']
  const selector = { matchLabels: { app: 'details' } }
  expect(specs(result, 'AuthorizationPolicy')).toMatchObject({
    'bookinfo/tsb-details-allow': { selector, action: 'ALLOW', rules: [principals(...accounts)] },
    'bookinfo/tsb-details-deny': {
      selector,
      action: 'DENY',
      rules: [{ from: [{ source: { notPrincipals: accounts } }] }],
    },
  })
  const open = run(security(mode('WORKSPACE')), ofService('details', mode('DISABLED')))
  expect(specs(open, 'AuthorizationPolicy')['bookinfo/tsb-details-allow']).toEqual({
    selector,
    action: 'ALLOW',
    rules: [{}],
  })
})

test('rules for requests go together with who may call, and can be taken back too', () => {
  const http = {
    local: {
      rules: [
        {
          name: 'read',
          from: [{ jwt: { iss: 'me', other: { role: 'admin' } } }],
          to: [{ paths: ['/a'], methods: ['GET'] }],
        },
      ],
    },
  }
  const whole = run(security(mode('CUSTOM', { serviceAccounts: ['bookinfo/x'], http })))
  expect(allowOf(whole)).toEqual({
    action: 'ALLOW',
    rules: [
      {
        from: [
          { source: { principals: ['td1/ns/bookinfo/sa/x', 'td2/ns/bookinfo/sa/x'], requestPrincipals: ['me/*'] } },
        ],
        to: [{ operation: { paths: ['/a'], methods: ['GET'] } }],
        when: [{ key: 'request.auth.claims[role]', values: ['admin'] }],
      },
    ],
  })
  const service = run(security(mode('CLUSTER')), ofService('details', { authorization: { mode: 'CLUSTER', http } }))
  expect(specs(service, 'AuthorizationPolicy')['bookinfo/tsb-details-deny']).toMatchObject({
    rules: [
      { from: [{ source: { notPrincipals: ['*'] } }] },
      { from: [{ source: { notRequestPrincipals: ['me/*'] } }] },
      { when: [{ key: 'request.auth.claims[role]', notValues: ['admin'] }] },
      { to: [{ operation: { notPaths: ['/a'] } }] },
      { to: [{ operation: { notMethods: ['GET'] } }] },
    ],
  })
})

test('tokens: what is accepted, and that one must be there', () => {
  const jwt = { issuer: 'me', jwks: '{"keys":[]}', fromHeaders: [{ name: 'x-token', prefix: 'Bearer ' }] }
  const result = run(security({ authenticationSettings: { http: { jwt, requireJwt: true } } }))
  expect(specs(result, 'RequestAuthentication')).toEqual({
    'bookinfo/tsb-security': { jwtRules: [{ ...jwt, forwardOriginalToken: true, presence: 'REQUIRED' }] },
  })
  expect(specs(result, 'AuthorizationPolicy')['bookinfo/tsb-security-deny']).toEqual({
    action: 'DENY',
    rules: [{ from: [{ source: { notRequestPrincipals: ['me/*'] } }] }],
  })
  const two = { rules: { jwt: [jwt, { ...jwt, issuer: 'you' }] }, requireJwt: true }
  const both = run(security({ authenticationSettings: { http: two } }))
  expect(specs(both, 'RequestAuthentication')['bookinfo/tsb-security']).toMatchObject({
    jwtRules: [{ issuer: 'me' }, { issuer: 'you' }],
  })
  expect(JSON.stringify(specs(both, 'RequestAuthentication'))).not.toContain('presence')
})

test('a server that is asked: Envoy’s own filter; without an address that can be read, nothing passes', () => {
  const external = (uri: string): string =>
    security({ authorization: { http: { external: { uri, includeRequestHeaders: ['X-Who'] } } } })
  const [filter] = objectsOn(run(external('grpc://authz.example.com:9000')), 'one', 'EnvoyFilter')
  expect(filter?.metadata).toMatchObject({ namespace: 'bookinfo', name: 'tsb-security-external-authorization' })
  expect(filter?.spec).toMatchObject({
    configPatches: [
      { applyTo: 'CLUSTER', patch: { operation: 'ADD', value: { name: 'tsb-asked-authz.example.com-9000' } } },
      { applyTo: 'HTTP_FILTER', patch: { value: { typed_config: { failure_mode_allow: false } } } },
    ],
  })
  const broken = run(external('nowhere'))
  expect(JSON.stringify(objectsOn(broken, 'one', 'EnvoyFilter')[0]?.spec)).toContain('"action":"DENY"')
  expect(broken.problems.some(({ path }) => path === 'spec.authorization.http.external.uri')).toBe(true)
})

test('groups of mode DIRECT take no settings', () => {
  const direct = group.replace('spec: {', 'spec: {configMode: DIRECT, ')
  const result = translated([workspace, direct, security(mode('WORKSPACE'))], {
    one: clusterText({ name: 'one', more }),
  })
  expect(result.problems.map(({ code }) => code)).toEqual(['not-allowed'])
  expect(objectsOn(result, 'one', 'AuthorizationPolicy')).toEqual([])
})

test('of two settings for one service the first holds', () => {
  const second = ofService('details', mode('DISABLED')).replace('name: details,', 'name: later,')
  const result = run(ofService('details', mode('WORKSPACE')), second)
  expect(specs(result, 'AuthorizationPolicy')).toHaveProperty(['bookinfo/tsb-details-allow'])
  expect([...new Set(result.problems.map(({ code, object }) => `${code} ${object.name}`))]).toEqual(['conflict later'])
})
