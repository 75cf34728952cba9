import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { KubeObject } from '../resources/index.ts'
import type { ClusterConnection, ConnectionState } from './connection.ts'
import { StateCache } from './state-cache.ts'

const directory = mkdtempSync(join(tmpdir(), 'fairlead-cache-'))
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const service = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'Service', metadata: { name } })
const connection = (state: Partial<ConnectionState>): ClusterConnection => ({ state }) as ClusterConnection

test('what was seen is known after a restart, with its age', () => {
  const cache = new StateCache({ directory, gatherMs: 100_000 })
  cache.follow('one', connection({ uid: 'u', staleSince: '2026-01-01T00:00:00.000Z' }))
  cache.replace(
    'one',
    '/Service',
    new Map([
      ['a', service('a')],
      ['b', service('b')],
    ]),
  ) // prettier-ignore
  cache.flush()
  cache.replace('one', '/Service', new Map([['a', service('a')]]))
  cache.set('one', '/Service', 'c', service('c'))
  cache.set('one', '/Service', 'd', service('d'))
  cache.delete('one', '/Service', 'd')
  cache.close()
  expect(statSync(join(directory, 'clusters.sqlite')).mode & 0o077).toBe(0)

  const again = new StateCache({ directory })
  const known = again.load('one')
  expect(known).toMatchObject({ uid: 'u', seenAt: '2026-01-01T00:00:00.000Z' })
  expect([...(known?.objects.get('/Service')?.keys() ?? [])]).toEqual(['a', 'c'])
  expect(again.load('two')).toBeUndefined()
  again.forget('one')
  expect(again.load('one')).toBeUndefined()
  again.close()
})

test('a second process is refused', () => {
  const cache = new StateCache({ directory })
  expect(() => new StateCache({ directory })).toThrow('locked')
  cache.close()
})
