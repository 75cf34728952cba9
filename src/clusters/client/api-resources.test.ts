import { expect, it } from 'vitest'
import { ApiResources } from './api-resources.ts'
import type { KubeClient } from './client.ts'

it('a kind that was defined after the first look is found', async () => {
  const groups: string[] = []
  let asked = 0
  const client = {
    async request(_method: string, path: string) {
      asked++
      if (path === '/apis') return { groups: groups.map((name) => ({ name, versions: [{ version: 'v1' }] })) }
      return { resources: [{ name: 'things', kind: 'Thing', namespaced: true }] }
    },
  } as unknown as KubeClient // Only `request` is used.
  const resources = new ApiResources(client)
  expect(await resources.find('example.dev', 'Thing')).toBeUndefined()
  const askedBefore = asked
  expect(await resources.find('example.dev', 'Thing')).toBeUndefined()
  expect(asked).toBe(askedBefore) // Not more often than once a second.
  groups.push('example.dev')
  await expect.poll(() => resources.find('example.dev', 'Thing'), { timeout: 5000 }).toMatchObject({ plural: 'things' })
})
