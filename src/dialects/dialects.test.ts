// What holds for every dialect: the order of the input does not matter, nothing is mutated, nothing is thrown.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { groupKind, type KubeObject, objectKey, readObjects, type Snapshot } from '../resources/index.ts'
import { createTranslator, translate } from './index.ts'
import { managementCluster, remoteCluster } from './testdata/bookinfo.ts'

const registration = (group: string, namespace: string, name: string): string => `
apiVersion: ${group}/v1alpha1
kind: KubernetesCluster
metadata: {name: ${name}, namespace: ${namespace}}
spec: {}
---`

/** Both generations in one management cluster, each with a policy on the same service. */
const management = `
${registration('multicluster.solo.io', 'gloo-mesh', 'one')}
${registration('multicluster.solo.io', 'gloo-mesh', 'two')}
${registration('discovery.zephyr.solo.io', 'service-mesh-hub', 'one')}
${registration('discovery.zephyr.solo.io', 'service-mesh-hub', 'two')}
apiVersion: networking.mesh.gloo.solo.io/v1
kind: VirtualMesh
metadata: {name: mesh, namespace: gloo-mesh}
spec:
  meshes: [{name: istiod-istio-system-one, namespace: gloo-mesh}, {name: istiod-istio-system-two, namespace: gloo-mesh}]
  federation: {selectors: [{}]}
  mtlsConfig: {shared: {rootCertificateAuthority: {generated: {}}}}
---
apiVersion: networking.mesh.gloo.solo.io/v1
kind: TrafficPolicy
metadata: {name: timeout, namespace: gloo-mesh, creationTimestamp: "2021-01-01T00:00:00Z"}
spec: {policy: {requestTimeout: 1s, retries: {attempts: 2}}}
---
apiVersion: networking.zephyr.solo.io/v1alpha1
kind: TrafficPolicy
metadata: {name: timeout, namespace: service-mesh-hub, creationTimestamp: "2021-02-01T00:00:00Z"}
spec: {requestTimeout: 2s}
---
apiVersion: networking.zephyr.solo.io/v1alpha1
kind: AccessControlPolicy
metadata: {name: all, namespace: service-mesh-hub}
spec: {sourceSelector: {matcher: {clusters: [one]}}}
---
apiVersion: networking.enterprise.mesh.gloo.solo.io/v1beta1
kind: VirtualDestination
metadata: {name: reviews, namespace: gloo-mesh}
spec:
  hostname: reviews.global
  port: {number: 9080, protocol: http}
  localized: {destinationSelectors: [{kubeServiceMatcher: {labels: {app: reviews}}}]}
  virtualMesh: {name: mesh, namespace: gloo-mesh}
---`

type Placed = readonly [cluster: string, object: KubeObject]

function read(cluster: string, yaml: string): Placed[] {
  return readObjects(yaml, cluster).objects.map(({ object }) => [cluster, object] as const)
}

const all: readonly Placed[] = [
  ...read('mgmt', management),
  ...read('one', managementCluster),
  ...read('two', remoteCluster),
]

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const inner of Object.values(value)) frozen(inner)
  return Object.freeze(value)
}

function snapshotOf(objects: readonly Placed[]): Snapshot {
  const clusters = new Map<string, { name: string; objects: Map<string, Map<string, KubeObject>> }>()
  for (const [name, object] of objects) {
    const cluster = clusters.get(name) ?? { name, objects: new Map<string, Map<string, KubeObject>>() }
    const kind = cluster.objects.get(groupKind(object)) ?? new Map<string, KubeObject>()
    cluster.objects.set(groupKind(object), kind.set(objectKey(object), frozen(object)))
    clusters.set(name, cluster)
  }
  return { clusters }
}

/** The same snapshot with the maps of an earlier one where nothing of a kind has changed, as live snapshots are. */
function sharing(before: Snapshot | undefined, after: Snapshot): Snapshot {
  const clusters = [...after.clusters].map(([name, { objects }]) => {
    const kinds = [...objects].map(([kind, own]) => {
      const old = before?.clusters.get(name)?.objects.get(kind)
      const isSame = old?.size === own.size && [...own].every(([key, object]) => old.get(key) === object)
      return [kind, isSame ? old : own] as const
    })
    return [name, { name, objects: new Map(kinds) }] as const
  })
  return { clusters: new Map(clusters) }
}

const run = (objects: readonly Placed[]) => translate({ snapshot: snapshotOf(objects), management: 'mgmt' })

test('the order of objects does not matter, and the input stays as it is', () => {
  const expected = JSON.stringify(run(all))
  fc.assert(
    fc.property(fc.shuffledSubarray([...all], { minLength: all.length }), (shuffled) => {
      expect(JSON.stringify(run(shuffled))).toBe(expected)
    }),
    { numRuns: 20 },
  )
})

test('policies of two generations meet: the later one is refused, and both owners are named', () => {
  const { statuses, objects, problems } = run(all)
  const status = (apiVersion: string) =>
    statuses.find(({ object }) => object.apiVersion === apiVersion && object.kind === 'TrafficPolicy')?.object.status
  expect(status('networking.mesh.gloo.solo.io/v1')).toMatchObject({ state: 'ACCEPTED' })
  expect(status('networking.zephyr.solo.io/v1alpha1')).toMatchObject({ translationStatus: { state: 'CONFLICT' } })
  const conflict = problems.find(({ code }) => code === 'conflict')
  expect(conflict?.object.namespace).toBe('service-mesh-hub')
  expect(conflict?.message).toContain('TrafficPolicy gloo-mesh/timeout')
  const reviews = objects.find(
    ({ cluster, object }) =>
      cluster === 'one' && object.kind === 'VirtualService' && object.metadata.name === 'reviews',
  )
  expect(reviews?.object.spec).toMatchObject({ http: [{ timeout: '1s', retries: { attempts: 2 } }] })
})

test('no object can break the translation', () => {
  const anything = fc.jsonValue({ maxDepth: 4 })
  const kinds = all.map(([cluster, object]) => [cluster, object] as const)
  const fields = [
    'policy',
    'meshes',
    'federation',
    'destinationSelector',
    'sourceSelector',
    'trafficShift',
    'localized',
    'ports',
    'selector',
    'template',
    'mtlsConfig',
    'httpRequestMatchers',
  ]
  fc.assert(
    fc.property(
      fc.constantFrom(...kinds),
      fc.dictionary(fc.constantFrom(...fields), anything),
      ([cluster, object], spec) => {
        const broken = { ...object, spec: { ...(object.spec as object | undefined), ...spec } }
        const rest = all.filter(([, other]) => other !== object)
        const { objects, statuses } = run([...rest, [cluster, broken]])
        expect(objects.length + statuses.length).toBeGreaterThan(0)
      },
    ),
    { numRuns: 150 },
  )
})

test('what a translator remembers does not change what it says', () => {
  const edits = fc.array(
    fc.tuple(fc.constantFrom(...all), fc.constantFrom('remove', 'restore', 'edit', 'nothing'), fc.nat(3)),
    { minLength: 1, maxLength: 7 },
  )
  fc.assert(
    fc.property(edits, (steps) => {
      const translator = createTranslator()
      const present = new Map(all.map((placed) => [placed[1], placed]))
      let before: Snapshot | undefined
      for (const [placed, edit, number] of steps) {
        const [cluster, object] = placed
        if (edit === 'remove') present.delete(object)
        else if (edit === 'restore') present.set(object, placed)
        else if (edit === 'edit') {
          const labels = { ...object.metadata.labels, app: ['reviews', 'ratings', 'productpage', 'x'][number] ?? '' }
          const spec = {
            ...(object.spec as object | undefined),
            ...(object.kind === 'TrafficPolicy' && { retries: { attempts: number } }),
          }
          present.set(object, [cluster, { ...object, metadata: { ...object.metadata, labels }, spec }])
        }
        const snapshot = sharing(before, snapshotOf([...present.values()]))
        before = snapshot
        const refused = { apiVersion: 'v1', kind: 'DestinationRule', name: 'reviews', namespace: 'bookinfo' }
        const input = {
          snapshot,
          management: 'mgmt',
          verifies: () => number !== 1,
          refusals: number === 2 ? [{ object: { cluster: 'one', ...refused }, message: 'no' }] : [],
        }
        expect(JSON.stringify(translator.translate(input))).toBe(JSON.stringify(translate(input)))
      }
    }),
    { numRuns: 50 },
  )
})

test('a changed policy costs what it touches', () => {
  const translator = createTranslator()
  const before = snapshotOf(all)
  const first = translator.translate({ snapshot: before, management: 'mgmt' })
  const everything = translator.recomputed
  translator.translate({ snapshot: sharing(before, snapshotOf(all)), management: 'mgmt' })
  expect(translator.recomputed).toBe(0)
  const one = read(
    'mgmt',
    `
apiVersion: networking.mesh.gloo.solo.io/v1
kind: TrafficPolicy
metadata: {name: one, namespace: gloo-mesh}
spec: {destinationSelector: [{kubeServiceMatcher: {labels: {app: ratings}}}], policy: {corsPolicy: {maxAge: 1s}}}`,
  )
  const after = translator.translate({ snapshot: sharing(before, snapshotOf([...all, ...one])), management: 'mgmt' })
  expect(translator.recomputed).toBe(2)
  expect(everything).toBeGreaterThan(2)
  const made = new Set([...first.objects, ...first.statuses])
  const anew = [...after.objects, ...after.statuses].filter((each) => !made.has(each))
  const names = new Set(anew.map(({ object: { kind, metadata } }) => `${kind} ${metadata.name}`))
  expect(
    [...names].filter(
      (name) => !/ratings|(Traffic|AccessControl|Access)Policy|Virtual(Mesh|Destination)|^Mesh|^ConfigMap/.test(name),
    ),
  ).toEqual([])
})

test('a VirtualMesh that does not hold for all of its members leaves trust unsettled; one that is gone does not', () => {
  const unsettled = (objects: readonly Placed[]): boolean =>
    translate({ snapshot: snapshotOf(objects), management: 'mgmt' }).isTrustUnsettled
  const isMesh = ([cluster, { kind }]: Placed): boolean => cluster === 'mgmt' && kind === 'VirtualMesh'
  expect(unsettled(all)).toBe(false)
  expect(unsettled(all.filter((placed) => !isMesh(placed)))).toBe(false)
  const withoutMember = all.filter(([cluster]) => cluster !== 'two')
  expect(unsettled(withoutMember)).toBe(true)
  const wrong = all.map(([cluster, object]): Placed => {
    if (!isMesh([cluster, object])) return [cluster, object]
    const meshes = [{ name: 'istiod-istio-system-one' }]
    return [cluster, { ...object, spec: { ...(object.spec as object), meshes } }]
  })
  expect(unsettled(wrong)).toBe(true)
})

test('what proxies refuse is told on the policies behind the object, and on no others', () => {
  const policy = (name: string, service: string): Placed[] =>
    read(
      'mgmt',
      `
apiVersion: networking.zephyr.solo.io/v1alpha1
kind: TrafficPolicy
metadata: {name: ${name}, namespace: service-mesh-hub}
spec:
  destinationSelector: {serviceRefs: {services: [{cluster: one, name: ${service}, namespace: default}]}}
  requestTimeout: 5s
`,
    )
  const snapshot = snapshotOf([...all, ...policy('slow', 'reviews'), ...policy('other', 'productpage')])
  const written = translate({ snapshot, management: 'mgmt' }).objects
  const object = {
    cluster: 'one',
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    namespace: 'default',
    name: 'reviews',
  }
  const isThere = written.some((one) => one.cluster === 'one' && one.object.metadata.name === object.name)
  expect(isThere).toBe(true)
  const refusals = [{ object, message: 'proxies refuse it: too long' }]
  const result = translate({ snapshot, management: 'mgmt', refusals })
  expect(result.objects.map((one) => one.object.metadata.name)).toEqual(written.map((one) => one.object.metadata.name))
  const told = result.statuses.filter(({ object: { status } }) => JSON.stringify(status).includes('too long'))
  const names = told.map(({ object: { metadata } }) => metadata.name)
  expect(names).toContain('slow')
  expect(names).not.toContain('other')
  const status = told.find(({ object: { metadata } }) => metadata.name === 'slow')?.object.status
  expect(status).toMatchObject({ translationStatus: { state: 'PROCESSING_ERROR' } })
  const problems = result.problems.filter(({ code }) => code === 'rejected-by-proxy')
  expect(problems.map((problem) => problem.object.name)).toContain('slow')
})
