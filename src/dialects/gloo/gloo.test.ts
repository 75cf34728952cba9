import { expect, test } from 'vitest'
import { TranslateSession } from '../../cli/translate-session.ts'
import { managementCluster, remoteCluster } from '../testdata/bookinfo.ts'

const cluster = (name: string): string => `
apiVersion: multicluster.solo.io/v1alpha1
kind: KubernetesCluster
metadata: {name: ${name}, namespace: gloo-mesh}
spec: {secretName: ${name}}
---`

const setUp = `${cluster('mgmt')}${cluster('remote')}
apiVersion: networking.mesh.gloo.solo.io/v1
kind: VirtualMesh
metadata: {name: vm, namespace: gloo-mesh}
spec:
  federation: {selectors: [{}]}
  meshes:
  - {name: istiod-istio-system-mgmt, namespace: gloo-mesh}
  - {name: istiod-istio-system-remote, namespace: gloo-mesh}
---`

function translateFleet(management: string) {
  const session = new TranslateSession('mgmt', {}, [
    { name: 'mgmt', yaml: `${managementCluster}${setUp}${management}` },
    { name: 'remote', yaml: remoteCluster },
  ])
  const answer = session.answer()
  return {
    answer,
    specs: (on: string, kind: string) =>
      answer.objects
        .filter(({ cluster: c, object }) => c === on && object.kind === kind)
        .map(({ object }) => object.spec),
    status: (kind: string, name: string) =>
      answer.statuses.filter(({ object: { kind: k, metadata } }) => k === kind && metadata.name === name).at(-1)?.object
        .status,
  }
}

const dependency = (name: string, spec: string): string => `
apiVersion: networking.enterprise.mesh.gloo.solo.io/v1beta1
kind: ServiceDependency
metadata: {name: ${name}, namespace: gloo-mesh}
spec: ${spec}
---`

const onReviews = `{sourceSelectors: [{kubeWorkloadMatcher: {labels: {app: productpage}}}], destinationSelectors: [{kubeServiceMatcher: {labels: {app: reviews}}}]}`

test('a ServiceDependency limits what the proxies of its workloads are told of', () => {
  const { specs, status } = translateFleet(dependency('page', onReviews))
  expect(specs('mgmt', 'Sidecar')).toEqual([
    {
      workloadSelector: { labels: { app: 'productpage', version: 'v1' } },
      egress: [{ hosts: ['*/reviews.default.svc.cluster.local', '*/reviews.default.svc.remote.global'] }],
    },
  ])
  expect(specs('remote', 'Sidecar')).toEqual([])
  expect(status('ServiceDependency', 'page')).toEqual({
    observedGeneration: '1',
    state: 'ACCEPTED',
    workloads: { 'productpage-v1-default-mgmt-deployment.gloo-mesh.': { state: 'ACCEPTED' } },
  })
  expect(status('Workload', 'productpage-v1-default-mgmt-deployment')).toMatchObject({
    serviceDependencies: {
      appliedServiceDependencies: [{ name: 'page', namespace: 'gloo-mesh' }],
      destinationHostnames: ['reviews.default.svc.cluster.local', 'reviews.default.svc.remote.global'],
    },
  })
})

test('a dependency on a service is one on where policies send its requests', () => {
  const { specs } = translateFleet(`${dependency('page', onReviews)}
apiVersion: networking.mesh.gloo.solo.io/v1
kind: TrafficPolicy
metadata: {name: shift, namespace: default}
spec:
  destinationSelector: [{kubeServiceRefs: {services: [{clusterName: mgmt, name: reviews, namespace: default}]}}]
  policy:
    trafficShift: {destinations: [{kubeService: {clusterName: remote, name: ratings, namespace: default}}]}
---`)
  expect(specs('mgmt', 'Sidecar')).toMatchObject([
    { egress: [{ hosts: expect.arrayContaining(['*/ratings.default.svc.remote.global']) }] },
  ])
})

test('a dependency on a service that is not there is refused by name, and limits nothing', () => {
  const { specs, status } = translateFleet(
    dependency(
      'lost',
      '{destinationSelectors: [{kubeServiceRefs: {services: [{clusterName: mgmt, name: gone, namespace: default}]}}]}',
    ),
  )
  expect(specs('mgmt', 'Sidecar')).toEqual([])
  expect(status('ServiceDependency', 'lost')).toMatchObject({
    state: 'INVALID',
    errors: ['spec.destinationSelectors: Destination gone.default.mgmt not found'],
  })
})

const policy = (fields: string): string => `
apiVersion: networking.mesh.gloo.solo.io/v1
kind: TrafficPolicy
metadata: {name: guard, namespace: gloo-mesh}
spec:
  destinationSelector: [{kubeServiceRefs: {services: [{clusterName: mgmt, name: reviews, namespace: default}]}}]
  policy: ${fields}
---`

test('csrf is checked by the proxies of the service', () => {
  const { specs, status } = translateFleet(
    policy('{csrf: {filterEnabled: true, percentage: 50, additionalOrigins: [{exact: shop.example}]}}'),
  )
  expect(status('TrafficPolicy', 'guard')).toMatchObject({ state: 'ACCEPTED' })
  expect(specs('mgmt', 'EnvoyFilter')).toMatchObject([
    {
      workloadSelector: { labels: { app: 'reviews' } },
      configPatches: [
        {
          applyTo: 'HTTP_FILTER',
          match: { context: 'SIDECAR_INBOUND' },
          patch: {
            value: {
              name: 'envoy.filters.http.csrf',
              typed_config: {
                filter_enabled: { default_value: { numerator: 500_000, denominator: 'MILLION' } },
                additional_origins: [{ exact: 'shop.example' }],
              },
            },
          },
        },
      ],
    },
  ])
})

test.each([
  ['rateLimit', '{rateLimit: {raw: {rateLimits: []}}}', 'rate limit server'],
  ['extauth', '{extauth: {configRef: {name: a, namespace: b}}}', 'authorization server'],
])('%s needs a server that is not there, and says so', (field, fields, what) => {
  expect(translateFleet(policy(fields)).status('TrafficPolicy', 'guard')).toMatchObject({
    state: 'INVALID',
    errors: [expect.stringMatching(`^spec.policy.${field}: not supported: it needs the ${what}`)],
  })
})

test('kinds without effect say so, and the workloads that they would have changed', () => {
  const { status, answer } = translateFleet(`
apiVersion: networking.enterprise.mesh.gloo.solo.io/v1beta1
kind: WasmDeployment
metadata: {name: filter, namespace: gloo-mesh}
spec: {workloadSelector: [{kubeWorkloadMatcher: {labels: {app: productpage}}}]}
---`)
  expect(status('WasmDeployment', 'filter')).toMatchObject({
    observedGeneration: '1',
    state: 'INVALID',
    errors: [expect.stringContaining('not supported')],
    workloadStates: { 'productpage-v1-default-mgmt-deployment.gloo-mesh.': 'DEPLOYMENT_FAILED' },
  })
  expect(answer.problems).toContainEqual(
    expect.objectContaining({ code: 'not-supported', object: expect.objectContaining({ kind: 'WasmDeployment' }) }),
  )
})

test('a mesh that serves a virtual destination to others lets their calls in, though it does not know the name itself', () => {
  const { answer } = translateFleet(`
apiVersion: networking.enterprise.mesh.gloo.solo.io/v1beta1
kind: VirtualDestination
metadata: {name: reviews, namespace: gloo-mesh}
spec:
  hostname: reviews.global
  port: {number: 9080}
  static: {destinations: [{kubeService: {name: reviews, namespace: default, clusterName: remote}}]}
  meshList: {meshes: [{name: istiod-istio-system-mgmt, namespace: gloo-mesh}]}
---`)
  const entries = answer.objects.filter(
    ({ object }) =>
      object.kind === 'ServiceEntry' && (object.spec as { hosts: string[] }).hosts[0] === 'reviews.global',
  )
  expect(entries.map(({ cluster: c, object }) => [c, object.metadata.namespace, object.spec])).toMatchObject([
    ['mgmt', 'gloo-mesh', { endpoints: [{ address: '192.0.2.20' }] }],
    ['remote', 'istio-system', { endpoints: [{ address: '10.2.0.1' }], exportTo: ['.'] }],
  ])
})

test('a subset that nothing behind a virtual destination has is refused', () => {
  const shift = (version: string): string => `
apiVersion: networking.mesh.gloo.solo.io/v1
kind: TrafficPolicy
metadata: {name: to-${version}, namespace: gloo-mesh}
spec:
  destinationSelector: [{kubeServiceRefs: {services: [{name: productpage, namespace: default, clusterName: mgmt}]}}]
  httpRequestMatchers: [{uri: {prefix: /${version}}}]
  policy: {trafficShift: {destinations: [{virtualDestination: {name: all, namespace: gloo-mesh, subset: {version: ${version}}}}]}}
---`
  const { status } = translateFleet(`
apiVersion: networking.enterprise.mesh.gloo.solo.io/v1beta1
kind: VirtualDestination
metadata: {name: all, namespace: gloo-mesh}
spec:
  hostname: all.global
  port: {number: 9080}
  localized: {destinationSelectors: [{kubeServiceMatcher: {labels: {app: reviews}}}]}
  virtualMesh: {name: vm, namespace: gloo-mesh}
---${shift('v3')}${shift('v9')}`)
  expect(status('TrafficPolicy', 'to-v3')).toMatchObject({ state: 'ACCEPTED' })
  expect(status('TrafficPolicy', 'to-v9')).toMatchObject({
    state: 'INVALID',
    errors: [expect.stringContaining('version: v9')],
  })
})
