import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, test } from 'vitest'
import { leavesOf, readSections } from '../../../tools/compatibility.ts'
import { allKinds } from '../../resources/index.ts'
import { clusterText, eastWest, placed, setting, translated, workspace } from './testing.ts'
import { hasEffect } from './without-effect.ts'

const statusesOf = (...texts: string[]): Record<string, unknown> => {
  const { statuses } = translated(texts, { one: clusterText({ name: 'one' }) })
  return Object.fromEntries(statuses.map(({ object }) => [object.metadata.name, object.status]))
}

test('why a field does nothing is said, where there is a reason', () => {
  const limited = `
apiVersion: traffic.tsb.tetrate.io/v2
kind: TrafficSetting
metadata: {name: limited, namespace: tsb, annotations: ${placed('bookinfo-ws', 'g')}}
spec: {inbound: {rateLimiting: {settings: {rules: []}}}}
`
  expect(statusesOf(workspace, limited)['limited']).toMatchObject({
    warnings: [
      expect.stringContaining('spec.inbound.rateLimiting.settings: has no effect: needs a rate limit service'),
    ],
  })
})

test('fields that nothing is made of are warnings, at the outermost of them', () => {
  const spec = {
    displayName: 'x',
    failoverSettings: { topologyChoice: 'CLUSTER', automaticLoadBalancing: { enabled: true } },
    defaultTrafficSetting: { outbound: { egress: { host: 'a/b', port: 1 } }, inbound: { failoverSettings: {} } },
    defaultEastWestGatewaySettings: [{ ...eastWest, configGenerationMetadata: { labels: {} } }],
  }
  const { warnings } = statusesOf(workspace, setting(spec))['bookinfo-ws-setting'] as { warnings: string[] }
  const paths = warnings.filter((text) => text.includes('no effect')).map((text) => text.split(': ')[0])
  expect(paths).toEqual([
    'spec.failoverSettings.automaticLoadBalancing',
    'spec.defaultTrafficSetting.outbound.egress.port',
    'spec.defaultEastWestGatewaySettings[0].configGenerationMetadata',
  ])
  expect(statusesOf(workspace)['bookinfo-ws']).toEqual({ observedGeneration: '0', status: 'READY' })
})

const kinds = [
  'WorkspaceSetting',
  'OrganizationSetting',
  'TenantSetting',
  'TrafficSetting',
  'ServiceTrafficSetting',
  'ServiceRoute',
  'SecuritySetting',
  'ServiceSecuritySetting',
  'Gateway',
  'IngressGateway',
  'EgressGateway',
  'Tier1Gateway',
] as const

describe('docs/compatibility/tsb.md', () => {
  const sections = readSections(readFileSync(join(import.meta.dirname, '../../../docs/compatibility/tsb.md'), 'utf8'))
  it.each(kinds)('says of the fields of %s what statuses say', (kind) => {
    const known = allKinds.find((each) => each.kind === kind && each.group.endsWith('tsb.tetrate.io'))
    const rows = sections.find((each) => each.kind === kind && !each.groups.includes('install.tetrate.io'))?.rows ?? []
    const wrong = leavesOf(known?.spec ?? {}).filter((leaf) => {
      const fitting = rows.flatMap(({ patterns, verdict }) =>
        patterns.filter((pattern) => fits(pattern, leaf)).map((pattern) => ({ pattern, verdict })),
      )
      const [best] = fitting.sort((a, b) => b.pattern.length - a.pattern.length)
      const path = leaf.replaceAll(/\[\]|\{\}/g, '')
      return (best?.verdict !== 'not supported') !== hasEffect(kind, path)
    })
    expect(wrong).toEqual([])
  })
})

/** `a.*` is everything below `a`. */
function fits(pattern: string, leaf: string): boolean {
  const below = pattern.replace(/\.\*$/, '')
  return pattern === leaf || (below !== pattern && leaf.startsWith(below) && /^[.[{]/.test(leaf.slice(below.length)))
}
