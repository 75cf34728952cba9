// Who an AccessPolicy lets in, and to which control plane a workload belongs.
import { expect, test } from 'vitest'
import { TranslateSession } from '../../cli/translate-session.ts'
import { managementCluster, remoteCluster } from '../testdata/bookinfo.ts'

const clusters = ['mgmt', 'remote'].map(
  (name) => `
apiVersion: multicluster.solo.io/v1alpha1
kind: KubernetesCluster
metadata: {name: ${name}, namespace: gloo-mesh}
spec: {secretName: ${name}}
---`,
)

function translateFleet(management: string, remote = '') {
  const session = new TranslateSession('mgmt', {}, [
    { name: 'mgmt', yaml: `${managementCluster}${clusters.join('')}${management}` },
    { name: 'remote', yaml: `${remoteCluster}${remote}` },
  ])
  return session.answer()
}

type Answer = ReturnType<typeof translateFleet>

const find = ({ objects }: Answer, cluster: string, kind: string, name: string) =>
  objects.find((each) => each.cluster === cluster && each.object.kind === kind && each.object.metadata.name === name)
    ?.object
const statusOf = ({ statuses }: Answer, kind: string) =>
  statuses.find(({ object }) => object.kind === kind)?.object.status

const policy = (sources: string): string => `
apiVersion: networking.mesh.gloo.solo.io/v1
kind: AccessPolicy
metadata: {name: callers, namespace: gloo-mesh}
spec: {destinationSelector: [{kubeServiceMatcher: {labels: {app: ratings}}}], sourceSelector: ${sources}}
---`

const principals = (answer: Answer): unknown =>
  (find(answer, 'remote', 'AuthorizationPolicy', 'ratings')?.spec as { rules: unknown } | undefined)?.rules

test('an account without namespace is that of every namespace in which a workload has it, and no other', () => {
  const answer = translateFleet(
    policy('[{kubeServiceAccountRefs: {serviceAccounts: [{name: bookinfo-productpage, clusterName: mgmt}]}}]'),
  )
  expect(principals(answer)).toEqual([
    { from: [{ source: { principals: ['cluster.local/ns/default/sa/bookinfo-productpage'] } }] },
  ])
  expect(statusOf(answer, 'AccessPolicy')).toMatchObject({ state: 'ACCEPTED' })
})

test('an account that nobody has lets nobody in', () => {
  const answer = translateFleet(policy('[{kubeServiceAccountRefs: {serviceAccounts: [{name: ghost}]}}]'))
  expect(principals(answer)).toBeUndefined()
  expect(statusOf(answer, 'AccessPolicy')).toMatchObject({
    state: 'INVALID',
    errors: [expect.stringContaining('ghost')],
  })
})

test('a list of no accounts is a mistake, and not everybody', () => {
  const answer = translateFleet(policy('[{kubeServiceAccountRefs: {serviceAccounts: []}}]'))
  expect(principals(answer)).toBeUndefined()
  expect(statusOf(answer, 'AccessPolicy')).toMatchObject({ state: 'INVALID' })
})

test('clusters add to accounts, and namespaces by themselves narrow them', () => {
  const accounts = 'kubeServiceAccountRefs: {serviceAccounts: [{name: a, namespace: n, clusterName: mgmt}]}'
  const answer = translateFleet(
    policy(
      `[{kubeIdentityMatcher: {clusters: [mgmt], namespaces: [x]}, ${accounts}}, {kubeIdentityMatcher: {namespaces: [x]}, ${accounts}}]`,
    ),
  )
  expect(principals(answer)).toEqual([
    {
      from: [
        { source: { principals: ['cluster.local/ns/x/sa/*', 'cluster.local/ns/n/sa/a'] } },
        { source: { principals: ['cluster.local/ns/n/sa/a'], namespaces: ['x'] } },
      ],
    },
  ])
})

const istiod = (name: string, labels: string): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, namespace: istio-system}
spec:
  selector: {matchLabels: {app: istiod${labels}}}
  template: {metadata: {labels: {app: istiod${labels}}}, spec: {containers: [{name: discovery, image: istio/pilot:1.20.0}]}}
---`

const canary = `
apiVersion: v1
kind: Namespace
metadata: {name: canary, labels: {istio.io/rev: 1-21}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: canary}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: x}]}}}
---`

test('of several control planes in a cluster, a workload belongs to that of its revision', () => {
  const answer = translateFleet(`${istiod('istiod', '')}${istiod('istiod-1-21', ', istio.io/rev: 1-21')}${canary}`)
  const meshOf = (name: string): unknown => find(answer, 'mgmt', 'Workload', name)?.spec
  expect(meshOf('web-canary-mgmt-deployment')).toMatchObject({ mesh: { name: 'istiod-1-21-istio-system-mgmt' } })
  expect(meshOf('reviews-v1-default-mgmt-deployment')).toMatchObject({ mesh: { name: 'istiod-istio-system-mgmt' } })
})

test('a Mesh shows what the agent says of its certificate', () => {
  const answer = translateFleet(
    '',
    `
apiVersion: certificates.mesh.gloo.solo.io/v1
kind: IssuedCertificate
metadata: {name: istiod-istio-system-remote, namespace: gloo-mesh}
status: {state: FINISHED, observedGeneration: "5"}
---`,
  )
  expect(find(answer, 'mgmt', 'Mesh', 'istiod-istio-system-remote')?.spec).toMatchObject({
    issuedCertificateStatus: { state: 'FINISHED', observedGeneration: '5' },
  })
})

test('what is written for a cluster carries its name', () => {
  const rule = find(translateFleet(''), 'remote', 'DestinationRule', 'ratings')
  expect(rule?.metadata.labels).toMatchObject({
    'cluster.multicluster.solo.io': 'remote',
    'owner.networking.mesh.gloo.solo.io': 'gloo-mesh',
  })
})

test('a policy for callers that nobody is says so', () => {
  const answer = translateFleet(`
apiVersion: networking.mesh.gloo.solo.io/v1
kind: TrafficPolicy
metadata: {name: nobody, namespace: gloo-mesh}
spec:
  sourceSelector: [{kubeWorkloadMatcher: {clusters: [nowhere]}}]
  destinationSelector: [{kubeServiceMatcher: {labels: {app: ratings}}}]
  policy: {requestTimeout: 1s}
---`)
  expect(statusOf(answer, 'TrafficPolicy')).toMatchObject({
    state: 'ACCEPTED',
    warnings: [expect.stringContaining('sourceSelector')],
  })
})
