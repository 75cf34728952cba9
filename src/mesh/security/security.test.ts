import { describe, expect, it } from 'vitest'
import { snapshotOf, staticWorld, type World } from '../../discovery/index.ts'
import { groupKind, readObjects } from '../../resources/index.ts'
import {
  inboundModes,
  modeOfPort,
  readAuthorization,
  type SecuredWorkload,
  workloadAuthorization,
  workloadTokens,
} from './index.ts'
import { principalInDomains } from './trust-domains.ts'

function worldOf(text: string): World {
  const { objects, problems } = readObjects(text, 'f.yaml')
  expect(problems).toEqual([])
  const snapshot = snapshotOf(new Map([['c', objects.map(({ object }) => object)]]), groupKind)
  return staticWorld(snapshot, { primary: 'c' })
}

function policy(kind: string, name: string, namespace: string, spec: string, created = 2020): string {
  const metadata = `{name: ${name}, namespace: ${namespace}, creationTimestamp: "${created}-01-01T00:00:00Z"}`
  return `---\n{apiVersion: security.istio.io/v1, kind: ${kind}, metadata: ${metadata}, spec: ${spec}}\n`
}

const workload: SecuredWorkload = { namespace: 'shop', labels: { app: 'front', tier: 'web' } }

describe('inboundModes', () => {
  const peer = (name: string, namespace: string, spec: string, created?: number): string =>
    policy('PeerAuthentication', name, namespace, spec, created)
  const modes = (text: string, who = workload): unknown => {
    const found = inboundModes(worldOf(text), who)
    return [found.mode, modeOfPort(found, 1), modeOfPort(found, 2), found.origin.map((o) => o.name)]
  }

  it('are permissive where nobody says anything', () => {
    expect(modes('')).toEqual(['PERMISSIVE', 'PERMISSIVE', 'PERMISSIVE', []])
  })

  it('narrow down from mesh to namespace to workload to port, UNSET leaving the wider one', () => {
    const text = [
      peer('m', 'istio-system', '{mtls: {mode: STRICT}}'),
      peer('n', 'shop', '{mtls: {mode: UNSET}}'),
      peer(
        'w',
        'shop',
        '{selector: {matchLabels: {app: front}}, portLevelMtls: {1: {mode: DISABLE}, 2: {mode: UNSET}}}',
      ),
      peer('other', 'shop', '{selector: {matchLabels: {app: back}}, mtls: {mode: DISABLE}}'),
      peer('root', 'istio-system', '{selector: {matchLabels: {app: front}}, mtls: {mode: DISABLE}}'),
    ].join('')
    expect(modes(text)).toEqual(['STRICT', 'DISABLE', 'STRICT', ['m', 'n', 'w']])
    expect(modes(text, { namespace: 'shop', labels: { app: 'back' } })).toEqual([
      'DISABLE',
      'DISABLE',
      'DISABLE',
      ['m', 'n', 'other'],
    ])
  })

  it('take the oldest of one scope', () => {
    const text = peer('a', 'shop', '{mtls: {mode: DISABLE}}', 2022) + peer('b', 'shop', '{mtls: {mode: STRICT}}', 2021)
    expect(modes(text)).toEqual(['STRICT', 'STRICT', 'STRICT', ['b']])
  })

  it('are strict where a policy cannot be read', () => {
    expect(modes(peer('n', 'shop', '{mtls: {mode: STRICKT}}'))).toEqual(['STRICT', 'STRICT', 'STRICT', ['n']])
    expect(modes(peer('n', 'shop', '{mtlss: {mode: STRICT}}'))).toEqual(['STRICT', 'STRICT', 'STRICT', ['n']])
    const ports = '{selector: {matchLabels: {app: front}}, mtls: {mode: DISABLE}, portLevelMtls: {1: {mode: 5}}}'
    expect(modes(peer('w', 'shop', ports))).toEqual(['DISABLE', 'STRICT', 'DISABLE', ['w']])
  })
})

describe('workloadAuthorization', () => {
  const auth = (name: string, namespace: string, spec: string): string =>
    policy('AuthorizationPolicy', name, namespace, spec)

  it('collects the policies of the root namespace and its own, by action', () => {
    const world = worldOf(
      [
        auth('a', 'shop', '{rules: [{}]}'),
        auth('d', 'istio-system', '{action: DENY, rules: [{}]}'),
        auth('selected', 'istio-system', '{selector: {matchLabels: {app: back}}}'),
        auth('elsewhere', 'bank', '{}'),
        auth('gateway', 'shop', '{targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}]}'),
      ].join(''),
    )
    const names = (labels: Record<string, string>): unknown =>
      Object.values(workloadAuthorization(world, { namespace: 'shop', labels })).map((list) => list.map((p) => p.name))
    expect(names({ app: 'front' })).toEqual([[], [], ['d'], ['a']])
    expect(names({ app: 'back' })).toEqual([[], [], ['d'], ['selected', 'a']])
    expect(names({ 'gateway.networking.k8s.io/gateway-name': 'g' })).toEqual([[], [], ['d'], ['a', 'gateway']])
  })
})

describe('readAuthorization, of what is broken', () => {
  const read = (spec: string): unknown => {
    const object = readObjects(policy('AuthorizationPolicy', 'p', 'shop', spec), 'f').objects[0]?.object
    if (object === undefined) throw new Error('no object')
    const { action, rules, scope } = readAuthorization(object, 'c')
    return [action, scope.selector, rules]
  }
  const front = { app: 'front' }
  const selector = 'selector: {matchLabels: {app: front}}'

  it('leaves out ALLOW rules', () => {
    const rules = '[{from: [{source: {ipBlocks: [nope]}}]}, {to: [{operation: {methods: [GET]}}]}, {form: []}]'
    expect(read(`{${selector}, rules: ${rules}}`)).toEqual([
      'ALLOW',
      front,
      [{ index: 1, rule: { to: [{ operation: { methods: ['GET'] } }] } }],
    ])
  })

  it('widens DENY rules', () => {
    const rules = '[{from: [{source: {ipBlocks: [nope], namespaces: [a]}}], when: [{key: x, values: [y]}]}, 5]'
    expect(read(`{${selector}, action: DENY, rules: ${rules}}`)).toEqual([
      'DENY',
      front,
      [
        { index: 0, rule: { from: [{ source: { namespaces: ['a'] } }], when: [] } },
        { index: 1, rule: {} },
      ],
    ])
    expect(read(`{action: DENY, rules: x}`)).toEqual(['DENY', {}, [{ index: 0, rule: {} }]])
    expect(read(`{action: DENY}`)).toEqual(['DENY', {}, []])
  })

  it('allows nothing where action or scope are lost', () => {
    expect(read(`{${selector}, action: DENNY, rules: [{}]}`)).toEqual(['ALLOW', front, []])
    expect(read(`{${selector}, actoin: DENY, rules: [{}]}`)).toEqual(['ALLOW', {}, []])
    expect(read(`{selector: {matchLabels: {app: 5}}, rules: [{}]}`)).toEqual(['ALLOW', {}, []])
    expect(read(`{selector: {matchLabels: {app: 5}}, action: DENY, rules: [{}]}`)).toEqual([
      'DENY',
      {},
      [{ index: 0, rule: {} }],
    ])
    expect(read('nothing')).toEqual(['ALLOW', {}, []])
  })
})

describe('workloadTokens', () => {
  it('are sorted by issuer, and know which are broken', () => {
    const world = worldOf(
      policy('RequestAuthentication', 'r', 'shop', '{jwtRules: [{issuer: z}, {issuer: b, jwks: "{"}]}') +
        policy('RequestAuthentication', 'm', 'istio-system', '{jwtRules: [{issuer: m}]}'),
    )
    expect(workloadTokens(world, workload).map((t) => [t.rule.issuer, t.broken])).toEqual([
      ['b', true],
      ['m', false],
      ['z', false],
    ])
  })
})

describe('principalInDomains', () => {
  it.each([
    ['td1/ns/a/sa/b', ['td1', 'td2'], ['td1/ns/a/sa/b', 'td2/ns/a/sa/b']],
    ['cluster.local/ns/a/sa/b', ['td1', 'td2'], ['td1/ns/a/sa/b', 'td2/ns/a/sa/b']],
    ['other/ns/a/sa/b', ['td1', 'td2'], ['other/ns/a/sa/b']],
    ['*/ns/a/sa/b', ['td1', 'td2'], ['*/ns/a/sa/b']],
    ['*-td/ns/a/sa/b', ['old-td', 'new-td', 'x'], ['*-td/ns/a/sa/b', 'x/ns/a/sa/b']],
    ['*', ['td1', 'td2'], ['*']],
  ])('%s in %j', (principal, domains, expected) => {
    expect(principalInDomains(principal, domains)).toEqual(expected)
  })
})
