// Settings of failover, as calls whose outcome the evaluator tells: who governs, and in which order clusters take over.
import { describe, expect, test } from 'vitest'
import {
  details,
  type EastWestCluster,
  eastWest,
  eastWestMesh,
  page,
  reviews,
  setting,
  tsb,
  workspace,
} from './east-west.ts'
import { expectCall } from './expect-call.ts'
import type { TestMesh, TestService } from './mesh.ts'

const call = 'GET http://details:9080/details/0'
const none = reviews({})
const at = (gateway: string, service: TestService, region: string, zone = `${region}-a`): EastWestCluster => ({
  services: { details: service },
  gateway,
  region,
  zone,
})
const settings = (more: object): string => setting({ defaultEastWestGatewaySettings: [eastWest], ...more })
const mesh = (clusters: Record<string, EastWestCluster>, ...objects: string[]): TestMesh =>
  eastWestMesh(clusters, [workspace, ...objects])

const two = { one: at('1.1.1.1', details, 'east'), two: at('2.2.2.2', details, 'west') }
const three = (own: TestService): Record<string, EastWestCluster> => ({
  one: at('1.1.1.1', own, 'east'),
  two: at('2.2.2.2', details, 'east', 'east-b'),
  three: at('3.3.3.3', details, 'west'),
})

describe('topologyChoice', () => {
  test('CLUSTER: the own cluster, then the nearest', () => {
    const chosen = settings({ failoverSettings: { topologyChoice: 'CLUSTER' } })
    expectCall(mesh(three(details), chosen), page('one'), call).reaches('one/details-v1-0')
    expectCall(mesh(three(none), chosen), page('one'), call).reaches('two/details-v1-0')
  })

  test('NONE: no order, all clusters at once', () => {
    const chosen = settings({ failoverSettings: { topologyChoice: 'NONE' } })
    expectCall(mesh(two, chosen), page('one'), call).reaches({ 'one/details-v1-0': 0.5, 'two/details-v1-0': 0.5 })
  })

  test('LOCALITY: region and zone before the cluster', () => {
    const chosen = settings({ failoverSettings: { topologyChoice: 'LOCALITY' } })
    const clusters = {
      one: { ...at('1.1.1.1', none, 'east') },
      two: at('2.2.2.2', details, 'east'),
      three: at('3.3.3.3', details, 'west'),
    }
    expectCall(mesh(clusters, chosen), page('one'), call).reaches('two/details-v1-0')
  })
})

test('failoverPriority with labels of the exposing gateways decides before the distance does', () => {
  const failoverPriority = ['failover.tetrate.io/backup=yes']
  const marked = { ...details, labels: { 'failover.tetrate.io/backup': 'yes' } }
  const clusters = { ...three(none), three: at('3.3.3.3', marked, 'west') }
  const chosen = settings({ failoverSettings: { failoverPriority } })
  expectCall(mesh(clusters, chosen), page('one'), call).reaches('three/details-v1-0')
})

test('regionalFailover names the region that takes over', () => {
  const clusters = {
    one: at('1.1.1.1', none, 'east'),
    two: at('2.2.2.2', details, 'north'),
    three: at('3.3.3.3', details, 'west'),
  }
  const chosen = settings({ regionalFailover: [{ from: 'east', to: 'west' }] })
  expectCall(mesh(clusters, chosen), page('one'), call).reaches('three/details-v1-0')
})

test('the organization’s settings hold where a workspace says nothing', () => {
  const organization = tsb('/OrganizationSetting', 'os', {}, { failoverSettings: { topologyChoice: 'NONE' } })
  expectCall(mesh(two, settings({}), organization), page('one'), call).reaches({
    'one/details-v1-0': 0.5,
    'two/details-v1-0': 0.5,
  })
  const own = settings({ failoverSettings: { topologyChoice: 'CLUSTER' } })
  expectCall(mesh(two, own, organization), page('one'), call).reaches('one/details-v1-0')
})

describe('a list of settings', () => {
  test('the first item that matches a service owns it', () => {
    const items = [
      { ...eastWest, exposedServices: [{ serviceLabels: { app: 'details', tier: 'gold' } }] },
      { ...eastWest, exposedServices: [{ serviceLabels: { tier: 'none' } }, { serviceLabels: { app: 'details' } }] },
    ]
    const chosen = setting({ defaultEastWestGatewaySettings: items })
    const labelled = { ...details, labels: { app: 'details' } }
    const found = mesh({ one: at('1.1.1.1', none, 'east'), two: at('2.2.2.2', labelled, 'west') }, chosen)
    expectCall(found, page('one'), call).reaches('two/details-v1-0')
    const gateways = (found.translated?.objects ?? []).filter(({ object }) => object.kind === 'Gateway')
    expect(gateways.map(({ cluster, object }) => `${cluster} ${object.metadata.name}`)).toContain(
      'two ewgen-bookinfo-ws-1',
    )
  })
})
