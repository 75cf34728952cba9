import { describe, expect, it } from 'vitest'
import { InMemoryClient, InMemorySource, settle } from './in-memory.ts'
import { AdsServer, type AdsServerOptions } from './server.ts'
import { StreamError, statusCodes } from './transport.ts'
import { typeUrls } from './types.ts'

const { cluster, endpoint, listener, route } = typeUrls
const node = { id: 'sidecar~10.0.0.1~a.default~default.svc.cluster.local', cluster: 'a.default' }

function setUp(options: Partial<AdsServerOptions> = {}) {
  const source = new InMemorySource()
  const timers: (() => void)[] = []
  let at = 0
  const server = new AdsServer({
    source,
    verifier: { verify: async () => 'spiffe://cluster.local/ns/default/sa/a' },
    clock: {
      now: () => (at += 1000), // Each look is a second later: no pause lasts.
      after: (_ms, callback) => {
        timers.push(callback)
        return () => void timers.splice(timers.indexOf(callback), 1)
      },
    },
    ...options,
  })
  return { source, server, timers }
}

/** A client that has everything of cluster, endpoint, listener and route, and has said so. */
async function connected(kind: 'delta', parts = setUp()) {
  const { source, server } = parts
  source.set(cluster, { a: '1' })
  source.set(endpoint, { a: '1' })
  source.set(listener, { l: '1' })
  source.set(route, { r: '1' })
  const client = new InMemoryClient(server, kind)
  const wanted: [string, string[]][] = [
    [cluster, []],
    [endpoint, ['a']],
    [listener, []],
    [route, ['r']],
  ]
  for (const [typeUrl, resourceNamesSubscribe] of wanted) {
    client.send({ node, typeUrl, resourceNamesSubscribe })
    for (const r of await client.take()) client.send({ typeUrl: r.typeUrl, responseNonce: r.nonce })
  }
  return { ...parts, client }
}

const short = (r: { typeUrl: string; resources: readonly string[]; removed: readonly string[] }) =>
  `${r.typeUrl.slice(r.typeUrl.lastIndexOf('.') + 1)} ${[...r.resources, ...r.removed.map((n) => `-${n}`)].join(' ')}`

describe('delta', () => {
  it('sends everything to a wildcard subscription, and afterwards what changes', async () => {
    const { source, server } = setUp()
    source.set(cluster, { a: '1', b: '1' })
    const client = new InMemoryClient(server, 'delta')
    client.send({ node, typeUrl: cluster })
    const [first] = await client.take()
    expect(first?.resources).toEqual(['a=1', 'b=1'])
    client.send({ typeUrl: cluster, responseNonce: first?.nonce ?? '' })
    expect(await client.take()).toEqual([])

    source.set(cluster, { b: '2', c: '1' })
    expect((await client.take()).map(short)).toEqual(['Cluster b=2 c=1'])
    source.set(cluster, { a: undefined })
    expect((await client.take()).map(short)).toEqual(['Cluster -a'])
  })

  it('answers a wildcard subscription of which there is nothing', async () => {
    const { server } = setUp()
    const client = new InMemoryClient(server, 'delta')
    client.send({ node, typeUrl: listener })
    expect((await client.take()).map(short)).toEqual(['Listener '])
  })

  it('passes over names that were told to have changed, and have not', async () => {
    const { source, client } = await connected('delta')
    source.set(cluster, { a: '1' })
    expect(await client.take()).toEqual([])
  })

  it('gives on demand what was asked for, and says what does not exist', async () => {
    const { source, server } = setUp()
    source.set(endpoint, { a: '1', b: '1' })
    const client = new InMemoryClient(server, 'delta')
    client.send({ node, typeUrl: endpoint, resourceNamesSubscribe: ['a', 'nowhere'] })
    expect((await client.take()).map(short)).toEqual(['ClusterLoadAssignment a=1', 'ClusterLoadAssignment -nowhere'])
    source.set(endpoint, { b: '2' })
    expect(await client.take()).toEqual([])
    client.send({ typeUrl: endpoint, resourceNamesSubscribe: ['b'], resourceNamesUnsubscribe: ['a'] })
    expect((await client.take()).map(short)).toEqual(['ClusterLoadAssignment b=2'])
    source.set(endpoint, { a: '2', nowhere: '1' })
    expect((await client.take()).map(short)).toEqual(['ClusterLoadAssignment nowhere=1'])
  })

  it('keeps a wildcard subscription apart from resources that exist on demand only', async () => {
    const { source, server } = setUp()
    source.onDemand.add('hidden')
    source.set(cluster, { a: '1', hidden: '1' })
    const client = new InMemoryClient(server, 'delta')
    client.send({ node, typeUrl: cluster })
    expect((await client.take()).map(short)).toEqual(['Cluster a=1'])
    source.set(cluster, { hidden: '2' })
    expect(await client.take()).toEqual([])
    client.send({ typeUrl: cluster, resourceNamesSubscribe: ['hidden'] })
    expect((await client.take()).map(short)).toEqual(['Cluster hidden=2'])
  })

  it('sends a name again when it is subscribed again', async () => {
    const { client } = await connected('delta')
    client.send({ typeUrl: endpoint, resourceNamesSubscribe: ['a'] })
    expect((await client.take()).map(short)).toEqual(['ClusterLoadAssignment a=1'])
  })

  it('does not resend after a reconnect what the client has', async () => {
    const { source, server } = setUp()
    source.set(cluster, { a: '1', b: '2' })
    source.set(endpoint, { a: '1', b: '1' })
    const client = new InMemoryClient(server, 'delta')
    client.send({ node, typeUrl: cluster, initialResourceVersions: { a: '1', b: '1', c: '1' } })
    expect((await client.take()).map(short)).toEqual(['Cluster b=2', 'Cluster -c'])
    client.send({
      typeUrl: endpoint,
      resourceNamesSubscribe: ['a', 'b'],
      initialResourceVersions: { a: '1', b: '0' },
    })
    expect((await client.take()).map(short)).toEqual(['ClusterLoadAssignment b=1'])
  })

  it('sends large sets in parts', async () => {
    const { source, server } = setUp()
    const big = 'x'.repeat(100)
    source.set(cluster, Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`c${i}`, big])))
    const client = new InMemoryClient(server, 'delta')
    client.send({ node, typeUrl: cluster })
    const parts = await client.take()
    expect(parts.length).toBeGreaterThan(2)
    expect(new Set(parts.flatMap((p) => p.resources)).size).toBe(20_000)
  })
})

describe('order', () => {
  it('is clusters, endpoints, listeners, routes; removals come last, in reverse', async () => {
    const { source, client } = await connected('delta')
    client.window = 0
    client.open(1)
    source.set(route, { r: '2' })
    source.set(listener, { l: undefined, m: '1' })
    source.set(endpoint, { a: '2' })
    source.set(cluster, { a: undefined })
    source.set(endpoint, { a: '3' })
    client.open()
    expect((await client.take()).map(short)).toEqual([
      'ClusterLoadAssignment a=3',
      'Listener m=1',
      'RouteConfiguration r=2',
      'Listener -l',
      'Cluster -a',
    ])
  })

  it('sends the endpoints of an updated cluster again, since the client waits for them', async () => {
    const { source, client } = await connected('delta')
    source.set(cluster, { a: '2' })
    expect((await client.take()).map(short)).toEqual(['Cluster a=2', 'ClusterLoadAssignment a=1'])
  })

  it('holds back routes until new clusters have their endpoints', async () => {
    const { source, client, timers } = await connected('delta')
    source.set(endpoint, { b: '1' })
    source.set(cluster, { b: '1' })
    source.set(route, { r: '2' })
    expect((await client.take()).map(short)).toEqual(['Cluster b=1'])
    client.send({ typeUrl: endpoint, resourceNamesSubscribe: ['b'] })
    expect((await client.take()).map(short)).toEqual(['ClusterLoadAssignment b=1', 'RouteConfiguration r=2'])
    expect(timers).toEqual([])
  })

  it('does not wait for ever for a client that never asks for the endpoints', async () => {
    const { source, client, timers } = await connected('delta')
    source.set(cluster, { b: '1' })
    source.set(route, { r: '2' })
    expect((await client.take()).map(short)).toEqual(['Cluster b=1'])
    timers[0]?.()
    expect((await client.take()).map(short)).toEqual(['RouteConfiguration r=2'])
  })
})

describe('back-pressure', () => {
  it('queues nothing for a stream that has not drained: the newest state replaces what waits', async () => {
    const { source, client } = await connected('delta')
    client.open(1)
    source.set(endpoint, { a: '2' })
    expect((await client.take()).map(short)).toEqual(['ClusterLoadAssignment a=2'])
    for (let i = 3; i < 50; i++) source.set(endpoint, { a: `${i}` })
    expect(await client.take()).toEqual([])
    client.open()
    expect((await client.take()).map(short)).toEqual(['ClusterLoadAssignment a=49'])
  })

  it('encodes a resource once for all streams', async () => {
    const { source, server } = setUp()
    source.set(cluster, { a: '1' })
    const clients = Array.from({ length: 10 }, () => new InMemoryClient(server, 'delta'))
    for (const client of clients) client.send({ node, typeUrl: cluster })
    await settle()
    expect(clients.map((c) => c.received.length)).toEqual(clients.map(() => 1))
    expect(source.encodings).toBe(1)
  })

  it('lets no more streams in than can be served', async () => {
    const { source, server } = setUp({ admissionLimit: 2 })
    source.set(cluster, { a: '1' })
    const clients = Array.from({ length: 5 }, () => new InMemoryClient(server, 'delta'))
    for (const client of clients) {
      client.window = 1
      client.send({ node, typeUrl: cluster })
    }
    await settle()
    expect(clients.map((c) => c.received.length)).toEqual([1, 1, 0, 0, 0])
    expect(server.queued).toBe(3)
    clients[0]?.open()
    clients[4]?.close()
    await settle()
    expect(clients.map((c) => c.received.length)).toEqual([1, 1, 1, 0, 0])
    clients[1]?.close()
    await settle()
    expect(clients.map((c) => c.received.length)).toEqual([1, 1, 1, 1, 0])
  })
})

describe('refusals', () => {
  it('are isolated: the good resources of a refused response arrive, the bad one is reported', async () => {
    const { source, server } = setUp()
    source.set(endpoint, { a: '1', b: 'bad', c: '1', d: '1' })
    const client = new InMemoryClient(server, 'delta')
    client.send({ node, typeUrl: endpoint, resourceNamesSubscribe: ['a', 'b', 'c', 'd'] })
    const has = new Set<string>()
    for (let round = 0; round < 6; round++) {
      for (const r of await client.take()) {
        const bad = r.resources.some((text) => text.endsWith('=bad'))
        if (!bad) for (const text of r.resources) has.add(text)
        const errorDetail = bad ? { errorDetail: { code: 3, message: 'no weight' } } : {}
        client.send({ typeUrl: endpoint, responseNonce: r.nonce, ...errorDetail })
      }
    }
    expect([...has].sort()).toEqual(['a=1', 'c=1', 'd=1'])
    expect(source.rejections).toEqual([{ typeUrl: endpoint, names: ['b'], detail: 'no weight' }])
    expect(server.status()[0]?.types[0]).toMatchObject({ state: 'NACK', refused: [{ name: 'b', detail: 'no weight' }] })

    source.set(endpoint, { b: 'good' })
    const [mended] = await client.take()
    expect(mended?.resources).toEqual(['b=good'])
    client.send({ typeUrl: endpoint, responseNonce: mended?.nonce ?? '' })
    await settle()
    expect(source.acceptances).toEqual([endpoint])
    expect(server.status()[0]?.types[0]?.state).toBe('SYNCED')
  })

  it('end when what was refused becomes again what the client has', async () => {
    const { source, server } = setUp()
    source.set(endpoint, { a: 'good' })
    const client = new InMemoryClient(server, 'delta')
    client.send({ node, typeUrl: endpoint, resourceNamesSubscribe: ['a'] })
    const [first] = await client.take()
    client.send({ typeUrl: endpoint, responseNonce: first?.nonce ?? '' })
    source.set(endpoint, { a: 'bad' })
    const [second] = await client.take()
    client.send({
      typeUrl: endpoint,
      responseNonce: second?.nonce ?? '',
      errorDetail: { code: 3, message: 'no weight' },
    })
    await settle()
    expect(server.status()[0]?.types[0]?.state).toBe('NACK')
    source.set(endpoint, { a: 'good' })
    expect(await client.take()).toEqual([])
    expect(source.acceptances).toEqual([endpoint])
    expect(server.status()[0]?.types[0]?.state).toBe('SYNCED')
  })

  it('try apart what the client names', async () => {
    const { source, server } = setUp()
    source.set(listener, { '0.0.0.0_80': '1', '0.0.0.0_8080': 'bad', other: '1' })
    const client = new InMemoryClient(server, 'delta')
    client.send({ node, typeUrl: listener })
    const [first] = await client.take()
    const message = 'Error adding/updating listener(s) 0.0.0.0_8080: no filter'
    client.send({ typeUrl: listener, responseNonce: first?.nonce ?? '', errorDetail: { code: 13, message } })
    expect((await client.take()).map(short)).toEqual(['Listener 0.0.0.0_80=1 other=1', 'Listener 0.0.0.0_8080=bad'])
  })
})

describe('state of the world', () => {
  const ack = (
    client: InMemoryClient<'sotw'>,
    r: { typeUrl: string; nonce: string } | undefined,
    names: string[] = [],
  ) =>
    client.send({
      typeUrl: r?.typeUrl ?? '',
      responseNonce: r?.nonce ?? '',
      versionInfo: r?.nonce ?? '',
      resourceNames: names,
    })

  it('sends all clusters on every change, removals after everything new', async () => {
    const { source, server } = setUp()
    source.set(cluster, { a: '1', b: '1' })
    source.set(endpoint, { a: '1', b: '1', c: '1' })
    const client = new InMemoryClient(server, 'sotw')
    client.send({ node, typeUrl: cluster })
    const [first] = await client.take()
    expect(first?.resources).toEqual(['a=1', 'b=1'])
    ack(client, first)
    client.send({ typeUrl: endpoint, resourceNames: ['a', 'b'] })
    const [second] = await client.take()
    expect(second?.resources).toEqual(['a=1', 'b=1'])
    ack(client, second, ['a', 'b'])
    expect(await client.take()).toEqual([])

    client.open(1)
    source.set(cluster, { a: undefined, c: '1' })
    client.open()
    expect((await client.take()).map(short)).toEqual(['Cluster b=1 c=1 a=1', 'Cluster b=1 c=1'])
  })

  it('sends only new names of endpoints and ignores names in answers to old responses', async () => {
    const { source, server } = setUp()
    source.set(endpoint, { a: '1', b: '1', c: '1' })
    const client = new InMemoryClient(server, 'sotw')
    client.send({ node, typeUrl: endpoint, resourceNames: ['a'] })
    const [first] = await client.take()
    expect(first?.resources).toEqual(['a=1'])
    ack(client, first, ['a', 'b'])
    const [second] = await client.take()
    expect(second?.resources).toEqual(['b=1'])
    ack(client, first, ['a', 'b', 'c'])
    expect(await client.take()).toEqual([])
    ack(client, second, ['b', 'c'])
    expect((await client.take()).map(short)).toEqual(['ClusterLoadAssignment c=1'])
    source.set(endpoint, { a: '2', b: '2' })
    expect((await client.take()).map(short)).toEqual(['ClusterLoadAssignment b=2'])
  })

  it('finds the refused one of a full state by itself, where the client does not name it', async () => {
    const { source, server } = setUp()
    source.set(cluster, { a: '1', b: '1', c: '1', d: '1', e: '1' })
    const client = new InMemoryClient(server, 'sotw')
    client.send({ node, typeUrl: cluster })
    ack(client, (await client.take())[0])
    source.set(cluster, { a: '2', b: '2', c: 'bad', d: '2' })
    let has: readonly string[] = []
    for (let round = 0; round < 8; round++) {
      for (const r of await client.take()) {
        const bad = r.resources.includes('c=bad')
        if (!bad) has = r.resources
        const errorDetail = bad ? { errorDetail: { code: 3, message: 'cannot be decoded' } } : {}
        client.send({ typeUrl: cluster, responseNonce: r.nonce, ...errorDetail })
      }
    }
    expect(has).toEqual(['a=2', 'b=2', 'c=1', 'd=2', 'e=1'])
    expect(source.rejections).toEqual([{ typeUrl: cluster, names: ['c'], detail: 'cannot be decoded' }])
  })

  it('blames nothing of a full state that a client refuses at first for another', async () => {
    const { source, server } = setUp()
    source.set(cluster, { a: '1', b: 'bad', c: '1' })
    const client = new InMemoryClient(server, 'sotw')
    client.send({ node, typeUrl: cluster })
    const [first] = await client.take()
    expect(first?.resources).toEqual(['a=1', 'b=bad', 'c=1'])
    client.send({ typeUrl: cluster, responseNonce: first?.nonce ?? '', errorDetail: { code: 3, message: 'b: bad' } })
    source.set(cluster, { d: '1' })
    expect((await client.take()).at(-1)?.resources).toEqual(['a=1', 'c=1', 'd=1'])
    expect(source.rejections).toEqual([{ typeUrl: cluster, names: ['b'], detail: 'b: bad' }])
  })

  it('keeps the last good state of a refused cluster while others change', async () => {
    const { source, server } = setUp()
    source.set(cluster, { a: '1', b: '1' })
    const client = new InMemoryClient(server, 'sotw')
    client.send({ node, typeUrl: cluster })
    ack(client, (await client.take())[0])
    source.set(cluster, { a: 'bad', b: '2' })
    const [push] = await client.take()
    expect(push?.resources).toEqual(['a=bad', 'b=2'])
    client.send({
      typeUrl: cluster,
      responseNonce: push?.nonce ?? '',
      errorDetail: { code: 13, message: 'Error adding/updating cluster(s) a: bad' },
    })
    expect((await client.take()).map(short)).toEqual(['Cluster a=1 b=2'])
    expect(source.rejections).toEqual([
      { typeUrl: cluster, names: ['a'], detail: 'Error adding/updating cluster(s) a: bad' },
    ])
    source.set(cluster, { a: '3' })
    expect((await client.take()).map(short)).toEqual(['Cluster a=3 b=2'])
  })
})

describe('peers', () => {
  it('are refused before they get anything', async () => {
    const { source, server } = setUp({
      verifier: { verify: () => Promise.reject(new StreamError(statusCodes.unauthenticated, 'no token')) },
    })
    source.set(cluster, { a: '1' })
    const client = new InMemoryClient(server, 'delta')
    client.send({ node, typeUrl: cluster })
    expect(await client.take()).toEqual([])
    expect(client.error?.code).toBe(statusCodes.unauthenticated)
    expect(source.connected).toBe(0)
  })

  it('end the stream with a malformed message, and leave nothing behind', async () => {
    const { source, server } = setUp()
    const client = new InMemoryClient(server, 'delta')
    client.send({ node, typeUrl: cluster })
    await settle()
    expect(source.connected).toBe(1)
    client.close()
    expect(source.connected).toBe(0)
    expect(server.status()).toEqual([])
    const bad = new InMemoryClient(server, 'delta')
    bad.sendBytes(Uint8Array.of(0x0a, 0xff))
    await settle()
    expect(bad.error?.code).toBe(statusCodes.invalidArgument)
  })
})
