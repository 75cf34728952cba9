import { afterEach, expect, test, vi } from 'vitest'
import type { KubeObject } from '../resources/index.ts'
import type { ResourceType } from './client/index.ts'
import { Fleet, type FleetCluster, type Member } from './fleet.ts'
import { FakeApiServer } from './testing/fake-api-server.ts'

const services: ResourceType = { group: '', version: 'v1', plural: 'services', kind: 'Service', namespaced: true }
const service = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default' },
})

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function server(uid: string, ...names: string[]): Promise<FakeApiServer> {
  const api = await FakeApiServer.start([services], uid)
  for (const name of names) api.put(services, service(name))
  ends.push(() => api.close())
  return api
}

function member(name: string, api: FakeApiServer, rank = 0, fingerprint = ''): Member {
  return { name, source: `test ${name}`, rank, access: api.access, fingerprint }
}

function setup() {
  const seen = new Map<string, Set<string>>()
  const left: string[] = []
  const latest = new Map<string, FleetCluster>()
  const of = (cluster: string): Set<string> => {
    const set = seen.get(cluster) ?? new Set()
    seen.set(cluster, set)
    return set
  }
  const fleet = new Fleet({
    kinds: [{ group: '', kind: 'Service' }],
    connection: {
      timing: { probeMs: 30, probeTimeoutMs: 50, gatherMs: 5 },
      reflectorTiming: { firstRetryMs: 5, maximumRetryMs: 30, refusedMs: 30 },
    },
    sink: {
      replace: (cluster, _kind, objects) => seen.set(cluster, new Set(objects.keys())),
      set: (cluster, _kind, key) => of(cluster).add(key),
      delete: (cluster, _kind, key) => of(cluster).delete(key),
      cluster: (cluster) => latest.set(cluster.name, cluster),
      gone: (name) => {
        seen.delete(name)
        latest.delete(name)
      },
      leaving: async (cluster) => {
        left.push(cluster.name)
      },
    },
  })
  ends.push(() => fleet.stop())
  const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 5000, interval: 5 })
  const shown = (): Record<string, string[]> =>
    Object.fromEntries([...seen].map(([name, keys]) => [name, [...keys].sort()]))
  return { fleet, until, shown, left, latest }
}

test('shows each cluster under its name; a removed one is left in order', async () => {
  const [one, two] = [await server('uid-1', 'a'), await server('uid-2', 'b')]
  const { fleet, until, shown, left } = setup()
  fleet.reconcile([member('one', one), member('two', two)])
  await until(() => expect(shown()).toEqual({ one: ['default/a'], two: ['default/b'] }))
  fleet.reconcile([member('one', one)])
  expect(shown()).toEqual({ one: ['default/a'] })
  expect(left).toEqual(['two'])
})

test('two names of one API server are one cluster, called as the lowest rank says', async () => {
  const api = await server('uid-1', 'a')
  const { fleet, until, shown, latest, left } = setup()
  fleet.reconcile([member('Kubernetes', api, 20)])
  await until(() => expect(shown()).toEqual({ Kubernetes: ['default/a'] }))
  fleet.reconcile([member('Kubernetes', api, 20), member('management-plane', api, 0)])
  await until(() => expect(shown()).toEqual({ 'management-plane': ['default/a'] }))
  expect([...latest.values()].map((c) => c.aliases)).toEqual([['Kubernetes']])
  expect(fleet.find('Kubernetes')?.name).toBe('management-plane')
  expect(api.watching).toBe(1)
  fleet.reconcile([member('Kubernetes', api, 20)])
  expect(shown()).toEqual({ Kubernetes: ['default/a'] })
  expect(left).toEqual([])
})

test('new credentials take over when they have seen everything; until then the old connection serves', async () => {
  const [old, fresh] = [await server('uid-1', 'a'), await server('uid-1', 'a', 'b')]
  const { fleet, until, shown } = setup()
  fleet.reconcile([member('one', old)])
  await until(() => expect(shown()).toEqual({ one: ['default/a'] }))
  fresh.fallSilent()
  fleet.reconcile([member('one', fresh, 0, 'new')])
  old.put(services, service('late'))
  await until(() => expect(shown()).toEqual({ one: ['default/a', 'default/late'] }))
  fresh.speakAgain()
  await until(() => expect(shown()).toEqual({ one: ['default/a', 'default/b'] }))
  await until(() => expect(old.watching).toBe(0))
})

test('when the member whose credentials are used goes, another one of the cluster takes over', async () => {
  const [first, second] = [await server('uid-1', 'a'), await server('uid-1', 'a')]
  const { fleet, until, shown, left } = setup()
  fleet.reconcile([member('one', first)])
  await until(() => expect(shown()).toEqual({ one: ['default/a'] }))
  fleet.reconcile([member('one', first), member('other', second, 5)])
  await until(() => expect(fleet.find('other')?.name).toBe('one'))
  fleet.reconcile([member('other', second, 5)])
  expect(shown()).toEqual({ other: ['default/a'] })
  await until(() => expect(first.watching).toBe(0))
  expect([shown(), left]).toEqual([{ other: ['default/a'] }, []])
})

test('a cluster that cannot be reached is there, and says why', async () => {
  const api = await server('uid-1', 'a')
  await api.close()
  const { fleet, until, shown, latest } = setup()
  fleet.reconcile([member('one', api)])
  await until(() => expect(latest.get('one')?.state.problem).toContain('connection refused'))
  await api.listen()
  await until(() => expect(shown()).toEqual({ one: ['default/a'] }))
})
