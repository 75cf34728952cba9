// gRPC programs without a proxy: they ask for Istio's names, split calls by weight, choose by header, and fail over.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ResourceType } from '../../src/clusters/index.ts'
import { FakeApiServer, namespaces } from '../../src/clusters/testing/fake-api-server.ts'
import { type ControlPlane, makeLog, serve } from '../../src/control-plane/index.ts'
import { allKinds, type KubeObject, readObjects } from '../../src/resources/index.ts'

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

const port = 7070
const near = ['127.92.0.1', '127.92.0.2']
const far = ['127.92.1.1']

const settings = `
apiVersion: v1
kind: Namespace
metadata: { name: istio-system, labels: { fairlead.dev/data-plane: envoy } }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: echo, namespace: shop }
spec:
  hosts: [echo.shop.example]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{ number: ${port}, name: grpc, protocol: GRPC }]
  endpoints:
  - { address: ${near[0]}, labels: { version: v1 }, locality: eu/west }
  - { address: ${near[1]}, labels: { version: v2 }, locality: eu/west }
  - { address: ${far[0]}, labels: { version: v1 }, locality: us/east }
---
`

const rules = (http: string): string => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: echo, namespace: shop }
spec:
  host: echo.shop.example
  trafficPolicy:
    tls: { mode: DISABLE }
    loadBalancer: { simple: ROUND_ROBIN, localityLbSetting: { enabled: true } }
    outlierDetection: { consecutive5xxErrors: 5, interval: 1s, baseEjectionTime: 2s }
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo, namespace: shop }
spec:
  hosts: [echo.shop.example]
  http: ${http}
`

const split = `
  - match: [{ headers: { user: { exact: jason } } }]
    route: [{ destination: { host: echo.shop.example, subset: v2 } }]
  - route:
    - { destination: { host: echo.shop.example, subset: v1 }, weight: 75 }
    - { destination: { host: echo.shop.example, subset: v2 }, weight: 25 }
`

const service: ServiceDefinition = {
  Say: {
    path: '/echo.Echo/Say',
    requestStream: false,
    responseStream: false,
    requestSerialize: (value: unknown) => Buffer.from(String(value)),
    requestDeserialize: (bytes: Buffer) => bytes.toString(),
    responseSerialize: (value: unknown) => Buffer.from(String(value)),
    responseDeserialize: (bytes: Buffer) => bytes.toString(),
  },
}

async function echoServer(address: string): Promise<Server> {
  const server = new Server()
  server.addService(service, {
    Say: (_call: unknown, reply: (error: null, value: string) => void) => reply(null, address),
  })
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`${address}:${port}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    ),
  )
  return server
}

interface Reply {
  readonly shares: Readonly<Record<string, number>>
}

let api: FakeApiServer
let controlPlane: ControlPlane
let client: ChildProcess
const servers = new Map<string, Server>()
const folder = mkdtempSync(join(tmpdir(), 'fairlead-grpc-'))

function apply(yaml: string): void {
  const { objects, problems } = readObjects(yaml, 'test')
  expect(problems).toEqual([])
  for (const { object } of objects) {
    const group = object.apiVersion.includes('/') ? object.apiVersion.split('/')[0] : ''
    const found = [namespaces, ...types].find((each) => each.kind === object.kind && each.group === group)
    if (!found) throw new Error(`no type for ${object.kind}`)
    api.put(found, object as KubeObject)
  }
}

/** The client is a process of its own, since its bootstrap is read from the environment once. */
async function calls(count: number, headers: Readonly<Record<string, string>> = {}): Promise<Reply['shares']> {
  client.send({ count, headers })
  const answered = new AbortController()
  const { signal } = answered
  const ended = once(client, 'exit', { signal }).then(() => {
    throw new Error('the client has ended')
  })
  const [reply] = (await Promise.race([once(client, 'message', { signal }), ended])) as [Reply]
  ended.catch(() => undefined)
  answered.abort()
  return reply.shares
}

beforeAll(async () => {
  api = await FakeApiServer.start(types, 'uid-grpc')
  apply(settings + rules(split))
  controlPlane = await serve({
    contexts: [{ name: 'Kubernetes', isNamed: false, access: api.access }],
    stateDir: undefined,
    http: { host: '127.0.0.1', port: 0 },
    xds: undefined,
    xdsPlaintext: { host: '127.0.0.1', port: 0 },
    log: makeLog('silent', false),
    release: '0.1.0',
  })
  await controlPlane.settled
  for (const address of [...near, ...far]) servers.set(address, await echoServer(address))
  const bootstrap = join(folder, 'bootstrap.json')
  const xds = controlPlane.xds()?.plaintext
  // As Istio's agent writes it.
  writeFileSync(
    bootstrap,
    JSON.stringify({
      xds_servers: [
        { server_uri: `${xds?.host}:${xds?.port}`, channel_creds: [{ type: 'insecure' }], server_features: ['xds_v3'] },
      ],
      node: {
        id: 'sidecar~127.92.9.9~client.shop~shop.svc.cluster.local',
        metadata: { GENERATOR: 'grpc', NAMESPACE: 'shop', CLUSTER_ID: '', INSTANCE_IPS: '127.92.9.9' },
        locality: { region: 'eu', zone: 'west', sub_zone: '' },
      },
      server_listener_resource_name_template: 'xds.istio.io/grpc/lds/inbound/%s',
    }),
  )
  client = fork(join(import.meta.dirname, 'grpc-client.ts'), [`xds:///echo.shop.example:${port}`], {
    env: { ...process.env, GRPC_XDS_BOOTSTRAP: bootstrap },
  })
})

afterAll(async () => {
  client?.kill('SIGKILL')
  for (const server of servers.values()) server.forceShutdown()
  await controlPlane?.stop()
  await api?.close()
  rmSync(folder, { recursive: true, force: true })
})

describe('a gRPC client without proxy', () => {
  test('splits calls by weight, within its own locality', async () => {
    // At first not all connections stand; calls go where one does.
    await expect.poll(async () => Object.keys(await calls(40)).sort(), { timeout: 20_000 }).toEqual(near)
    const shares = await calls(400)
    expect(Object.keys(shares).sort()).toEqual(near)
    expect(shares[near[0] ?? '']).toBeGreaterThan(240)
    expect(shares[near[1] ?? '']).toBeGreaterThan(60)
  })

  test('chooses by header', async () => {
    expect(await calls(20, { user: 'jason' })).toEqual({ [near[1] ?? '']: 20 })
  })

  test('fails over to the other locality, and comes back', async () => {
    apply(rules('[{ route: [{ destination: { host: echo.shop.example, subset: v1 } }] }]'))
    await expect.poll(async () => calls(10), { timeout: 20_000 }).toEqual({ [near[0] ?? '']: 10 })
    servers.get(near[0] ?? '')?.forceShutdown()
    await expect.poll(async () => calls(10), { timeout: 30_000 }).toEqual({ [far[0] ?? '']: 10 })
    servers.set(near[0] ?? '', await echoServer(near[0] ?? ''))
    await expect.poll(async () => calls(10), { timeout: 60_000 }).toEqual({ [near[0] ?? '']: 10 })
  })

  test('follows a changed rule', async () => {
    apply(rules('[{ route: [{ destination: { host: echo.shop.example, subset: v2 } }] }]'))
    await expect.poll(async () => calls(10), { timeout: 20_000 }).toEqual({ [near[1] ?? '']: 10 })
  })

  test('fails where the rule redirects, which it cannot follow', async () => {
    apply(rules('[{ redirect: { uri: /elsewhere } }]'))
    await expect.poll(async () => calls(3), { timeout: 20_000 }).toEqual({ 'error 14': 3 })
  })
})
