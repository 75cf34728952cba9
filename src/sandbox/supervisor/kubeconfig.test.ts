import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { kubeconfigFor, mergeKubeconfig, unmergeKubeconfig } from './kubeconfig.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-kubeconfig-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const ours = kubeconfigFor([
  { context: 'east', server: 'https://127.0.0.1:1', certificateAuthority: 'pem', user: { token: 'a' } },
  { context: 'west', server: 'https://127.0.0.1:2', certificateAuthority: 'pem', user: { token: 'b' } },
])

function contextsOf(file: string): [string[], string | undefined] {
  const content = parse(readFileSync(file, 'utf8')) as { contexts: { name: string }[]; 'current-context'?: string }
  return [content.contexts.map((c) => c.name), content['current-context']]
}

test('a file that is not there is made, and goes again', () => {
  const file = join(folder, 'new')
  mergeKubeconfig(file, ours)
  expect(contextsOf(file)).toEqual([['east', 'west'], 'east'])
  unmergeKubeconfig(file, ours)
  expect(existsSync(file)).toBe(false)
})

test('what a user has stays, their current context too', () => {
  const file = join(folder, 'theirs')
  const theirs = `
apiVersion: v1
kind: Config
preferences: {colors: true}
clusters: [{name: prod, cluster: {server: https://prod}}, {name: east, cluster: {server: https://stale}}]
users: [{name: prod, user: {token: x}}]
contexts: [{name: prod, context: {cluster: prod, user: prod}}, {name: east, context: {cluster: east, user: east}}]
current-context: prod
`
  writeFileSync(file, theirs)
  mergeKubeconfig(file, ours)
  mergeKubeconfig(file, ours)
  expect(contextsOf(file)).toEqual([['prod', 'east', 'west'], 'prod'])
  expect(readFileSync(file, 'utf8')).not.toContain('stale')
  unmergeKubeconfig(file, ours)
  expect(contextsOf(file)).toEqual([['prod'], 'prod'])
  expect(readFileSync(file, 'utf8')).toContain('colors')
})
