import { afterEach, expect, test, vi } from 'vitest'
import type { KubeObject } from '../resources/index.ts'
import type { ResourceType } from './client/index.ts'
import { ClusterConnection, type ConnectionOptions } from './connection.ts'
import { FakeApiServer } from './testing/fake-api-server.ts'

const type = (group: string, version: string, plural: string, kind: string, namespaced = true): ResourceType => ({
  group,
  version,
  plural,
  kind,
  namespaced,
})
const services = type('', 'v1', 'services', 'Service')
const crds = type('apiextensions.k8s.io', 'v1', 'customresourcedefinitions', 'CustomResourceDefinition', false)
const rules = type('networking.istio.io', 'v1beta1', 'destinationrules', 'DestinationRule')
const kinds = [
  { group: '', kind: 'Service' },
  { group: 'networking.istio.io', kind: 'DestinationRule', versions: ['v1', 'v1beta1'] },
]
const object = (of: ResourceType, name: string): KubeObject => ({
  apiVersion: of.group === '' ? of.version : `${of.group}/${of.version}`,
  kind: of.kind,
  metadata: { name, namespace: 'default', managedFields: [{}] },
})

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

function connect(api: FakeApiServer, extra: Partial<ConnectionOptions> = {}) {
  const seen = new Map<string, KubeObject>()
  const connection = new ClusterConnection({
    access: api.access,
    kinds,
    sink: {
      replace: (kind, objects) => {
        for (const key of seen.keys()) if (key.startsWith(`${kind} `)) seen.delete(key)
        for (const [key, o] of objects) seen.set(`${kind} ${key}`, o)
      },
      set: (kind, key, o) => seen.set(`${kind} ${key}`, o),
      delete: (kind, key) => seen.delete(`${kind} ${key}`),
      changed: () => undefined,
    },
    timing: { probeMs: 30, probeTimeoutMs: 50, gatherMs: 5 },
    reflectorTiming: { firstRetryMs: 5, maximumRetryMs: 30, refusedMs: 30 },
    ...extra,
  })
  connection.start()
  ends.push(() => connection.stop())
  const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 5000, interval: 5 })
  return { connection, seen, until }
}

async function server(types = [services, crds], uid?: string): Promise<FakeApiServer> {
  const api = await FakeApiServer.start(types, uid)
  ends.push(() => api.close())
  return api
}

test('watches what is served, in the version that is, without what nobody reads', async () => {
  const api = await server([services, crds, rules])
  api.put(services, object(services, 'a'))
  api.put(rules, object(rules, 'b'))
  const { connection, seen, until } = connect(api)
  await until(() => expect(connection.state.synced).toBe(true))
  expect([...seen.keys()].sort()).toEqual(['/Service default/a', 'networking.istio.io/DestinationRule default/b'])
  expect(seen.get('/Service default/a')?.metadata.managedFields).toBeUndefined()
  expect(connection.state).toMatchObject({ uid: 'uid-of-kube-system', staleSince: undefined })
  expect(await connection.resourceOf({ apiVersion: 'networking.istio.io/v1', kind: 'DestinationRule' })).toEqual(rules)
})

test('a kind whose CRD is installed later is found, and one whose CRD goes is forgotten', async () => {
  const api = await server()
  const { connection, seen, until } = connect(api)
  await until(() => expect(connection.state.synced).toBe(true))
  expect(connection.state.kinds.get('networking.istio.io/DestinationRule')?.state).toBe('absent')
  api.serve(rules)
  api.put(rules, object(rules, 'b'))
  api.put(crds, { ...object(crds, 'destinationrules.networking.istio.io'), spec: { versions: [{ name: 'v1beta1' }] } })
  await until(() => expect(seen.has('networking.istio.io/DestinationRule default/b')).toBe(true))
  api.unserve(rules)
  await until(() => expect(seen.has('networking.istio.io/DestinationRule default/b')).toBe(false))
})

test('an API that goes away makes the cluster stale at once, and nothing is forgotten; it recovers by itself', async () => {
  const api = await server()
  api.put(services, object(services, 'a'))
  const { connection, seen, until } = connect(api)
  await until(() => expect(connection.state.synced).toBe(true))
  await api.close()
  await until(() => expect(connection.state.staleSince).toBeDefined())
  expect(connection.state.problem).toContain('connection refused')
  expect(seen.has('/Service default/a')).toBe(true)
  await api.listen()
  api.put(services, object(services, 'b'))
  await until(() => expect(seen.has('/Service default/b')).toBe(true))
  await until(() => expect(connection.state.staleSince).toBeUndefined())
})

test('an API that accepts connections and says nothing is noticed too', async () => {
  const api = await server()
  const { connection, seen, until } = connect(api)
  await until(() => expect(connection.state.synced).toBe(true))
  api.fallSilent()
  await until(() => expect(connection.state.problem).toContain('no answer'))
  api.put(services, object(services, 'b'))
  api.speakAgain()
  await until(() => expect(seen.has('/Service default/b')).toBe(true))
})

test('credentials that are refused make the cluster stale, and say so', async () => {
  const api = await server()
  const { connection, until } = connect(api)
  await until(() => expect(connection.state.synced).toBe(true))
  api.refuseWith = { status: 401, reason: 'Unauthorized' }
  api.dropWatches()
  await until(() => expect(connection.state.problem).toContain('unauthorized'))
})

test('what is known from before is in force until the first list', async () => {
  const api = await server()
  api.put(services, object(services, 'new'))
  await api.close()
  const known = {
    uid: 'uid-of-kube-system',
    seenAt: '2026-01-01T00:00:00.000Z',
    objects: new Map([['/Service', new Map([['default/old', object(services, 'old')]])]]),
  }
  const { connection, seen, until } = connect(api, { known })
  expect([...seen.keys()]).toEqual(['/Service default/old'])
  expect(connection.state).toMatchObject({ staleSince: known.seenAt, synced: false })
  await until(() => expect(connection.state.problem).toContain('connection refused'))
  expect(connection.state.staleSince).toBe(known.seenAt)
  await api.listen()
  await until(() => expect([...seen.keys()]).toEqual(['/Service default/new']))
  await until(() => expect(connection.state).toMatchObject({ staleSince: undefined, synced: true }))
})

test('another cluster behind the same address is listed from scratch', async () => {
  const api = await server()
  api.put(services, object(services, 'a'))
  const { connection, seen, until } = connect(api)
  await until(() => expect(connection.state.synced).toBe(true))
  api.removeSilently(services, 'default/a')
  api.put(
    { ...services, plural: 'namespaces', kind: 'Namespace', namespaced: false },
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system', uid: 'another' } },
  )
  await until(() => expect(connection.state.uid).toBe('another'))
  await until(() => expect(seen.size).toBe(0))
})
