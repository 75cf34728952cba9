import { afterEach, expect, test, vi } from 'vitest'
import type { KubeObject } from '../resources/index.ts'
import { KubeClient, type ResourceType } from './client/index.ts'
import { Reflector, type ReflectorTiming } from './reflector.ts'
import { FakeApiServer } from './testing/fake-api-server.ts'

const pods: ResourceType = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true }
const pod = (name: string, phase = 'Running'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  status: { phase },
})
const quick: Partial<ReflectorTiming> = {
  pageSize: 2,
  firstRetryMs: 5,
  maximumRetryMs: 40,
  silenceMs: 150,
  refusedMs: 50,
}

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

async function setup(names: readonly string[], timing = quick, known?: ReadonlyMap<string, KubeObject>) {
  const api = await FakeApiServer.start([pods])
  for (const name of names) api.put(pods, pod(name))
  const client = new KubeClient(api.access)
  const seen = new Map<string, KubeObject>()
  const events: string[] = []
  const reflector = new Reflector({
    client,
    type: pods,
    timing,
    ...(known && { known }),
    sink: {
      replace: (objects) => {
        events.push(`replace ${objects.size}`)
        seen.clear()
        for (const [key, object] of objects) seen.set(key, object)
      },
      set: (key, object) => {
        events.push(`set ${key}`)
        seen.set(key, object)
      },
      delete: (key) => {
        events.push(`delete ${key}`)
        seen.delete(key)
      },
    },
  })
  reflector.start()
  ends.push(async () => {
    await reflector.stop()
    client.close()
    await api.close()
  })
  const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 5000, interval: 5 })
  const keys = (): string[] => [...seen.keys()].sort()
  const watches = (): string[] => api.requests.filter((r) => r.includes('watch=true'))
  const lists = (): string[] => api.requests.filter((r) => r.includes('/pods') && !r.includes('watch=true'))
  return { api, reflector, seen, events, until, keys, watches, lists }
}

test('lists in pages, then watches', async () => {
  const { api, reflector, seen, events, until, keys, lists } = await setup(['a', 'b', 'c'])
  await until(() => expect(api.watching).toBe(1))
  expect(events).toEqual(['replace 3'])
  expect(lists()).toEqual([expect.stringContaining('limit=2'), expect.stringContaining('continue=')])
  expect(seen.get('default/a')).toMatchObject({ apiVersion: 'v1', kind: 'Pod' })
  api.put(pods, pod('d'))
  api.put(pods, pod('a', 'Failed'))
  api.remove(pods, 'default/b')
  await until(() => expect(keys()).toEqual(['default/a', 'default/c', 'default/d']))
  await until(() => expect(seen.get('default/a')?.status).toEqual({ phase: 'Failed' }))
  expect(reflector.state).toBe('watching')
})

test('resumes a dropped watch from where it was, without a list', async () => {
  const { api, events, until, watches, lists } = await setup(['a'])
  await until(() => expect(api.watching).toBe(1))
  api.put(pods, pod('b'))
  await until(() => expect(events).toContain('set default/b'))
  api.dropWatches()
  api.put(pods, pod('c'))
  await until(() => expect(events).toContain('set default/c'))
  expect(lists()).toHaveLength(1)
  expect(watches().at(-1)).toContain('resourceVersion=4')
  expect(events.filter((e) => e === 'set default/b')).toHaveLength(1)
})

test('bookmarks keep the place young, so that a compaction costs no list', async () => {
  const { api, reflector, until, watches, lists } = await setup(['a'])
  await until(() => expect(api.watching).toBe(1))
  const before = reflector.resourceVersion
  api.put({ ...pods, plural: 'others' }, pod('x'))
  api.bookmark()
  await until(() => expect(reflector.resourceVersion).not.toBe(before))
  api.compact()
  api.dropWatches()
  await until(() => expect(watches()).toHaveLength(2))
  await until(() => expect(api.watching).toBe(1))
  expect(lists()).toHaveLength(1)
})

test('410 in the stream, or as an answer: lists again, and what did not change is the same object', async () => {
  const { api, seen, events, until, keys } = await setup(['a', 'b'])
  await until(() => expect(api.watching).toBe(1))
  const before = seen.get('default/a')
  api.removeSilently(pods, 'default/b')
  api.expireWatches()
  await until(() => expect(keys()).toEqual(['default/a']))
  expect(seen.get('default/a')).toBe(before)
  api.put({ ...pods, plural: 'others' }, pod('x'))
  api.compact()
  api.dropWatches()
  await until(() => expect(events.filter((e) => e.startsWith('replace'))).toHaveLength(3))
  expect(seen.get('default/a')).toBe(before)
})

test('a half-open connection is noticed by its silence', async () => {
  const { api, events, until } = await setup(['a'])
  await until(() => expect(api.watching).toBe(1))
  api.fallSilent()
  api.put(pods, pod('b'))
  api.speakAgain()
  await until(() => expect(events).toContain('set default/b'))
  expect(events.filter((e) => e.startsWith('replace'))).toEqual(['replace 1'])
})

test('while the server is away, what is known stays; when it is back, a kick ends the wait', async () => {
  const slow = { ...quick, firstRetryMs: 60_000, maximumRetryMs: 60_000 }
  const { api, reflector, seen, until } = await setup(['a'], slow)
  await until(() => expect(api.watching).toBe(1))
  await api.close()
  await until(() => expect(reflector.state).toBe('failing'))
  expect(reflector.error?.message).toBeTruthy()
  expect([...seen.keys()]).toEqual(['default/a'])
  await api.listen()
  api.put(pods, pod('b'))
  await until(() => {
    reflector.kick()
    expect(seen.has('default/b')).toBe(true)
  })
  expect(reflector.state).toBe('watching')
})

test('a kind that is not served is absent; its objects go with it and come with it', async () => {
  const { api, reflector, until, keys } = await setup(['a'])
  await until(() => expect(keys()).toEqual(['default/a']))
  api.unserve(pods)
  await until(() => expect(reflector.state).toBe('absent'))
  expect(keys()).toEqual([])
  api.serve(pods)
  api.put(pods, pod('b'))
  await until(() => expect(keys()).toEqual(['default/b']))
})

test('403 keeps what is known', async () => {
  const { api, reflector, until, keys } = await setup(['a'])
  await until(() => expect(api.watching).toBe(1))
  api.refuseWith = { status: 403, reason: 'Forbidden' }
  api.dropWatches()
  await until(() => expect(reflector.error?.message).toContain('forbidden'))
  expect(keys()).toEqual(['default/a'])
})

test('pages whose snapshot is gone are read again in one piece', async () => {
  const { api, until, keys, lists } = await setup([])
  await until(() => expect(api.watching).toBe(1))
  for (const name of ['a', 'b', 'c']) api.put(pods, pod(name))
  api.beforeAnswer = (request) => {
    if (!request.includes('continue=')) return
    api.beforeAnswer = () => undefined
    api.put({ ...pods, plural: 'others' }, pod('x'))
    api.compact()
  }
  api.expireWatches()
  await until(() => expect(lists()).toHaveLength(4))
  expect(lists().slice(2).join(' ')).toMatch(/continue=.* .*pods$/)
  await until(() => expect(keys()).toHaveLength(3))
})
