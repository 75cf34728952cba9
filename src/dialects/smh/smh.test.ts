import { expect, test } from 'vitest'
import { TranslateSession } from '../../cli/translate-session.ts'
import { managementCluster, remoteCluster } from '../testdata/bookinfo.ts'

const cluster = (name: string): string => `
apiVersion: discovery.zephyr.solo.io/v1alpha1
kind: KubernetesCluster
metadata: {name: ${name}, namespace: service-mesh-hub}
spec: {secretRef: {name: ${name}, namespace: service-mesh-hub}}
---`

const setUp = `${cluster('management-plane')}${cluster('new-remote-cluster')}
apiVersion: networking.zephyr.solo.io/v1alpha1
kind: VirtualMesh
metadata: {name: virtual-mesh, namespace: service-mesh-hub}
spec:
  certificateAuthority: {builtin: {ttlDays: 356, rsaKeySizeBytes: 4096, orgName: service-mesh-hub}}
  federation: {mode: PERMISSIVE}
  shared: {}
  enforceAccessControl: false
  meshes:
  - {name: istio-istio-system-management-plane, namespace: service-mesh-hub}
  - {name: istio-istio-system-new-remote-cluster, namespace: service-mesh-hub}
---`

function policy(name: string, service: string, destinations: string): string {
  return `
apiVersion: networking.zephyr.solo.io/v1alpha1
kind: TrafficPolicy
metadata: {name: ${name}, namespace: service-mesh-hub}
spec:
  destinationSelector: {serviceRefs: {services: [{cluster: management-plane, name: ${service}, namespace: default}]}}
  trafficShift: {destinations: ${destinations}}
---`
}

const split = policy(
  'simple',
  'reviews',
  `[{destination: {cluster: new-remote-cluster, name: reviews, namespace: default}, weight: 75},
    {destination: {cluster: management-plane, name: reviews, namespace: default}, weight: 15, subset: {version: v1}},
    {destination: {cluster: management-plane, name: reviews, namespace: default}, weight: 10, subset: {version: v2}}]`,
)

function translateFleet(management: string) {
  const session = new TranslateSession('management-plane', {}, [
    { name: 'management-plane', yaml: `${managementCluster}${setUp}${management}` },
    { name: 'new-remote-cluster', yaml: remoteCluster },
  ])
  const answer = session.answer()
  const find = (on: string, kind: string, key: string) =>
    [...answer.objects, ...answer.statuses].filter(
      ({ cluster: c, object: { kind: k, metadata } }) =>
        c === on && k === kind && `${metadata.namespace}/${metadata.name}` === key,
    )
  return {
    answer,
    spec: (on: string, kind: string, key: string) => find(on, kind, key).map(({ object }) => object.spec)[0],
    status: (kind: string, key: string) =>
      find('management-plane', kind, key)
        .map(({ object }) => object.status)
        .at(-1),
  }
}

test('meshes, services and workloads are found where Fairlead drives the Envoys', () => {
  const { answer } = translateFleet('')
  const names = answer.objects
    .filter(({ object }) => object.kind.startsWith('Mesh'))
    .map(({ object }) => object.metadata.name)
  expect(names).toContain('istio-istio-system-management-plane')
  expect(names).toContain('reviews-default-management-plane')
  expect(names).toContain('reviews-default-new-remote-cluster')
  expect(names).toContain('istio-reviews-v3-default-new-remote-cluster')
})

test('the split is written on the cluster of the callers only', () => {
  const { spec, status, answer } = translateFleet(split)
  expect(spec('management-plane', 'VirtualService', 'default/reviews')).toMatchObject({
    hosts: ['reviews.default.svc.cluster.local'],
    http: [
      {
        route: [
          { destination: { host: 'reviews.default.new-remote-cluster', port: { number: 9080 } }, weight: 75 },
          { destination: { host: 'reviews.default.svc.cluster.local', subset: 'version-v1' }, weight: 15 },
          { destination: { host: 'reviews.default.svc.cluster.local', subset: 'version-v2' }, weight: 10 },
        ],
      },
    ],
  })
  expect(spec('new-remote-cluster', 'VirtualService', 'default/reviews')).toBeUndefined()
  expect(status('TrafficPolicy', 'service-mesh-hub/simple')).toMatchObject({
    observedGeneration: '1',
    translationStatus: { state: 'ACCEPTED' },
    validationStatus: { state: 'ACCEPTED' },
  })
  expect(answer.problems).toEqual([])
})

test('the global name is known on both sides: by the gateway to clients, by the pods to the gateway', () => {
  const { spec, status } = translateFleet('')
  const name = 'istio-system/reviews.default.new-remote-cluster'
  expect(spec('management-plane', 'ServiceEntry', name)).toMatchObject({
    hosts: ['reviews.default.new-remote-cluster'],
    location: 'MESH_INTERNAL',
    resolution: 'STATIC',
    ports: [{ number: 9080, name: 'http', protocol: 'HTTP' }],
    endpoints: [
      { address: '192.0.2.20', ports: { http: 15443 }, labels: { app: 'reviews', version: 'v3' }, locality: 'us/us-a' },
    ],
  })
  expect(spec('new-remote-cluster', 'ServiceEntry', name)).toMatchObject({
    exportTo: ['.'],
    endpoints: [{ address: '10.2.0.1', ports: { http: 9080 }, labels: { app: 'reviews', version: 'v3' } }],
  })
  expect(spec('new-remote-cluster', 'Gateway', 'istio-system/smh-vm-virtual-mesh-gateway')).toMatchObject({
    selector: { istio: 'ingressgateway' },
    servers: [{ port: { number: 15443, protocol: 'TLS' }, tls: { mode: 'AUTO_PASSTHROUGH' } }],
  })
  expect(status('VirtualMesh', 'service-mesh-hub/virtual-mesh')).toMatchObject({
    configStatus: { state: 'ACCEPTED' },
    federationStatus: { state: 'ACCEPTED' },
    certificateStatus: { state: 'ACCEPTED' },
  })
})

test('a subset of the remote service works', () => {
  const { spec } = translateFleet(
    policy(
      'dr',
      'reviews',
      '[{destination: {cluster: new-remote-cluster, name: reviews, namespace: default}, subset: {version: v3}}]',
    ),
  )
  const subsets = [{ name: 'version-v3', labels: { version: 'v3' } }]
  const name = 'istio-system/reviews.default.new-remote-cluster'
  expect(spec('management-plane', 'DestinationRule', name)).toMatchObject({ subsets })
  expect(spec('new-remote-cluster', 'DestinationRule', name)).toMatchObject({ subsets })
  expect(spec('management-plane', 'VirtualService', 'default/reviews')).toMatchObject({
    http: [{ route: [{ destination: { host: 'reviews.default.new-remote-cluster', subset: 'version-v3' } }] }],
  })
})

test('a policy that names a missing service is marked, and leaves its neighbours alone', () => {
  const { spec, status, answer } = translateFleet(
    split +
      policy(
        'broken',
        'productpage',
        '[{destination: {cluster: new-remote-cluster, name: nowhere, namespace: default}, weight: 100}]',
      ),
  )
  expect(status('TrafficPolicy', 'service-mesh-hub/broken')).toMatchObject({
    validationStatus: { state: 'INVALID', message: expect.stringContaining('nowhere') as string },
  })
  expect(status('TrafficPolicy', 'service-mesh-hub/simple')).toMatchObject({ translationStatus: { state: 'ACCEPTED' } })
  expect(spec('management-plane', 'VirtualService', 'default/productpage')).toBeUndefined()
  expect(answer.problems.map(({ code }) => code)).toEqual(['reference-not-found'])
})

test('of two policies that claim one field the senior one keeps it, and both are named', () => {
  const timeout = (name: string, seconds: number, created: string): string => `
apiVersion: networking.zephyr.solo.io/v1alpha1
kind: TrafficPolicy
metadata: {name: ${name}, namespace: service-mesh-hub, creationTimestamp: "${created}"}
spec: {requestTimeout: ${seconds}s}
---`
  const { spec, status } = translateFleet(
    timeout('a', 1, '2020-02-02T00:00:00Z') + timeout('b', 2, '2020-01-01T00:00:00Z'),
  )
  expect(status('TrafficPolicy', 'service-mesh-hub/b')).toMatchObject({ translationStatus: { state: 'ACCEPTED' } })
  const refused = status('TrafficPolicy', 'service-mesh-hub/a') as { conflictErrors: { errorMessage: string }[] }
  expect(refused).toMatchObject({ translationStatus: { state: 'CONFLICT' } })
  expect(refused.conflictErrors[0]?.errorMessage).toContain('service-mesh-hub/b')
  expect(spec('management-plane', 'VirtualService', 'default/reviews')).toMatchObject({ http: [{ timeout: '2s' }] })
})
