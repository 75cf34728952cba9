import type { Command } from 'commander'
import { expect, test } from 'vitest'
import type { KubeObject } from '../../resources/index.ts'
import { checkStatus } from './check.ts'
import { describeObjects } from './describe.ts'
import { createProgram, withFlagsLast } from './index.ts'
import { parseImage } from './version.ts'

const object = (kind: string, name: string, rest: object): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: 'gloo-mesh', generation: 2 },
  ...rest,
})

test('meshes are described as the original draws them', () => {
  const mesh = object('Mesh', 'istiod', {
    spec: { istio: { installation: { namespace: 'istio-system', cluster: 'one', version: '1.9.1' } } },
    status: { appliedVirtualMesh: { ref: { name: 'vm', namespace: 'gloo-mesh' } } },
  })
  expect(describeObjects('mesh', [mesh, object('Mesh', 'other', {})], ['istio'])).toBe(`\
+-------------------------+----------------------+----------------------+
|        METADATA         |     VIRTUAL MESH     | VIRTUAL DESTINATIONS |
+-------------------------+----------------------+----------------------+
| Name: istiod            | Name: vm             |                      |
| Namespace: istio-system | Namespace: gloo-mesh |                      |
| Cluster: one            |                      |                      |
| Type: istio             |                      |                      |
| Version: 1.9.1          |                      |                      |
|                         |                      |                      |
+-------------------------+----------------------+----------------------+
`)
})

test('destinations show their policies, and a hand-written one its hosts', () => {
  const [first, second] = ['reviews', 'ratings'].map((name) => ({ ref: { name, namespace: 'shop' } }))
  const service = object('Destination', 'reviews-shop-one', {
    spec: { kubeService: { ref: { name: 'reviews', namespace: 'shop', clusterName: 'one' } } },
    status: { appliedTrafficPolicies: [first, second] },
  })
  const external = object('Destination', 'bank', {
    spec: { externalService: { name: 'bank', hosts: ['bank.example'] } },
  })
  const text = describeObjects('destination', [service, external], [])
  expect(text).toMatch(/\| Name: ratings +\|/)
  expect(text).toMatch(/\| Type: kubernetes service +\|/)
  expect(text).toMatch(/\| Hosts: bank.example +\|/)
})

test('policies show whom they are for', () => {
  const policy = object('TrafficPolicy', 'shift', {
    spec: {
      sourceSelector: [{ kubeWorkloadMatcher: { namespaces: ['shop', 'desk'], labels: { app: 'page' } } }],
      destinationSelector: [
        { kubeServiceRefs: { services: [{ name: 'reviews', namespace: 'shop', clusterName: 'one' }] } },
      ],
      httpRequestMatchers: [{ uri: { prefix: '/a' }, headers: [{ name: 'x', value: '.*', regex: true }] }],
    },
  })
  const text = describeObjects('trafficpolicy', [policy], [])
  for (const line of ['Namespaces: shop, desk', 'app: page', 'Name: reviews', 'Prefix: /a', 'x: .* (regex)'])
    expect(text).toContain(line)
})

test.each([
  [{ state: 'ACCEPTED', observedGeneration: '2' }, []],
  [{ state: 'ACCEPTED', observedGeneration: 2 }, []],
  [
    { state: 'INVALID', observedGeneration: '1' },
    ['TrafficPolicy p.gloo-mesh: approval state is INVALID, observed generation does not match generation'],
  ],
  [undefined, ['TrafficPolicy p.gloo-mesh: approval state is PENDING, observed generation does not match generation']],
])('the check of a status %j', (status, expected) => {
  expect(checkStatus(object('TrafficPolicy', 'p', { status }))).toEqual(expected)
})

test.each([
  ['nginx', { domain: 'docker.io', path: 'library/nginx', version: 'latest' }],
  ['soloio/networking:1.0.1', { domain: 'docker.io', path: 'soloio/networking', version: '1.0.1' }],
  ['localhost:5000/a/b:2', { domain: 'localhost:5000', path: 'a/b', version: '2' }],
  ['gcr.io/x/y@sha256:ab', { domain: 'gcr.io', path: 'x/y', version: 'sha256:ab' }],
])('image %s', (image, expected) => {
  expect(parseImage(image)).toEqual(expected)
})

test('every command of the original that a day of operation needs is there', () => {
  const paths = (command: Command, before: string): string[] =>
    command.commands.flatMap((each) => [`${before}${each.name()}`, ...paths(each, `${before}${each.name()} `)])
  expect(paths(createProgram(), '')).toEqual(
    expect.arrayContaining([
      'check',
      'cluster register community',
      'cluster deregister enterprise',
      'cluster list',
      'describe accesspolicy',
      'debug snapshot networking output',
      'version',
    ]),
  )
})

test('flags that say which cluster is meant may stand before the command', () => {
  expect(withFlagsLast(['--kubeconfig', 'f', '--kubecontext=c', 'describe', 'mesh', '--search', 'x'])).toEqual([
    'describe',
    'mesh',
    '--search',
    'x',
    '--kubeconfig',
    'f',
    '--kubecontext=c',
  ])
  expect(withFlagsLast(['check'])).toEqual(['check'])
})

test('a state that is not well is told with its reason', () => {
  const policy = object('TrafficPolicy', 'p', {
    status: { state: 'INVALID', observedGeneration: '2', errors: ['why'] },
  })
  expect(checkStatus(policy)).toEqual(['TrafficPolicy p.gloo-mesh: approval state is INVALID (why)'])
})
