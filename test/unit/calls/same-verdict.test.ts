// Same verdict on every path: the same call is sent to a service of the own cluster, to the same service of another cluster
// when the own has none left, and both again through a gateway; under random rules for who may call whom. Left out is what
// differs by its nature: addresses of callers, which a gateway between clusters replaces by its own.
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { Dice } from '../../agreement/dice.ts'
import { authorizationPolicy, peerAuthentication } from '../../agreement/security-policies.ts'
import { headerNames, headerValues, methods, paths } from '../../agreement/vocabulary.ts'
import { type EastWestCluster, eastWestMesh, tsb } from './east-west.ts'
import type { CallOptions, TestMesh, TestService } from './mesh.ts'

const worlds = 30
const callsEach = 12
/** Where the pod of the edge gateway takes plain requests. */
const edge = '10.10.5.1:8080'
/** Of the edge gateway, and of a pod that calls without passing it: the same caller, as far as identities go. */
const account = 'front'

const proxied = (namespace: string, more: TestService = {}): TestService => ({
  namespace,
  ports: { http: 9080 },
  ...more,
})
const callers = {
  client: proxied('shop'),
  guest: proxied('lobby'),
  twin: proxied('edge', { account }),
  front: { namespace: 'edge', ports: { http: 80 }, gateway: true, externalAddress: '9.9.9.9', account } as TestService,
}

/** The gateway asks for the service by its own name, as others do. */
const throughEdge = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front, namespace: edge}
spec: {selector: {istio: front}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [shop.example]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: front, namespace: edge}
spec:
  hosts: [shop.example]
  gateways: [front]
  http: [{rewrite: {authority: "reviews.shop:9080"}, route: [{destination: {host: reviews.shop.svc.cluster.local, port: {number: 9080}}}]}]
`

type Fields = Record<string, unknown>

/** Rules of Istio's own kinds, the same in both clusters. */
function istioRules(dice: Dice): string {
  const policies = dice
    .list(0, 3, (at) => authorizationPolicy(dice, at, false))
    .filter((policy) => !knowsAddresses(policy))
  // Without mutual TLS nobody outside of the cluster can call at all.
  const peers = dice.chance(0.3)
    ? [peerAuthentication(dice)].filter((each) => !/DISABLE/.test(JSON.stringify(each)))
    : []
  return [...policies, ...peers].map((each) => `---\n${stringify(each)}`).join('')
}

const knowsAddresses = (policy: Fields): boolean => /[iI]pBlocks|source\.ip/.test(JSON.stringify(policy))

/** Rules of the hierarchy, for the workspace or for a group of it. */
function tsbRules(dice: Dice): { objects: string[]; defaults: Fields } {
  if (dice.chance(0.3)) return { objects: [], defaults: {} }
  const fqn = (name: string): Fields => ({ fqn: `organizations/tetrate/tenants/tetrate/workspaces/${name}` })
  const places = ['shop', 'lobby', 'edge']
  const rule = (): Fields => ({ from: fqn(dice.pick(places)), to: fqn('shop') })
  const mode = dice.pick(['DISABLED', 'NAMESPACE', 'GROUP', 'WORKSPACE', 'CLUSTER', 'CUSTOM', 'RULES'])
  const local = {
    rules: dice.list(1, 2, (at) => ({
      name: `rule-${at}`,
      to: [{ paths: dice.some(['/a', '/a/*', '/api/*', '/admin', '*'], 1, 2), methods: dice.some(methods, 1, 4) }],
    })),
  }
  const spec: Fields = {
    ...(dice.chance(0.3) && { authenticationSettings: { trafficMode: dice.pick(['OPTIONAL', 'REQUIRED']) } }),
    authorization: {
      mode,
      ...(mode === 'CUSTOM' && { serviceAccounts: dice.some(['shop/client', 'lobby/*', 'edge/front', './*'], 1, 2) }),
      ...(mode === 'RULES' && { rules: { allow: dice.list(0, 2, rule), deny: dice.list(0, 1, rule) } }),
      ...(dice.chance(0.3) && { http: { local } }),
    },
  }
  if (dice.chance(0.5)) return { objects: [], defaults: { defaultSecuritySetting: spec } }
  const group = tsb('security./Group', 'sg', { workspace: 'shop' }, { namespaceSelector: { names: ['*/shop'] } })
  const at = { workspace: 'shop', securityGroup: 'sg' }
  return { objects: [group, tsb('security./SecuritySetting', 'ss', at, spec)], defaults: {} }
}

interface Meshes {
  /** The service is in the callers' cluster. */
  readonly direct: TestMesh
  /** It is in the other cluster only. */
  readonly eastWest: TestMesh
}

function meshes(dice: Dice): Meshes {
  const rules = istioRules(dice)
  const { objects, defaults } = tsbRules(dice)
  const names = (name: string): string => tsb('/Workspace', name, {}, { namespaceSelector: { names: [`*/${name}`] } })
  const gateways = [{ workloadSelector: { namespace: 'eastwest', labels: { app: 'eastwest-gateway' } } }]
  const all = [
    ...['shop', 'lobby', 'edge'].map(names),
    tsb(
      '/WorkspaceSetting',
      'setting',
      { workspace: 'shop' },
      { defaultEastWestGatewaySettings: gateways, ...defaults },
    ),
    ...objects,
  ]
  const reviews = (count: number): TestService => proxied('shop', { versions: { v1: count } })
  const cluster = (gateway: string, count: number, yaml: string): EastWestCluster => ({
    services: { ...callers, reviews: reviews(count) },
    gateway,
    yaml,
  })
  const made = (count: number): TestMesh => {
    const one = cluster('1.1.1.1', count, `${throughEdge}${rules}`)
    const { front: _, ...others } = callers
    const two = { ...cluster('2.2.2.2', 1, rules), services: { ...others, reviews: reviews(1) } }
    return eastWestMesh({ one, two }, all)
  }
  return { direct: made(1), eastWest: made(0) }
}

/** `allowed`, and by whom; or how it is refused. */
function verdict(mesh: TestMesh, from: string, to: string, options: CallOptions): string {
  const { outcomes } = mesh.call(from, to, options)
  const words = outcomes.map(({ kind, status }) => (kind === 'reached' ? 'allowed' : `${kind} ${status ?? ''}`))
  return [...new Set(words)].sort().join(' or ')
}

function call(dice: Dice): { path: string; method: string; headers: Record<string, string> } {
  const headers = Object.fromEntries(dice.some(headerNames, 0, 2).map((name) => [name, dice.pick(headerValues)]))
  return { path: dice.pick(paths), method: dice.pick(methods), headers }
}

test('calls get the same verdict in the own cluster, in another, and through a gateway', () => {
  const seen = new Map<string, number>()
  for (let seed = 1; seed <= worlds; seed++) {
    const dice = new Dice(seed)
    const { direct, eastWest } = meshes(dice)
    for (let at = 0; at < callsEach; at++) {
      const { path, method, headers } = call(dice)
      const inside = `${method} http://reviews.shop:9080${path}`
      const outside = `${method} http://shop.example${path}`
      const told = `seed ${seed}: ${inside} ${JSON.stringify(headers)}`
      for (const caller of ['client-v1-0.shop', 'guest-v1-0.lobby', 'twin-v1-0.edge']) {
        const here = verdict(direct, `one/${caller}`, inside, { headers })
        const there = verdict(eastWest, `one/${caller}`, inside, { headers })
        expect(there, `${told} of ${caller}, by another cluster`).toBe(here)
        seen.set(here, (seen.get(here) ?? 0) + 1)
      }
      const twin = verdict(direct, 'one/twin-v1-0.edge', inside, { headers })
      for (const mesh of [direct, eastWest]) {
        const edged = verdict(mesh, 'one/front-v1-0.edge', outside, { headers, at: edge })
        const where = mesh === direct ? 'to the own cluster' : 'to another cluster'
        expect(edged, `${told}, through the gateway ${where}`).toBe(twin)
      }
    }
  }
  // Rules that allow everything, or nothing, would prove little.
  expect([...seen.keys()].sort()).toEqual(['allowed', 'answered 403'])
  for (const count of seen.values()) expect(count).toBeGreaterThan(worlds * callsEach * 3 * 0.1)
})
