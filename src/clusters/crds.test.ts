import { expect, test } from 'vitest'
import type { KubeObject } from '../resources/index.ts'
import { KubeClient, type ResourceType } from './client/index.ts'
import { compareReleases, crdAction, installCrds } from './crds.ts'
import { FakeApiServer } from './testing/fake-api-server.ts'

const crds: ResourceType = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}
const crd = (name: string, version = 'v1'): KubeObject => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name },
  spec: { versions: [{ name: version }] },
})

test('installs what is missing or older; leaves what is newer, the same, or not ours', async () => {
  const api = await FakeApiServer.start([crds])
  const client = new KubeClient(api.access)
  try {
    const install = (release: string, ...wanted: KubeObject[]): Promise<string[]> =>
      installCrds(client, wanted, api.objects(crds), release)
    api.put(crds, crd('foreign', 'v9'))
    expect(await install('0.9.0', crd('a'), crd('foreign'))).toEqual(['a'])
    expect(await install('0.9.0', crd('a'))).toEqual([])
    expect(await install('0.10.0', crd('a', 'v2'), crd('b'))).toEqual(['a', 'b'])
    expect(await install('0.9.0', crd('a', 'v1'))).toEqual([])
    expect(api.objects(crds).get('foreign')?.spec).toEqual({ versions: [{ name: 'v9' }] })
    expect(crdAction(crd('a', 'v3'), api.objects(crds).get('a'), '0.10.0')).toBe('update')
  } finally {
    client.close()
    await api.close()
  }
})

test('releases compare by their numbers', () => {
  expect(compareReleases('0.10.0', '0.9.1')).toBeGreaterThan(0)
  expect(compareReleases('1.0', '1.0.0')).toBe(0)
})
