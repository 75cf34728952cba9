// Cases of east-west failover, by what is written to clusters.
import { expect, test } from 'vitest'
import { clusterText, eastWest, gateway, objectsOn, pods, service, setting, translated, workspace } from './testing.ts'

const both = [workspace, setting({ defaultEastWestGatewaySettings: [eastWest] })]
const one = (more: string): string => clusterText({ name: 'one', region: 'east', zone: 'a', more })
const two = (more: string): string => clusterText({ name: 'two', region: 'west', zone: 'b', more })
const details = service('details') + pods('details', { v1: 1 })

test('a service of the same name is one more endpoint, at the address of the other cluster’s gateway', () => {
  const result = translated(both, { one: one(details + gateway('1.1.1.1')), two: two(details + gateway('2.2.2.2')) })
  const [entry, ...others] = objectsOn(result, 'one', 'WorkloadEntry')
  expect(others).toEqual([])
  expect(entry?.metadata).toMatchObject({
    namespace: 'bookinfo',
    name: expect.stringMatching(/^k-details-[0-9a-f]{32}$/),
  })
  expect(entry?.spec).toEqual({
    address: '2.2.2.2',
    ports: { http: 15443 },
    labels: { app: 'details', version: 'v1', 'security.istio.io/tlsMode': 'istio', 'xcp.tetrate.io/cluster': 'two' },
    locality: 'west/b',
    network: 'two',
    weight: 1,
    serviceAccount: 'details',
  })
  expect(objectsOn(result, 'two', 'WorkloadEntry')).toHaveLength(1)
  expect(objectsOn(result, 'two', 'Gateway')[0]?.spec).toMatchObject({
    selector: { app: 'eastwest-gateway' },
    servers: [{ hosts: ['details.bookinfo.svc.cluster.local'], tls: { mode: 'AUTO_PASSTHROUGH' } }],
  })
  expect(result.problems).toEqual([])
})

test('remote has the Service but no pod that is ready: it is not offered', () => {
  const empty = service('details') + pods('details', {})
  const result = translated(both, { one: one(details + gateway('1.1.1.1')), two: two(empty + gateway('2.2.2.2')) })
  expect(objectsOn(result, 'one', 'WorkloadEntry')).toEqual([])
  expect(objectsOn(result, 'two', 'WorkloadEntry')).toHaveLength(1)
})
