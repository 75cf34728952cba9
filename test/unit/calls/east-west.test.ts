// The cases of east-west failover that need neither time nor a broken proxy: each is a call, and the evaluator tells
// from what the proxies are given where it ends. Those with time and failures are in `test/scenarios/east-west*.yaml` and
// in the guide's own acceptance file.
import { describe, expect, test } from 'vitest'
import type { KubeObject } from '../../../src/resources/index.ts'
import {
  details,
  type EastWestCluster,
  eastWest,
  eastWestMesh,
  onlyV2,
  page,
  reviews,
  route,
  setting,
  sleeper,
  tsb,
  workspace,
} from './east-west.ts'
import { expectCall } from './expect-call.ts'
import type { TestMesh, TestService } from './mesh.ts'

const all = reviews({ v1: 1, v2: 1, v3: 1 })
const none = reviews({})
const one = (
  services: Readonly<Record<string, TestService>>,
  more: Partial<EastWestCluster> = {},
): EastWestCluster => ({
  services,
  gateway: '1.1.1.1',
  ...more,
})
const two = (
  services: Readonly<Record<string, TestService>>,
  more: Partial<EastWestCluster> = {},
): EastWestCluster => ({
  services,
  gateway: '2.2.2.2',
  ...more,
})
const toDetails = 'GET http://details:9080/details/0'
const toReviews = 'GET http://reviews:9080/reviews/0'
const routed = [workspace, setting(), onlyV2]

function objectsOn(mesh: TestMesh, cluster: string, kind: string): KubeObject[] {
  return (mesh.translated?.objects ?? [])
    .filter((each) => each.cluster === cluster && each.object.kind === kind)
    .map(({ object }) => object)
}
const generated = (mesh: TestMesh): string[] =>
  (mesh.translated?.objects ?? [])
    .map(({ cluster, object }) => `${cluster} ${object.kind} ${object.metadata.namespace}/${object.metadata.name}`)
    .filter((text) => !/ (Service|Deployment|ServiceAccount|ConfigMap) /.test(text))
const entries = (mesh: TestMesh, cluster: string): KubeObject[] =>
  objectsOn(mesh, cluster, 'WorkloadEntry').filter(({ metadata }) => metadata.name.startsWith('k-details-'))
const addresses = (mesh: TestMesh, cluster: string): unknown[] =>
  entries(mesh, cluster)
    .map(({ spec }) => (spec as { address: string }).address)
    .sort()
const told = (mesh: TestMesh): string =>
  (mesh.translated?.problems ?? []).map(({ severity, message }) => `${severity}: ${message}`).join('\n')

describe('2.10', () => {
  test('all local endpoints removed: 100 % remote; back to local when a pod is ready', () => {
    const gone = eastWestMesh({ one: one({ details: none }), two: two({ details }) })
    expectCall(gone, page('one'), toDetails).reaches('two/details-v1-0')
    const back = eastWestMesh({ one: one({ details }), two: two({ details }) })
    expectCall(back, page('one'), toDetails).reaches('one/details-v1-0')
  })

  test('one version of several scaled to 0, no subset routing: no failover, the others take everything', () => {
    const mesh = eastWestMesh({ one: one({ reviews: reviews({ v1: 1, v3: 1 }) }), two: two({ reviews: all }) })
    expectCall(mesh, page('one'), toReviews).reaches({ 'one/reviews-v1-0': 0.5, 'one/reviews-v3-0': 0.5 })
  })

  test('all versions scaled to 0: failover to whatever versions the other cluster has', () => {
    const mesh = eastWestMesh({ one: one({ reviews: none }), two: two({ reviews: reviews({ v1: 1, v3: 1 }) }) })
    expectCall(mesh, page('one'), toReviews).reaches({ 'two/reviews-v1-0': 0.5, 'two/reviews-v3-0': 0.5 })
  })

  test('routes to subset v2, local v2 is 0: failover to remote v2; local v1 and v3 are never used', () => {
    const mesh = eastWestMesh({ one: one({ reviews: reviews({ v1: 1, v3: 1 }) }), two: two({ reviews: all }) }, routed)
    expectCall(mesh, page('one'), toReviews).reaches('two/reviews-v2-0')
  })

  test('subset v2 is 0 in every cluster: 503 for that route', () => {
    const mesh = eastWestMesh(
      { one: one({ reviews: reviews({ v1: 1, v3: 1 }) }), two: two({ reviews: reviews({ v1: 1 }) }) },
      routed,
    )
    expectCall(mesh, page('one'), toReviews).answers(503)
  })

  test('service absent locally, subset routing configured: honoured remotely', () => {
    const mesh = eastWestMesh({ one: one({}), two: two({ reviews: all }) }, routed)
    expectCall(mesh, page('one'), toReviews).reaches('two/reviews-v2-0')
  })

  test('remote has the Service but 0 ready endpoints: it is not offered', () => {
    const mesh = eastWestMesh({ one: one({ details: none }), two: two({ details: none }) })
    expect(entries(mesh, 'one')).toEqual([])
    expectCall(mesh, page('one'), toDetails).answers(503)
    const absent = eastWestMesh({ one: one({}), two: two({ details: none }) })
    expect(objectsOn(absent, 'one', 'ServiceEntry')).toEqual([])
  })

  test('namespace names differ: never fails over', () => {
    const mesh = eastWestMesh(
      {
        one: one({ details: { ...none, namespace: 'bookinfo-dev' } }),
        two: two({ details: { ...details, namespace: 'bookinfo-prod' } }),
      },
      [tsb('/Workspace', 'bookinfo-ws', {}, { namespaceSelector: { names: ['*/bookinfo*'] } }), setting()],
    )
    expectCall(mesh, sleeper('one'), 'GET http://details.bookinfo-dev:9080/').answers(503)
  })

  test('east-west gateway removed or WorkspaceSetting deleted: all that was made for it goes everywhere', () => {
    const clusters = { one: one({ details: none }), two: two({ details }) }
    expect(generated(eastWestMesh(clusters)).length).toBeGreaterThan(0)
    expect(generated(eastWestMesh(clusters, [workspace]))).toEqual([])
    const { gateway: _, ...without } = clusters.two
    const half = eastWestMesh({ ...clusters, two: without })
    expect(generated(half).filter((text) => /^one (WorkloadEntry|ServiceEntry)|^two Gateway/.test(text))).toEqual([])
    expectCall(half, page('one'), toDetails).answers(503)
  })
})

describe('5.2', () => {
  test('5: an entry for each of the four services, with the address of the other cluster’s gateway; symmetrically', () => {
    const services = { details, ratings: details, reviews: all }
    const mesh = eastWestMesh({ one: one(services), two: two(services) })
    for (const [cluster, address] of [
      ['one', '2.2.2.2'],
      ['two', '1.1.1.1'],
    ] as const) {
      const found = objectsOn(mesh, cluster, 'WorkloadEntry')
      expect(found.map(({ metadata }) => metadata.name.replace(/-[0-9a-f]{32}$/, '')).sort()).toEqual([
        'k-details',
        'k-productpage',
        'k-ratings',
        'k-reviews',
      ])
      expect(new Set(addresses(mesh, cluster))).toEqual(new Set([address]))
    }
  })

  test('6: healthy, nothing leaves the cluster, even where nodes have no topology labels', () => {
    for (const topology of [{}, { region: '', zone: '' }]) {
      const mesh = eastWestMesh({ one: one({ details }, topology), two: two({ details }, topology) })
      expectCall(mesh, page('one'), toDetails).reaches('one/details-v1-0')
      expectCall(mesh, page('two'), toDetails).reaches('two/details-v1-0')
    }
  })

  test('7 and 8: details is 0 here: all from the other cluster; restored: all local', () => {
    const gone = eastWestMesh({ one: one({ details: none }), two: two({ details: reviews({ v1: 2 }) }) })
    expectCall(gone, page('one'), toDetails).reaches({ 'two/details-v1-0': 0.5, 'two/details-v1-1': 0.5 })
    expectCall(gone, page('two'), toDetails).reaches({ 'two/details-v1-0': 0.5, 'two/details-v1-1': 0.5 })
  })

  test('9: reviews and ratings likewise, alone and together', () => {
    const both = { one: one({ reviews: none, ratings: none }), two: two({ reviews: all, ratings: details }) }
    const mesh = eastWestMesh(both)
    expectCall(mesh, page('one'), 'GET http://ratings:9080/').reaches('two/ratings-v1-0')
    const third = { 'two/reviews-v1-0': 0.3333, 'two/reviews-v2-0': 0.3333, 'two/reviews-v3-0': 0.3333 }
    expectCall(mesh, page('one'), toReviews).reaches(third)
    const alone = eastWestMesh({ ...both, one: one({ reviews: reviews({ v1: 1 }), ratings: none }) })
    expectCall(alone, page('one'), 'GET http://ratings:9080/').reaches('two/ratings-v1-0')
    expectCall(alone, page('one'), toReviews).reaches('one/reviews-v1-0')
  })

  test('10: reviews v2 is 0 and nothing routes to it: no call leaves the cluster', () => {
    const mesh = eastWestMesh({ one: one({ reviews: reviews({ v1: 1, v3: 1 }) }), two: two({ reviews: all }) })
    expectCall(mesh, page('one'), toReviews).reaches({ 'one/reviews-v1-0': 0.5, 'one/reviews-v3-0': 0.5 })
  })

  test('11: all versions are 0: all calls go to the other cluster, to all of its versions', () => {
    const mesh = eastWestMesh({ one: one({ reviews: none }), two: two({ reviews: all }) })
    const third = { 'two/reviews-v1-0': 0.3333, 'two/reviews-v2-0': 0.3333, 'two/reviews-v3-0': 0.3333 }
    expectCall(mesh, page('one'), toReviews).reaches(third)
  })

  test('12: a ServiceRoute to v2, and v2 is 0 here: only v2 of the other cluster answers', () => {
    const mesh = eastWestMesh({ one: one({ reviews: reviews({ v1: 1, v3: 1 }) }), two: two({ reviews: all }) }, routed)
    expectCall(mesh, page('one'), toReviews).reaches('two/reviews-v2-0')
  })

  test('12: the same by an Istio VirtualService and DestinationRule of a direct group', () => {
    const marks =
      '{tsb.tetrate.io/organization: tetrate, tsb.tetrate.io/tenant: tetrate, tsb.tetrate.io/workspace: bookinfo-ws, tsb.tetrate.io/trafficGroup: direct}'
    const group = { namespaceSelector: { names: ['*/bookinfo'] }, configMode: 'DIRECT' }
    const istio = (kind: string, spec: object): string =>
      `\n---\napiVersion: networking.istio.io/v1beta1\nkind: ${kind}\nmetadata: {name: reviews, namespace: bookinfo, annotations: ${marks}}\nspec: ${JSON.stringify(spec)}\n`
    const host = 'reviews.bookinfo.svc.cluster.local'
    const rule = istio('DestinationRule', { host, subsets: [{ name: 'v2', labels: { version: 'v2' } }] })
    const virtual = istio('VirtualService', {
      hosts: [host],
      http: [{ route: [{ destination: { host, subset: 'v2' } }] }],
    })
    const direct = tsb('traffic./Group', 'direct', { workspace: 'bookinfo-ws' }, group)
    const given = { services: { reviews: reviews({ v1: 1, v3: 1 }) } }
    const mesh = eastWestMesh(
      { one: one(given.services, { yaml: rule + virtual }), two: two({ reviews: all }, { yaml: rule + virtual }) },
      [workspace, setting(), direct],
    )
    expectCall(mesh, page('one'), toReviews).reaches('two/reviews-v2-0')
  })

  test('13: with the route of 12 and v2 at 0 in both: 503 on reviews', () => {
    const some = reviews({ v1: 1, v3: 1 })
    const mesh = eastWestMesh({ one: one({ reviews: some }), two: two({ reviews: some }) }, routed)
    expectCall(mesh, page('one'), toReviews).answers(503)
  })

  test('14: not deployed here at all: the short name answers, subsets hold; when the Service appears, local wins', () => {
    const elsewhere = eastWestMesh({ one: one({}), two: two({ reviews: all, ratings: details }) })
    expectCall(elsewhere, page('one'), 'GET http://ratings:9080/').reaches('two/ratings-v1-0')
    const [entry] = objectsOn(elsewhere, 'one', 'ServiceEntry').filter(({ metadata }) => /reviews/.test(metadata.name))
    expect(entry?.metadata.name).toMatch(/^global-gwinternal-reviews-bookinfo-/)
    expect(entry?.metadata.namespace).toBe('xcp-multicluster')
    const weighted = route({
      service: 'bookinfo/reviews.bookinfo.svc.cluster.local',
      subsets: [
        { name: 'v1', labels: { version: 'v1' }, weight: 80 },
        { name: 'v3', labels: { version: 'v3' }, weight: 20 },
      ],
    })
    const split = eastWestMesh({ one: one({}), two: two({ reviews: all }) }, [workspace, setting(), weighted])
    expectCall(split, page('one'), toReviews).reaches({ 'two/reviews-v1-0': 0.8, 'two/reviews-v3-0': 0.2 })
    const here = eastWestMesh({ one: one({ reviews: all }), two: two({ reviews: all }) })
    expect(objectsOn(here, 'one', 'ServiceEntry')).toEqual([])
    expectCall(here, page('one'), toReviews).reaches({
      'one/reviews-v1-0': 0.3333,
      'one/reviews-v2-0': 0.3333,
      'one/reviews-v3-0': 0.3333,
    })
  })

  test('15: exposedServices: details fails over, ratings does not, until it has the label', () => {
    const exposedServices = [{ serviceLabels: { failover: 'enable' } }, { serviceLabels: { app: 'details' } }]
    const chosen = [workspace, setting({ defaultEastWestGatewaySettings: [{ ...eastWest, exposedServices }] })]
    const labelled = { ...details, labels: { app: 'details' } }
    const here = one({ details: none, ratings: none })
    const mesh = eastWestMesh({ one: here, two: two({ details: labelled, ratings: details }) }, chosen)
    expectCall(mesh, page('one'), toDetails).reaches('two/details-v1-0')
    expectCall(mesh, page('one'), 'GET http://ratings:9080/').answers(503)
    expect(objectsOn(mesh, 'one', 'WorkloadEntry')).toHaveLength(1)
    const enabled = { ...details, labels: { failover: 'enable' } }
    const more = eastWestMesh({ one: here, two: two({ details: labelled, ratings: enabled }) }, chosen)
    expectCall(more, page('one'), 'GET http://ratings:9080/').reaches('two/ratings-v1-0')
  })

  test('17: bookinfo-dev/details does not fail over to bookinfo-prod/details', () => {
    const named = tsb('/Workspace', 'bookinfo-ws', {}, { namespaceSelector: { names: ['*/bookinfo-*'] } })
    const mesh = eastWestMesh(
      {
        one: one({ details: { ...none, namespace: 'bookinfo-dev' } }),
        two: two({ details: { ...details, namespace: 'bookinfo-prod' } }),
      },
      [named, setting()],
    )
    expectCall(mesh, sleeper('one'), 'GET http://details.bookinfo-dev:9080/').answers(503)
    expectCall(mesh, sleeper('one'), 'GET http://details.bookinfo-prod:9080/').reaches('two/details-v1-0')
  })

  const byName = (address: string): EastWestCluster => two({ details }, { shownAs: address })

  test('18: a gateway with a DNS address: resolved, each record is an endpoint; off, the name shows and a status says why', () => {
    const clusters = { one: one({ details: none }), two: byName('lb.two.example') }
    const records = (name: string): readonly string[] | undefined =>
      name === 'lb.two.example' ? ['2.2.2.2', '2.2.2.3'] : undefined
    const on = eastWestMesh(clusters, undefined, { resolved: records })
    expect(addresses(on, 'one')).toEqual(['2.2.2.2', '2.2.2.3'])
    expect(on.translated?.names).toEqual(['lb.two.example'])
    // The evaluator knows who is behind the first address only.
    expectCall(on, page('one'), toDetails).reaches({ 'two/details-v1-0': 0.5, '2.2.2.3:15443': 0.5 })
    const switched = (value: string): EastWestCluster => one({ details: none }, { yaml: edgeDns(value) })
    const off = eastWestMesh({ ...clusters, one: switched('false') }, undefined, { resolved: records })
    expect(addresses(off, 'one')).toEqual(['lb.two.example.'])
    expect(off.translated?.names).toEqual([])
    expect(told(off)).toContain('set ENABLE_DNS_RESOLUTION_AT_EDGE to "true"')
    expectCall(off, page('one'), toDetails).answers(503)
    const again = eastWestMesh({ ...clusters, one: switched('true') }, undefined, { resolved: records })
    expect(addresses(again, 'one')).toEqual(['2.2.2.2', '2.2.2.3'])
    expect(told(again)).toBe('')
  })

  test('18: what a name stood for last stays in force while nobody can tell, also after a restart', () => {
    const clusters = { one: one({ details: none }), two: byName('lb.two.example') }
    const known = eastWestMesh(clusters, undefined, { resolved: () => ['2.2.2.2'] })
    const [record] = objectsOn(known, 'one', 'ConfigMap').filter(({ metadata }) => /names/.test(metadata.name))
    const restarted = eastWestMesh(clusters, [workspace, setting(), JSON.stringify(record)])
    expect(addresses(restarted, 'one')).toEqual(['2.2.2.2'])
    expect(objectsOn(restarted, 'one', 'ConfigMap')).toContainEqual(record)
    const never = eastWestMesh(clusters)
    expect(addresses(never, 'one')).toEqual(['lb.two.example.'])
    expect(told(never)).toContain('cannot be resolved (yet)')
  })

  test('19: several addresses in the annotation are several endpoints; two names, or a mix, are refused with the reason', () => {
    const clusters = (annotation: string) => ({ one: one({ details: none }), two: byName(annotation) })
    expect(addresses(eastWestMesh(clusters('10.10.10.10,20.20.20.20')), 'one')).toEqual(['10.10.10.10', '20.20.20.20'])
    for (const wrong of ['a.example,b.example', 'a.example,10.10.10.10']) {
      const mesh = eastWestMesh(clusters(wrong), undefined, { resolved: () => ['2.2.2.2'] })
      expect(addresses(mesh, 'one')).toEqual([])
      expect(told(mesh)).toMatch(/it takes one DNS name, or IP addresses/)
    }
  })

  test('20: clusters that cannot verify each other: not called, and the status says so', () => {
    const mesh = eastWestMesh({ one: one({ details: none }), two: two({ details }) }, undefined, {
      verifies: () => false,
    })
    expect(addresses(mesh, 'one')).toEqual([])
    expect(told(mesh)).toMatch(/root|trust|verif/i)
    expectCall(mesh, page('one'), toDetails).answers(503)
  })

  test('22: a rule that denies sleep to call details denies it here, and after failover', () => {
    const rules = { action: 'DENY', rules: [{ from: [{ source: { namespaces: ['sleep'] } }] }] }
    const yaml = `apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: no-sleep, namespace: bookinfo}\nspec: ${JSON.stringify({ selector: { matchLabels: { app: 'details' } }, ...rules })}\n`
    for (const local of [details, none]) {
      const mesh = eastWestMesh({ one: one({ details: local }, { yaml }), two: two({ details }, { yaml }) })
      expectCall(mesh, sleeper('one'), 'GET http://details.bookinfo:9080/').answers(403)
      const where = local === details ? 'one' : 'two'
      expectCall(mesh, page('one'), toDetails).reaches(`${where}/details-v1-0`)
    }
  })

  test('23: the setting is deleted: nothing of it is left, failover stops', () => {
    const mesh = eastWestMesh({ one: one({ details: none }), two: two({ details }) }, [workspace])
    expect(generated(mesh)).toEqual([])
    expectCall(mesh, page('one'), toDetails).answers(503)
  })
})

describe('three clusters', () => {
  const three = (services: Readonly<Record<string, TestService>>, more: Partial<EastWestCluster> = {}) => ({
    services,
    gateway: '3.3.3.3',
    ...more,
  })

  test('the nearest takes over: first the own region, then any other', () => {
    const here = one({ details: none }, { region: 'east', zone: 'east-a' })
    const near = two({ details }, { region: 'east', zone: 'east-b' })
    const far = three({ details }, { region: 'west', zone: 'west-a' })
    expectCall(eastWestMesh({ one: here, two: near, three: far }), page('one'), toDetails).reaches('two/details-v1-0')
    const empty = eastWestMesh({ one: here, two: { ...near, services: { details: none } }, three: far })
    expectCall(empty, page('one'), toDetails).reaches('three/details-v1-0')
    expectCall(empty, page('two'), toDetails).reaches('three/details-v1-0')
  })

  test('two that are equally near share by what stands behind them', () => {
    const here = one({ details: none }, { region: 'east' })
    const mesh = eastWestMesh({
      one: here,
      two: two({ details: reviews({ v1: 1 }) }, { region: 'west' }),
      three: three({ details: reviews({ v1: 3 }) }, { region: 'west' }),
    })
    expectCall(mesh, page('one'), toDetails).reaches({
      'two/details-v1-0': 0.25,
      'three/details-v1-0': 0.25,
      'three/details-v1-1': 0.25,
      'three/details-v1-2': 0.25,
    })
  })

  test('a subset that only the farthest has is found there', () => {
    const some = reviews({ v1: 1 })
    const mesh = eastWestMesh(
      {
        one: one({ reviews: some }, { region: 'east' }),
        two: two({ reviews: some }, { region: 'east' }),
        three: three({ reviews: all }, { region: 'west' }),
      },
      routed,
    )
    expectCall(mesh, page('one'), toReviews).reaches('three/reviews-v2-0')
  })

  test('a cluster without a gateway of its own is served by the others, and serves nobody', () => {
    const { gateway: _, ...closed } = three({ details })
    const mesh = eastWestMesh({ one: one({ details: none }), two: two({ details: none }), three: closed })
    expectCall(mesh, page('one'), toDetails).answers(503)
    const served = eastWestMesh({
      one: one({ details }),
      two: two({ details: none }),
      three: { ...closed, services: { details: none } },
    })
    expectCall(served, page('three'), toDetails).reaches('one/details-v1-0')
  })

  test('a network that cannot be reached is not called', () => {
    const reach = tsb(
      '/OrganizationSetting',
      'settings',
      {},
      {
        networkSettings: { networkReachability: { one: 'three' } },
      },
    )
    const mesh = eastWestMesh({ one: one({ details: none }), two: two({ details }), three: three({ details }) }, [
      workspace,
      setting(),
      reach,
    ])
    expectCall(mesh, page('one'), toDetails).reaches('three/details-v1-0')
    expect(addresses(mesh, 'one')).toEqual(['3.3.3.3'])
  })
})

describe('several gateways of one cluster', () => {
  const second = (name: string, address: string): string => `
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: eastwest, labels: {app: ${name}}}
spec: {type: LoadBalancer, selector: {app: eastwest-gateway}, ports: [{name: tls, port: 15443}]}
status: {loadBalancer: {ingress: [{ip: ${address}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${name}, namespace: eastwest, labels: {kubernetes.io/service-name: ${name}}}
addressType: IPv4
ports: [{name: tls, port: 15443}]
endpoints: [{addresses: [10.11.9.1], conditions: {ready: true}, targetRef: {kind: Pod, namespace: eastwest, name: eastwest-gateway-v1-0}}]
`
  test('each is an entry, and together they weigh what stands behind them', () => {
    const mesh = eastWestMesh({
      one: one({ details: none }),
      two: two({ details: reviews({ v1: 5 }) }, { yaml: second('another', '2.2.2.9') }),
    })
    expect(addresses(mesh, 'one')).toEqual(['2.2.2.2', '2.2.2.9'])
    const weights = entries(mesh, 'one').map(({ spec }) => (spec as { weight: number }).weight)
    expect(weights.sort((a, b) => a - b)).toEqual([2, 3])
  })
})

function edgeDns(value: string): string {
  return `
apiVersion: install.tetrate.io/v1alpha1
kind: ControlPlane
metadata: {name: controlplane, namespace: istio-system}
spec:
  components:
    xcp:
      kubeSpec:
        overlays:
        - apiVersion: install.xcp.tetrate.io/v1alpha1
          kind: EdgeXcp
          name: edge-xcp
          patches:
          - {path: "spec.components.edgeServer.kubeSpec.deployment.env[-1]", value: {name: ENABLE_DNS_RESOLUTION_AT_EDGE, value: "${value}"}}
`
}
