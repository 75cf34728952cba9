// Attempts of a tenant's people to reach what is not theirs, by kubectl: in TSB's dialect and in others.
import { expect, test } from 'vitest'
import type { TranslateResult } from '../index.ts'
import { clusterText, eastWest, gateway, objectsOn, pods, service, translated } from './testing.ts'

const at = (tenant: string, more: Record<string, string> = {}): string =>
  JSON.stringify(
    Object.fromEntries(
      Object.entries({ organization: 'o', tenant, ...more }).map(([key, value]) => [`tsb.tetrate.io/${key}`, value]),
    ),
  )

const object = (apiVersion: string, kind: string, place: string, annotations: string, spec: string): string => {
  const [namespace, name] = place.split('/')
  return `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {namespace: ${namespace}, name: ${name}, annotations: ${annotations}, creationTimestamp: "2026-01-0${namespace === 'tsb' ? 1 : 2}T00:00:00Z"}\nspec: ${spec}\n`
}

const workspace = (place: string, tenant: string, selector: string, more = ''): string =>
  object('tsb.tetrate.io/v2', 'Workspace', place, at(tenant), `{namespaceSelector: {names: ["${selector}"]}${more}}`)
const setting = (place: string, tenant: string, of: string): string =>
  object(
    'tsb.tetrate.io/v2',
    'WorkspaceSetting',
    place,
    at(tenant, { workspace: of }),
    JSON.stringify({ defaultEastWestGatewaySettings: [eastWest] }),
  )

/** Two tenants, each with the namespaces that begin with its name. */
const given = [workspace('tsb/a', 'a', '*/a-*'), workspace('tsb/b', 'b', '*/b-*')]
const shop = (namespace: string): string => service('details', { namespace }) + pods('details', { v1: 1 }, namespace)
const cluster = (name: string, address: string): string =>
  clusterText({ name, region: name, zone: name, more: shop('a-shop') + shop('b-shop') + gateway(address) })

const translate = (...attempts: string[]): TranslateResult =>
  translated([...given, ...attempts], { one: cluster('one', '1.1.1.1'), two: cluster('two', '2.2.2.2') })

const told = ({ problems }: TranslateResult): string[] =>
  problems
    .filter(({ severity }) => severity === 'error')
    .map(({ code, object: { namespace, name }, path }) => `${code} ${namespace}/${name} ${path}`)
const entries = (result: TranslateResult): string[] =>
  objectsOn(result, 'one', 'WorkloadEntry').map(({ metadata }) => metadata.namespace ?? '')
const statusOf = ({ statuses }: TranslateResult, name: string): unknown =>
  statuses.find((each) => each.object.metadata.name === name)?.object.status

test('what is within the own tenant works from the own namespace', () => {
  const result = translate(setting('a-shop/s', 'a', 'a'))
  expect(told(result)).toEqual([])
  expect(entries(result)).toEqual(['a-shop'])
  expect(statusOf(result, 's')).toMatchObject({ status: 'READY' })
})

test('a setting for another tenant’s workspace has no effect', () => {
  const result = translate(setting('a-shop/s', 'b', 'b'))
  expect(told(result)).toEqual(['not-allowed a-shop/s metadata'])
  expect(entries(result)).toEqual([])
  expect(statusOf(result, 's')).toMatchObject({
    status: 'FAILED',
    message: expect.stringContaining('belongs to tenant o/a'),
  })
})

test('a workspace of the own tenant cannot take another tenant’s namespaces, however closely it names them', () => {
  for (const selector of ['*/b-shop', 'one/b-shop', '*/b-*', '*/*', 'one/*']) {
    const result = translate(workspace('a-shop/w', 'a', selector), setting('a-shop/s', 'a', 'w'))
    expect(told(result)).toEqual(['not-allowed a-shop/w spec.namespaceSelector.names[0]'])
    expect(entries(result)).toEqual([])
  }
  const within = translate(workspace('a-shop/w', 'a', '*/a-shop'), setting('a-shop/s', 'a', 'w'))
  expect(told(within)).toEqual([])
  expect(entries(within)).toEqual(['a-shop'])
})

test('a tenant cannot take what nobody owns, nor be privileged', () => {
  const result = translate(workspace('a-shop/w', 'a', '*/istio-system', ', privileged: true'))
  expect(told(result)).toEqual([
    'not-allowed a-shop/w spec.namespaceSelector.names[0]',
    'not-allowed a-shop/w spec.privileged',
  ])
})

test('a tenant cannot say what is above it', () => {
  const organization = object(
    'tsb.tetrate.io/v2',
    'OrganizationSetting',
    'a-shop/os',
    at(''),
    '{failoverSettings: {topologyChoice: NONE}}',
  )
  const tenantSetting = object('tsb.tetrate.io/v2', 'TenantSetting', 'a-shop/ts', at('a'), '{}')
  const clusterObject = object('tsb.tetrate.io/v2', 'Cluster', 'a-shop/one', at(''), '{network: mine}')
  expect(told(translate(organization, tenantSetting, clusterObject))).toContain('not-allowed a-shop/one metadata')
  expect(told(translate(organization))).toContain('not-allowed a-shop/os metadata')
})

test('a tenant cannot go by Gloo Mesh or Service Mesh Hub', () => {
  const policy = (apiVersion: string, kind: string, namespace: string): string =>
    `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: p, namespace: ${namespace}}\nspec: {}\n`
  const attempts = [
    policy('networking.mesh.gloo.solo.io/v1', 'TrafficPolicy', 'a-shop'),
    policy('networking.mesh.gloo.solo.io/v1', 'AccessPolicy', 'a-shop'),
    policy('networking.zephyr.solo.io/v1alpha1', 'TrafficPolicy', 'a-shop'),
  ]
  for (const attempt of attempts) expect(told(translate(attempt))).toEqual(['not-allowed a-shop/p '])
  const legitimate = translate(policy('networking.mesh.gloo.solo.io/v1', 'TrafficPolicy', 'gloo-mesh'))
  expect(told(legitimate)).toEqual([])
})

test('without tenants nothing of this holds', () => {
  const result = translated([setting('a-shop/s', 'b', 'b'), workspace('b-shop/b', 'b', '*/b-*')], {
    one: cluster('one', '1.1.1.1'),
    two: cluster('two', '2.2.2.2'),
  })
  expect(told(result)).toEqual([])
  expect(entries(result)).toEqual(['b-shop'])
})
