import { afterEach, expect, test, vi } from 'vitest'
import { loadAccess, type ResourceType } from '../clusters/index.ts'
import { FakeApiServer, namespaces } from '../clusters/testing/fake-api-server.ts'
import { managementCluster, remoteCluster } from '../dialects/testdata/bookinfo.ts'
import { allKinds, type KubeObject, readObjects } from '../resources/index.ts'
import { serve } from './assemble.ts'
import { makeLog } from './log.ts'

const type = (group: string, kind: string, plural: string, namespaced = true, version = 'v1'): ResourceType => ({
  group,
  version,
  plural,
  kind,
  namespaced,
})
const types: ResourceType[] = [
  type('', 'Node', 'nodes', false),
  type('', 'Service', 'services'),
  type('', 'Pod', 'pods'),
  type('', 'ConfigMap', 'configmaps'),
  type('', 'Secret', 'secrets'),
  type('discovery.k8s.io', 'EndpointSlice', 'endpointslices'),
  type('apps', 'Deployment', 'deployments'),
  type('coordination.k8s.io', 'Lease', 'leases'),
  type('apiextensions.k8s.io', 'CustomResourceDefinition', 'customresourcedefinitions', false),
  ...allKinds.map(({ group, kind, plural, versions }) => type(group, kind, plural, true, versions[0]?.name)),
]
const typeOf = (kind: string, group?: string): ResourceType => {
  const found = [namespaces, ...types].find((t) => t.kind === kind && (group === undefined || t.group === group))
  if (found === undefined) throw new Error(`no ${kind}`)
  return found
}

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function cluster(uid: string, yaml: string): Promise<FakeApiServer> {
  const api = await FakeApiServer.start(types, uid)
  ends.push(() => api.close())
  apply(api, yaml)
  return api
}

function apply(api: FakeApiServer, yaml: string): void {
  for (const { object } of readObjects(yaml, 'test').objects) {
    const group = object.apiVersion.includes('/') ? object.apiVersion.split('/')[0] : ''
    api.put(typeOf(object.kind, group), object)
  }
}

function register(management: FakeApiServer, name: string, api: FakeApiServer): void {
  const data = { kubeconfig: Buffer.from(api.kubeconfig).toString('base64') }
  const metadata = { name, namespace: 'service-mesh-hub' }
  management.put(typeOf('Secret'), { apiVersion: 'v1', kind: 'Secret', metadata, data } as KubeObject)
  management.put(typeOf('KubernetesCluster'), {
    apiVersion: 'discovery.zephyr.solo.io/v1alpha1',
    kind: 'KubernetesCluster',
    metadata,
    spec: { secretRef: metadata },
  })
}

const mesh = (name: string): string => `{name: istio-istio-system-${name}, namespace: service-mesh-hub}`
const policies = `
apiVersion: networking.zephyr.solo.io/v1alpha1
kind: VirtualMesh
metadata: {name: virtual-mesh, namespace: service-mesh-hub, generation: 1}
spec:
  certificateAuthority: {builtin: {rsaKeySizeBytes: 2048}}
  federation: {mode: PERMISSIVE}
  shared: {}
  meshes: [${mesh('management-plane')}, ${mesh('new-remote-cluster')}]
---
apiVersion: networking.zephyr.solo.io/v1alpha1
kind: TrafficPolicy
metadata: {name: simple, namespace: service-mesh-hub, generation: 1}
spec:
  destinationSelector: {serviceRefs: {services: [{cluster: management-plane, name: reviews, namespace: default}]}}
  trafficShift:
    destinations:
    - {destination: {cluster: new-remote-cluster, name: reviews, namespace: default}, weight: 75}
    - {destination: {cluster: management-plane, name: reviews, namespace: default}, weight: 25, subset: {version: v1}}
`

async function start() {
  const management = await cluster('uid-1', managementCluster)
  const remote = await cluster('uid-2', remoteCluster)
  const log = makeLog('silent', false)
  const controlPlane = await serve({
    contexts: [{ name: 'Kubernetes', isNamed: false, access: management.access }],
    stateDir: undefined,
    http: { host: '127.0.0.1', port: 0 },
    xds: undefined,
    xdsPlaintext: { host: '127.0.0.1', port: 0 },
    log,
    release: '0.1.0',
  })
  ends.push(() => controlPlane.stop())
  await controlPlane.settled
  const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 20_000, interval: 10 })
  const names = (api: FakeApiServer, kind: string): string[] => [...api.objects(typeOf(kind, undefined)).keys()].sort()
  const debug = async (page: string): Promise<unknown> =>
    (await fetch(`http://127.0.0.1:${controlPlane.http.port}${page}`)).json()
  return { management, remote, controlPlane, until, names, debug }
}

test('from a registration and a policy to objects on both clusters, statuses, and back', async () => {
  const { management, remote, until, names, debug } = await start()
  register(management, 'management-plane', management)
  register(management, 'new-remote-cluster', remote)
  await until(() =>
    expect(names(management, 'MeshService')).toContain('service-mesh-hub/reviews-default-new-remote-cluster'),
  )
  apply(management, policies)
  await until(() => expect(names(management, 'VirtualService')).toEqual(['default/reviews']))
  expect(names(remote, 'VirtualService')).not.toContain('default/reviews')
  const policy = (): KubeObject | undefined =>
    management.objects(typeOf('TrafficPolicy')).get('service-mesh-hub/simple')
  await until(() => expect(policy()?.status).toMatchObject({ translationStatus: { state: 'ACCEPTED' } }))
  expect(await debug('/debug/clusters')).toMatchObject([
    { name: 'management-plane', aliases: ['Kubernetes'], synced: true },
    { name: 'new-remote-cluster', synced: true },
  ])
  expect(names(management, 'CustomResourceDefinition').length).toBeGreaterThan(
    names(remote, 'CustomResourceDefinition').length,
  )

  management.remove(typeOf('TrafficPolicy'), 'service-mesh-hub/simple')
  await until(() => expect(names(management, 'VirtualService')).toEqual([]))
})

test('a cluster whose registration is removed is cleaned up', async () => {
  const { management, remote, until, names } = await start()
  register(management, 'management-plane', management)
  register(management, 'new-remote-cluster', remote)
  apply(management, policies)
  await until(() => expect(names(remote, 'Gateway')).toHaveLength(1))
  remote.put(typeOf('DestinationRule'), {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: 'mine', namespace: 'default' },
    spec: { host: 'elsewhere' },
  })
  management.remove(typeOf('KubernetesCluster'), 'service-mesh-hub/new-remote-cluster')
  await until(() => {
    expect([names(remote, 'Gateway'), names(remote, 'DestinationRule')]).toEqual([[], ['default/mine']])
    expect(names(management, 'MeshService').filter((name) => name.endsWith('new-remote-cluster'))).toEqual([])
  })
})

test('a restart while a cluster is away undoes nothing that was made for it', async () => {
  const { management, remote, until, names, controlPlane } = await start()
  register(management, 'management-plane', management)
  register(management, 'new-remote-cluster', remote)
  apply(management, policies)
  const registration = (): KubeObject | undefined =>
    management.objects(typeOf('KubernetesCluster')).get('service-mesh-hub/new-remote-cluster')
  await until(() => expect(registration()?.metadata.annotations).toEqual({ 'fairlead.dev/cluster-uid': 'uid-2' }))
  await until(() => expect(names(management, 'ServiceEntry')).not.toEqual([]))
  const before = names(management, 'ServiceEntry')
  await controlPlane.stop()
  await remote.close()
  const again = await serve({
    contexts: [{ name: 'Kubernetes', isNamed: false, access: management.access }],
    stateDir: undefined,
    http: { host: '127.0.0.1', port: 0 },
    xds: undefined,
    xdsPlaintext: { host: '127.0.0.1', port: 0 },
    log: makeLog('silent', false),
    release: '0.1.0',
  })
  ends.push(() => again.stop())
  await again.settled
  management.remove(typeOf('TrafficPolicy'), 'service-mesh-hub/simple')
  // The removal is known, and all that can be written is.
  const page = async (name: string) => (await fetch(`http://127.0.0.1:${again.http.port}/debug/${name}`)).json()
  await vi.waitFor(async () => {
    const { tables } = (await page('pipeline')) as { tables: { name: string; rows: number }[] }
    const policies = tables.filter(({ name }) => name.endsWith('/TrafficPolicy'))
    expect(policies.length).toBeGreaterThan(0)
    expect(policies.filter(({ rows }) => rows > 0)).toEqual([])
    expect(await page('writer')).toMatchObject({ isHolder: true, waiting: { 'management-plane': 0 } })
  }, 20_000)
  expect(names(management, 'ServiceEntry')).toEqual(before)
  await remote.listen()
  await until(() => expect(names(management, 'VirtualService')).toEqual([]))
  expect(names(management, 'ServiceEntry')).toEqual(before)
})

test("what is wrong with a user's Istio object becomes its status, and goes when it is put right", async () => {
  const { management, until } = await start()
  const route = (weight: number | string): KubeObject => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'mine', namespace: 'default', generation: 3 },
    spec: { hosts: ['reviews'], http: [{ route: [{ destination: { host: 'reviews' }, weight }] }] },
  })
  const status = (): unknown => management.objects(typeOf('VirtualService')).get('default/mine')?.status
  management.put(typeOf('VirtualService'), { ...route('x'), status: { conditions: [{ type: 'Reconciled' }] } })
  await until(() =>
    expect(status()).toEqual({
      conditions: [
        { type: 'Reconciled' },
        {
          type: 'Accepted',
          status: 'False',
          reason: 'WrongType',
          message: expect.stringContaining('spec.http[0].route[0].weight'),
          observedGeneration: '3',
          lastTransitionTime: expect.any(String),
        },
      ],
      validationMessages: [
        expect.objectContaining({ level: 'ERROR', type: { name: 'WrongType', code: 'wrong-type' } }),
      ],
    }),
  )
  management.put(typeOf('VirtualService'), { ...route(100), status: status() })
  await until(() =>
    expect(status()).toMatchObject({
      conditions: [{}, { status: 'True', reason: 'Accepted' }],
      validationMessages: [],
    }),
  )
})

test('what only translation for proxies can tell becomes status, too', async () => {
  const { management, until } = await start()
  apply(
    management,
    `
{apiVersion: v1, kind: Namespace, metadata: {name: istio-system, labels: {fairlead.dev/data-plane: envoy}}}
---
{apiVersion: security.istio.io/v1, kind: RequestAuthentication, metadata: {name: tokens, namespace: istio-system}, spec: {jwtRules: [{issuer: me, jwksUri: "http://169.254.169.254/"}]}}
---
{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: ask, namespace: default}, spec: {action: CUSTOM, provider: {name: nobody}, rules: [{}]}}
---
{apiVersion: networking.istio.io/v1alpha3, kind: EnvoyFilter, metadata: {name: patch, namespace: default}, spec: {configPatches: [{applyTo: BOOTSTRAP, patch: {operation: MERGE, value: {}}}]}}`,
  )
  const said = (kind: string, key: string) =>
    (management.objects(typeOf(kind)).get(key)?.status as { conditions?: unknown } | undefined)?.conditions
  const reason = (text: string, status: string) => [
    { type: 'Accepted', status, message: expect.stringContaining(text) },
  ]
  await until(() => {
    expect(said('RequestAuthentication', 'istio-system/tokens')).toMatchObject(
      reason('169.254.169.254 is not public', 'True'),
    )
    expect(said('AuthorizationPolicy', 'default/ask')).toMatchObject(
      reason('provider "nobody" cannot be asked', 'False'),
    )
    expect(said('EnvoyFilter', 'default/patch')).toMatchObject(reason('the patch has no effect', 'True'))
  })
})

test('a kubeconfig that cannot be read says which and why', () => {
  expect(() => loadAccess('/nowhere/config')).toThrow('/nowhere/config: cannot read the kubeconfig')
})

test('stops while no cluster has ever answered', async () => {
  const gone = await FakeApiServer.start(types, 'uid-1')
  const { access } = gone
  await gone.close()
  const controlPlane = await serve({
    contexts: [{ name: 'Kubernetes', isNamed: false, access }],
    stateDir: undefined,
    http: { host: '127.0.0.1', port: 0 },
    xds: undefined,
    xdsPlaintext: { host: '127.0.0.1', port: 0 },
    log: makeLog('silent', false),
    release: '0.1.0',
  })
  await controlPlane.stop()
  await controlPlane.settled
  expect(controlPlane.xds()).toBeUndefined()
})
