import { expect, test } from 'vitest'
import { clusterText, eastWest, placed, setting, translated, workspace } from './testing.ts'

const statusesOf = (...texts: string[]): Record<string, unknown> => {
  const { statuses } = translated(texts, { one: clusterText({ name: 'one' }) })
  return Object.fromEntries(statuses.map(({ object }) => [object.metadata.name, object.status]))
}

test('kinds that nothing is made of are not said to be in force', () => {
  const gateway = `
apiVersion: gateway.tsb.tetrate.io/v2
kind: EgressGateway
metadata: {name: out, namespace: tsb, annotations: ${placed('bookinfo-ws')}}
spec: {}
`
  expect(statusesOf(workspace, gateway)['out']).toMatchObject({
    status: 'FAILED',
    message: expect.stringContaining('nothing is made of kind EgressGateway yet'),
  })
})

test('fields that nothing is made of are warnings, at the outermost of them', () => {
  const spec = {
    displayName: 'x',
    failoverSettings: { topologyChoice: 'CLUSTER', automaticLoadBalancing: { enabled: true } },
    defaultTrafficSetting: { outbound: { egress: { host: 'a/b' } }, inbound: { failoverSettings: {} } },
    defaultEastWestGatewaySettings: [{ ...eastWest, configGenerationMetadata: { labels: {} } }],
  }
  const { warnings } = statusesOf(workspace, setting(spec))['bookinfo-ws-setting'] as { warnings: string[] }
  const paths = warnings.filter((text) => text.includes('nothing is made')).map((text) => text.split(': ')[0])
  expect(paths).toEqual([
    'spec.failoverSettings.automaticLoadBalancing',
    'spec.defaultTrafficSetting.outbound',
    'spec.defaultEastWestGatewaySettings[0].configGenerationMetadata',
  ])
  expect(statusesOf(workspace)['bookinfo-ws']).toEqual({ observedGeneration: '0', status: 'READY' })
})
