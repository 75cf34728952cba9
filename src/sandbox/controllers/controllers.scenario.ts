// The controllers against the embedded API server, over its real port. Nobody runs pods: the test writes their status.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { KubeClient, loadAccess } from '../../clusters/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import { type ApiServer, startApiServer } from '../apiserver/index.ts'
import { KubeApi, type Resource, resources } from './client/index.ts'
import { loadBalancer, type RunningControllers, runControllers } from './index.ts'
import type { Deployment, EndpointSlice, Pod, ReplicaSet, Service } from './kinds.ts'

let folder: string
let server: ApiServer
let controllers: RunningControllers
let api: KubeApi
const problems: string[] = []
const balancerAddress = '127.94.3.1'
let envoyAdmin: Server
/** Runs before the load balancer's Envoy says which listeners are open. */
let beforeListeners: () => Promise<void> = async () => undefined
let openListeners: readonly string[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-controllers-'))
  server = await startApiServer({ dataDir: folder })
  const { token } = await server.issueCredential('admin', ['system:masters'])
  const kubeconfig = join(folder, 'kubeconfig')
  const cluster = { server: server.url, 'certificate-authority-data': Buffer.from(server.caPem).toString('base64') }
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'c', user: { token } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'c' } }],
    'current-context': 'c',
  }
  writeFileSync(kubeconfig, stringify(content))
  api = new KubeApi(new KubeClient(loadAccess(kubeconfig)), 'test')
  envoyAdmin = createServer((_, answer) => {
    void beforeListeners().then(() =>
      answer.end(JSON.stringify({ listener_statuses: openListeners.map((name) => ({ name })) })),
    )
  })
  await new Promise<void>((listening) => envoyAdmin.listen(15_000, balancerAddress, listening))
  const { controller } = loadBalancer({
    directory: join(folder, 'balancer'),
    addresses: { from: '127.94.3.2', count: 5 },
    adminAddress: balancerAddress,
    startEnvoy: async () => undefined,
  })
  const log = (message: string) => problems.push(message)
  controllers = await runControllers({ cluster: 'c', kubeconfig, more: [controller], log })
  await controllers.ready
})

afterAll(async () => {
  await controllers?.close()
  api?.client.close()
  await server?.close()
  envoyAdmin?.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Repeats until the check passes; the last failure counts. */
async function eventually(check: () => Promise<void>, withinMs = 15_000): Promise<void> {
  for (const end = Date.now() + withinMs; ; await delay(30)) {
    try {
      return await check()
    } catch (error) {
      if (Date.now() > end) throw error
    }
  }
}

async function inNamespace(name: string): Promise<string> {
  await api.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  return name
}

async function list<T extends KubeObject>(resource: Resource, namespace: string): Promise<T[]> {
  return (await api.list(resource, namespace)) as T[]
}

function deployment(namespace: string, image: string, replicas: number): Deployment {
  const labels = { app: 'web' }
  const containers = [{ name: 'web', image, ports: [{ name: 'http', containerPort: 8080 }] }]
  const template = { metadata: { labels }, spec: { schedulerName: 'by-hand', containers } }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace },
    spec: { replicas, selector: { matchLabels: labels }, template },
  }
}

async function makeReady(namespace: string): Promise<void> {
  for (const pod of await list<Pod>(resources.pods, namespace)) {
    if (pod.status?.podIP !== undefined || pod.metadata.deletionTimestamp !== undefined) continue
    const n = Number.parseInt(pod.metadata.uid?.slice(0, 2) ?? '0', 16)
    const status = {
      phase: 'Running',
      podIP: `10.0.0.${n}`,
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2024-01-01T00:00:00Z' }],
    }
    await api.patch(resources.pods, pod.metadata, { type: 'merge', subresource: 'status', body: { status } })
  }
}

async function rolledOut(namespace: string): Promise<Deployment> {
  let found: Deployment | undefined
  await eventually(async () => {
    await makeReady(namespace)
    found = await api.get<Deployment>(resources.deployments, namespace, 'web')
    const { generation } = found.metadata
    const replicas = found.spec?.replicas
    const wanted = { observedGeneration: generation, replicas, updatedReplicas: replicas, availableReplicas: replicas }
    expect(found.status).toMatchObject(wanted)
  })
  return found as Deployment
}

describe('a Deployment', () => {
  test('rolls out, rolls on to another image, scales, and keeps its revisions', async () => {
    const namespace = await inNamespace('rollout')
    await api.create(resources.deployments, deployment(namespace, 'a', 3))
    await rolledOut(namespace)
    const spec = { template: { spec: { containers: [{ name: 'web', image: 'b' }] } } }
    await api.patch(resources.deployments, { namespace, name: 'web' }, { type: 'merge', body: { spec } })
    const second = await rolledOut(namespace)
    expect(second.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('2')
    const reasons = second.status?.conditions?.map(({ reason }) => reason).sort()
    expect(reasons).toEqual(['MinimumReplicasAvailable', 'NewReplicaSetAvailable'])
    await api.patch(
      resources.deployments,
      { namespace, name: 'web' },
      { type: 'merge', body: { spec: { replicas: 1 } } },
    )
    await rolledOut(namespace)
    const sizes = (await list<ReplicaSet>(resources.replicaSets, namespace)).map((rs) => rs.spec?.replicas)
    expect(new Set(sizes)).toEqual(new Set([0, 1]))
  })

  test('never makes more pods than wanted, however fast it is asked', async () => {
    const namespace = await inNamespace('many')
    await api.create(resources.deployments, deployment(namespace, 'a', 20))
    await rolledOut(namespace)
    expect(await list(resources.pods, namespace)).toHaveLength(20)
  })
})

describe('a Service', () => {
  test('has the ready pods of its selector as endpoints, and loses one that is deleted', async () => {
    const namespace = await inNamespace('endpoints')
    const spec = { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] }
    await api.create(resources.services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace },
      spec,
    })
    await api.create(resources.deployments, deployment(namespace, 'a', 2))
    await rolledOut(namespace)
    const ready = async (): Promise<number[]> =>
      (await list<EndpointSlice>(resources.endpointSlices, namespace)).map(
        (slice) => (slice.endpoints ?? []).filter((e) => e.conditions?.ready).length,
      )
    await eventually(async () => expect(await ready()).toEqual([2]))
    await api.patch(
      resources.deployments,
      { namespace, name: 'web' },
      { type: 'merge', body: { spec: { replicas: 0 } } },
    )
    await eventually(async () => expect(await ready()).toEqual([0]))
    await api.delete(resources.services, { namespace, name: 'web' })
    await eventually(async () => expect(await list(resources.endpointSlices, namespace)).toEqual([]))
  })
})

describe('garbage collection', () => {
  const owned = async (namespace: string): Promise<string> => {
    await api.create(resources.deployments, deployment(namespace, 'a', 1))
    await eventually(async () => expect(await list(resources.pods, namespace)).toHaveLength(1))
    return namespace
  }

  test.each(['Background', 'Foreground'] as const)('%s: everything below goes, too', async (propagationPolicy) => {
    const namespace = await owned(await inNamespace(propagationPolicy.toLowerCase()))
    await api.delete(resources.deployments, { namespace, name: 'web' }, { propagationPolicy })
    await eventually(async () => {
      for (const resource of [resources.deployments, resources.replicaSets, resources.pods]) {
        expect(await list(resource, namespace)).toEqual([])
      }
    })
  })

  test('Orphan: what is below stays, and a new owner takes it in', async () => {
    const namespace = await owned(await inNamespace('orphan'))
    await api.delete(resources.deployments, { namespace, name: 'web' }, { propagationPolicy: 'Orphan' })
    await eventually(async () => expect(await api.find(resources.deployments, namespace, 'web')).toBeUndefined())
    const owners = async (): Promise<unknown[]> =>
      (await list(resources.replicaSets, namespace)).map((rs) => rs.metadata.ownerReferences?.map((o) => o.kind))
    await eventually(async () => expect(await owners()).toEqual([undefined]))
    await api.create(resources.deployments, deployment(namespace, 'a', 1))
    await eventually(async () => expect(await owners()).toEqual([['Deployment']]))
    expect(await list(resources.pods, namespace)).toHaveLength(1)
  })
})

describe('a namespace', () => {
  test('has its account and root certificate, and goes with all that it holds', async () => {
    const namespace = await inNamespace('gone')
    await eventually(async () => {
      await api.get(resources.serviceAccounts, namespace, 'default')
      await api.get(resources.configMaps, namespace, 'kube-root-ca.crt')
    })
    await api.create(resources.deployments, deployment(namespace, 'a', 2))
    await eventually(async () => expect(await list(resources.pods, namespace)).toHaveLength(2))
    await api.delete(resources.namespaces, { name: namespace })
    await eventually(async () => expect(await api.find(resources.namespaces, '', namespace)).toBeUndefined(), 30_000)
    expect(await list(resources.pods, namespace)).toEqual([])
  })
})

describe('a load balancer', () => {
  const front = (namespace: string): Service => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'front', namespace },
    spec: { type: 'LoadBalancer', ports: [{ port: 8443 }] },
  })
  const addressOf = async (namespace: string): Promise<unknown> =>
    ((await api.get(resources.services, namespace, 'front')) as Service).status?.loadBalancer?.ingress?.map((i) => i.ip)

  test('tells an address once its Envoy listens', async () => {
    const namespace = await inNamespace('balanced')
    await api.create(resources.services, front(namespace))
    expect(await addressOf(namespace)).toBeUndefined()
    openListeners = [`${namespace}/front:8443`]
    await eventually(async () => expect(await addressOf(namespace)).toEqual(['127.94.3.2']))
  })

  test('leaves a service to another one that was there a moment earlier', async () => {
    const namespace = await inNamespace('taken')
    const created = (await api.create(resources.services, front(namespace))) as Service
    // Late enough that the address would be told now.
    const due = Date.now() + 1100
    let taken = false
    beforeListeners = async () => {
      if (Date.now() < due || taken) return
      taken = true
      openListeners = [...openListeners, `${namespace}/front:8443`]
      const body = { status: { loadBalancer: { ingress: [{ ip: '203.0.113.9' }] } } }
      await api.patch(resources.services, created.metadata, { type: 'merge', subresource: 'status', body })
    }
    await eventually(async () => expect(taken).toBe(true))
    await eventually(async () => expect(controllers.idle()).toBe(true))
    expect(await addressOf(namespace)).toEqual(['203.0.113.9'])
  })
})

test('nothing went wrong on the way', () => {
  expect(problems).toEqual([])
})
