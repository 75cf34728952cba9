import { afterEach, expect, test, vi } from 'vitest'
import { KubeClient, type ResourceType } from './client/index.ts'
import { LeaseElection } from './lease.ts'
import { FakeApiServer } from './testing/fake-api-server.ts'

const leases: ResourceType = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
}
const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function setup() {
  const api = await FakeApiServer.start([leases])
  ends.push(() => api.close())
  const candidate = (identity: string) => {
    const history: boolean[] = []
    const client = new KubeClient(api.access)
    const election = new LeaseElection({
      client,
      namespace: 'fairlead',
      name: 'writer',
      identity,
      changed: (isHolder) => history.push(isHolder),
      timing: { durationMs: 300, retryMs: 20 },
    })
    election.start()
    ends.push(async () => {
      await election.stop()
      client.close()
    })
    return { election, history }
  }
  const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 5000, interval: 5 })
  return { api, candidate, until }
}

test('one of several holds it, and gives it back at the end', async () => {
  const { api, candidate, until } = await setup()
  const one = candidate('one')
  await until(() => expect(one.election.isHolder).toBe(true))
  const two = candidate('two')
  await until(() => expect(two.election.holder).toBe('one'))
  expect(two.election.isHolder).toBe(false)
  await one.election.stop()
  expect(one.history).toEqual([true, false])
  await until(() => expect(two.election.isHolder).toBe(true))
  expect(api.objects(leases).get('fairlead/writer')?.spec).toMatchObject({ holderIdentity: 'two', leaseTransitions: 1 })
})

test('a holder that cannot renew stops acting before another one may begin', async () => {
  const { api, candidate, until } = await setup()
  const one = candidate('one')
  await until(() => expect(one.election.isHolder).toBe(true))
  api.fallSilent()
  await until(() => expect(one.election.isHolder).toBe(false))
  api.speakAgain()
  await until(() => expect(one.election.isHolder).toBe(true))
  expect(one.history).toEqual([true, false, true])
})

test('a Lease whose holder is dead is taken over when it has not changed for its duration', async () => {
  const { api, candidate, until } = await setup()
  api.put(leases, {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'writer', namespace: 'fairlead' },
    spec: { holderIdentity: 'dead', leaseDurationSeconds: 0.1, renewTime: '2099-01-01T00:00:00.000000Z' },
  })
  const { election } = candidate('one')
  await until(() => expect(election.holder).toBe('dead'))
  expect(election.isHolder).toBe(false)
  await until(() => expect(election.isHolder).toBe(true))
})
