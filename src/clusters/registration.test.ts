import { expect, test } from 'vitest'
import type { KubeObject } from '../resources/index.ts'
import { joinedClusters, registeredClusters } from './registration.ts'

const kubeconfig = (user: object = { token: 't' }): string =>
  JSON.stringify({
    clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1:6443/' } }],
    users: [{ name: 'u', user }],
    contexts: [
      { name: 'x', context: { cluster: 'c', user: 'u' } },
      { name: 'y', context: { cluster: 'c', user: 'u' } },
    ],
    'current-context': 'x',
  })
const secret = (name: string, data: Record<string, string>): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'ns' },
    data: Object.fromEntries(Object.entries(data).map(([k, v]) => [k, Buffer.from(v).toString('base64')])),
  }) as KubeObject
const cluster = (group: string, name: string, spec: object): KubeObject => ({
  apiVersion: `${group}/v1alpha1`,
  kind: 'KubernetesCluster',
  metadata: { name, namespace: 'ns' },
  spec,
})
const zephyr = 'discovery.zephyr.solo.io'
const gloo = 'multicluster.solo.io'

function register(objects: KubeObject[], secrets: KubeObject[]) {
  return registeredClusters('mgmt', objects, (ns, name) => secrets.find((s) => ns === 'ns' && s.metadata.name === name))
}

test('reads the Secret that either generation names', () => {
  const { members, problems } = register(
    [
      cluster(zephyr, 'one', { secretRef: { name: 's1', namespace: 'ns' }, context: 'y' }),
      cluster(gloo, 'two', {}),
      cluster(gloo, 'three', { secretName: 's1' }),
    ],
    [secret('s1', { one: kubeconfig() }), secret('two', { kubeconfig: kubeconfig() })],
  )
  expect(problems).toEqual([])
  expect(members.map((m) => [m.name, m.access.context, m.access.server])).toEqual([
    ['one', 'y', 'https://10.0.0.1:6443'],
    ['two', 'x', 'https://10.0.0.1:6443'],
    ['three', 'x', 'https://10.0.0.1:6443'],
  ])
})

test('tells what is wrong with a registration, and registers the others', () => {
  const { members, problems } = register(
    [
      cluster(zephyr, 'no-secret', {}),
      cluster(gloo, 'empty', {}),
      cluster(gloo, 'garbled', {}),
      cluster(gloo, 'command', {}),
      cluster(gloo, 'good', {}),
    ],
    [
      secret('empty', {}),
      secret('garbled', { kubeconfig: '{' }),
      secret('command', { kubeconfig: kubeconfig({ exec: { command: 'rm' } }) }),
      secret('good', { kubeconfig: kubeconfig() }),
    ],
  )
  expect(members.map((m) => m.name)).toEqual(['good'])
  expect(problems.map((p) => [p.object.name, p.path, p.message])).toEqual([
    ['no-secret', 'spec.secretRef', 'Secret ns/no-secret with the kubeconfig not found'],
    ['empty', 'spec.secretName', 'Secret ns/empty holds no kubeconfig'],
    ['garbled', 'spec.secretName', expect.stringContaining('not a kubeconfig')],
    ['command', 'spec.secretName', expect.stringContaining('must not use exec')],
  ])
})

test('a remote secret joins a cluster for each of its keys', () => {
  const { members, problems } = joinedClusters('mgmt', [secret('r', { east: kubeconfig(), west: 'nonsense' })])
  expect(members.map((m) => m.name)).toEqual(['east'])
  expect(problems).toMatchObject([{ path: 'data[west]', code: 'invalid-value' }])
})
