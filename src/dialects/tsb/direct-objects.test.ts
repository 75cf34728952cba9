// Istio objects of groups in mode DIRECT, by what is written to clusters.
import { expect, test } from 'vitest'
import type { TranslateResult } from '../index.ts'
import { clusterText, objectsOn, placed, translated, workspace } from './testing.ts'

const group = (type: string, more = ''): string => `
apiVersion: ${type}.tsb.tetrate.io/v2
kind: Group
metadata: {name: g, namespace: tsb, annotations: ${placed('bookinfo-ws')}}
spec: {namespaceSelector: {names: ["*/bookinfo"]}, configMode: DIRECT${more}}
`
const spec = { host: 'reviews', subsets: [{ name: 'v2', labels: { version: 'v2' } }] }
const rule = {
  apiVersion: 'networking.istio.io/v1beta1',
  kind: 'DestinationRule',
  metadata: { name: 'reviews', namespace: 'bookinfo' },
  spec,
}
const stored = (object: object, groupType = 'trafficGroup'): string => `
apiVersion: tsb.tetrate.io/v2
kind: DirectObject
metadata: {name: reviews.destinationrule.g, namespace: tsb, annotations: ${placed('bookinfo-ws', 'g', groupType)}}
spec: ${JSON.stringify({ object })}
`
const run = (...texts: string[]): TranslateResult =>
  translated([workspace, ...texts], { one: clusterText({ name: 'one' }), two: clusterText({ name: 'two' }) })
const rulesOn = (result: TranslateResult, cluster: string) =>
  objectsOn(result, cluster, 'DestinationRule').map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
const told = ({ problems }: TranslateResult): string[] => problems.map(({ code, message }) => `${code}: ${message}`)

test('an object of tctl is on every cluster of the group as it is', () => {
  const result = run(group('traffic'), stored(rule))
  for (const cluster of ['one', 'two']) {
    expect(rulesOn(result, cluster)).toEqual(['bookinfo/reviews'])
    expect(objectsOn(result, cluster, 'DestinationRule')[0]?.spec).toEqual(spec)
  }
  expect(told(result)).toEqual([])
  expect(result.statuses.find(({ object }) => object.kind === 'DirectObject')?.object.status).toMatchObject({
    status: 'READY',
  })
})

test('an object by kubectl goes to the clusters where it does not stand already', () => {
  const annotated = `
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: {name: reviews, namespace: bookinfo, uid: x, annotations: ${placed('bookinfo-ws', 'g')}}
spec: ${JSON.stringify(spec)}
`
  const result = run(group('traffic'), annotated)
  expect(rulesOn(result, 'one')).toEqual([])
  expect(rulesOn(result, 'two')).toEqual(['bookinfo/reviews'])
  expect(objectsOn(result, 'two', 'DestinationRule')[0]?.metadata.uid).toBeUndefined()
})

test('what a group does not hold, or does not take, is on no cluster', () => {
  const elsewhere = run(group('traffic'), stored({ ...rule, metadata: { name: 'x', namespace: 'istio-system' } }))
  expect(told(elsewhere)).toEqual(['not-allowed: namespace istio-system is not in group g'])
  const kind = run(group('security'), stored(rule, 'securityGroup'))
  expect(told(kind)).toEqual([
    'not-allowed: a group of this sort takes PeerAuthentication, RequestAuthentication, AuthorizationPolicy, not networking.istio.io/v1beta1 DestinationRule',
  ])
  const bridged = run(group('traffic').replace('DIRECT', 'BRIDGED'), stored(rule))
  expect(told(bridged)).toEqual([expect.stringContaining('is of mode BRIDGED')])
  const gone = run(stored(rule))
  expect(told(gone)).toEqual(['reference-not-found: traffic group g not found; the object has no effect'])
  for (const result of [elsewhere, kind, bridged, gone]) expect(rulesOn(result, 'two')).toEqual([])
})

test('a tenant’s people cannot say it for another tenant', () => {
  const own = `
apiVersion: tsb.tetrate.io/v2
kind: Workspace
metadata: {name: own, namespace: tsb, annotations: {tsb.tetrate.io/organization: tetrate, tsb.tetrate.io/tenant: other}}
spec: {namespaceSelector: {names: ["*/other"]}}
`
  const result = run(own, group('traffic'), stored(rule).replace('namespace: tsb', 'namespace: other'))
  expect(told(result)).toEqual([
    expect.stringContaining('not-allowed: namespace other belongs to tenant tetrate/other'),
  ])
  expect(rulesOn(result, 'two')).toEqual([])
})
