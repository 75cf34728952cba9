// Clusters that a client is given since a virtual host that it asked for leads to them.
import { expect, it } from 'vitest'
import { InMemoryClient, InMemorySource } from './in-memory.ts'
import { AdsServer } from './server.ts'
import { typeUrls } from './types.ts'

const { cluster, endpoint, listener, route, virtualHost } = typeUrls
const node = { id: 'sidecar~10.0.0.1~a.default~default.svc.cluster.local', cluster: 'a.default' }

function setUp() {
  const source = new InMemorySource()
  const timers = new Set<{ readonly ms: number; readonly callback: () => void }>()
  let at = 0
  const server = new AdsServer({
    source,
    verifier: { verify: async () => 'spiffe://cluster.local/ns/default/sa/a' },
    clock: {
      now: () => (at += 1000), // Each look is a second later: no pause lasts.
      after: (ms, callback) => {
        const timer = { ms, callback }
        timers.add(timer)
        return () => void timers.delete(timer)
      },
    },
  })
  for (const name of ['r/a', 'r/b', 'r/ab']) source.onDemand.add(name)
  for (const name of ['a', 'b']) source.onDemand.add(name)
  source.links.set('r/a', ['a']).set('r/b', ['b', 'nowhere']).set('r/ab', ['a', 'b'])
  source.set(cluster, { fixed: '1', a: '1', b: '1' })
  source.set(endpoint, { fixed: '1', a: '1', b: '1' })
  source.set(listener, { l: '1' })
  source.set(route, { r: '1' })
  source.set(virtualHost, { 'r/a': '1', 'r/b': '1', 'r/ab': '1' })
  const pass = (ms: number): void => {
    for (const timer of timers) {
      if (timer.ms > ms) continue
      timers.delete(timer)
      timer.callback()
    }
  }
  return { source, server, pass, timers }
}

const short = (r: { typeUrl: string; resources: readonly string[]; removed: readonly string[] }) =>
  `${r.typeUrl.slice(r.typeUrl.lastIndexOf('.') + 1)} ${[...r.resources, ...r.removed.map((n) => `-${n}`)].join(' ')}`

/** A client of the incremental kind that has all but virtual hosts. */
async function connected(parts = setUp(), initialResourceVersions: Record<string, string> = {}) {
  const client = new InMemoryClient(parts.server, 'delta')
  const take = async (): Promise<string[]> => {
    const received = await client.take()
    for (const { typeUrl, nonce } of received) client.send({ typeUrl, responseNonce: nonce })
    return received.map(short)
  }
  client.send({ node, typeUrl: cluster, initialResourceVersions })
  const clusters = await take()
  const wanted: [string, string[]][] = [
    [endpoint, ['fixed']],
    [listener, []],
    [route, ['r']],
  ]
  for (const [typeUrl, resourceNamesSubscribe] of wanted) {
    client.send({ typeUrl, resourceNamesSubscribe })
    await take()
  }
  return { ...parts, client, take, clusters }
}

it('sends the clusters to which a virtual host leads, then their endpoints, then the host', async () => {
  const { client, take, clusters, source } = await connected()
  expect(clusters).toEqual(['Cluster fixed=1'])
  client.send({ typeUrl: virtualHost, resourceNamesSubscribe: ['r/a'] })
  expect(await take()).toEqual(['Cluster a=1'])
  client.send({ typeUrl: endpoint, resourceNamesSubscribe: ['a'] })
  expect(await take()).toEqual(['ClusterLoadAssignment a=1', 'VirtualHost r/a=1'])
  // Changes of what nothing leads to are not told; those of what something leads to are.
  source.set(cluster, { b: '2' })
  expect(await take()).toEqual([])
  source.set(cluster, { a: '2' })
  expect(await take()).toEqual(['Cluster a=2', 'ClusterLoadAssignment a=1'])
  // A host whose clusters are there comes at once; another cluster that does not exist keeps nobody waiting.
  client.send({ typeUrl: virtualHost, resourceNamesSubscribe: ['r/ab'] })
  expect(await take()).toEqual(['Cluster b=2'])
  client.send({ typeUrl: endpoint, resourceNamesSubscribe: ['b'] })
  expect(await take()).toEqual(['ClusterLoadAssignment b=1', 'VirtualHost r/ab=1'])
  client.send({ typeUrl: virtualHost, resourceNamesSubscribe: ['r/b'] })
  expect(await take()).toEqual(['VirtualHost r/b=1'])
})

it('sends a host without the endpoints of its clusters if the client does not ask for them', async () => {
  const { client, take, pass } = await connected()
  client.send({ typeUrl: virtualHost, resourceNamesSubscribe: ['r/a'] })
  expect(await take()).toEqual(['Cluster a=1'])
  pass(2000)
  expect(await take()).toEqual(['VirtualHost r/a=1'])
})

it('takes clusters away some time after nothing leads to them any more', async () => {
  const { client, take, pass, source } = await connected()
  client.send({ typeUrl: virtualHost, resourceNamesSubscribe: ['r/a', 'r/ab'] })
  expect(await take()).toEqual(['Cluster a=1 b=1'])
  client.send({ typeUrl: endpoint, resourceNamesSubscribe: ['a', 'b'] })
  await take()
  source.links.set('r/ab', ['a'])
  source.set(virtualHost, { 'r/ab': '2' })
  expect(await take()).toEqual(['VirtualHost r/ab=2'])
  pass(60_000)
  expect(await take()).toEqual(['Cluster -b'])
  source.set(virtualHost, { 'r/ab': undefined })
  expect(await take()).toEqual(['VirtualHost -r/ab'])
  client.send({ typeUrl: virtualHost, resourceNamesUnsubscribe: ['r/a'] })
  expect(await take()).toEqual([])
  pass(60_000)
  expect(await take()).toEqual(['Cluster -a'])
})

it('leaves a client that comes back what it has, until it has said what leads there', async () => {
  const { client, take, pass, clusters, timers } = await connected(setUp(), { fixed: '1', a: '1', b: '1', c: '1' })
  expect(clusters).toEqual(['Cluster ', 'Cluster -c'])
  client.send({ typeUrl: virtualHost, resourceNamesSubscribe: ['r/a'], initialResourceVersions: { 'r/a': '1' } })
  expect((await take()).filter((line) => line.startsWith('Cluster '))).toEqual([])
  pass(60_000)
  expect(await take()).toEqual(['Cluster -b'])
  client.send({ typeUrl: virtualHost, resourceNamesUnsubscribe: ['r/a'] })
  client.close()
  expect(timers.size).toBe(0)
})
