// Whatever stands in TSB's objects: translation does not fail, and what is written can be read by Kubernetes.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clusterText, gateway, placed, pods, service, translated, workspace } from './testing.ts'

const one = clusterText({ name: 'one', more: service('details') + pods('details', { v1: 1 }) + gateway('1.1.1.1') })
const groups = (['traffic', 'gateway', 'security'] as const).map(
  (area) => `
apiVersion: ${area}.tsb.tetrate.io/v2
kind: Group
metadata: {name: g, namespace: tsb, annotations: ${placed('bookinfo-ws')}}
spec: {namespaceSelector: {names: ["*/bookinfo", "*/eastwest"]}}
`,
)
const wide = workspace.replace('["*/bookinfo"]', '["*/bookinfo", "*/eastwest"]')

const kinds = [
  ['gateway', 'Gateway'],
  ['gateway', 'IngressGateway'],
  ['gateway', 'Tier1Gateway'],
  ['gateway', 'EgressGateway'],
  ['security', 'SecuritySetting'],
  ['security', 'ServiceSecuritySetting'],
  ['traffic', 'TrafficSetting'],
  ['traffic', 'ServiceTrafficSetting'],
] as const

/** Names of fields, so that what is generated is looked into. */
const fields =
  'http tls tcp externalServers internalServers tlsPassthrough routing rules route match serviceDestination clusterDestination clusters host hostname name port weight modify authentication authenticationSettings jwt authorization local external mode from to fqn rateLimiting externalService dimensions settings service subsets labels inbound outbound reachability egress upstreamTrafficSettings hosts resilience connectionPool retries'.split(
    ' ',
  )
const texts = [
  '',
  'RULES',
  'CUSTOM',
  'a/b',
  'bookinfo/details',
  'A.example.com',
  '*',
  '*.b',
  'not a host',
  '80',
  '5s',
  'organizations/x',
]
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.constantFrom(...texts),
    fc.constantFrom(0, 1, 80, -1, true, null),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...fields), tie('tree'), { maxKeys: 5 }),
  ),
}))

test('nothing in an object can break the translation, nor what is written', () => {
  fc.assert(
    fc.property(fc.constantFrom(...kinds), fc.dictionary(fc.constantFrom(...fields), tree), ([area, kind], spec) => {
      const selector = { namespace: 'eastwest', labels: { app: 'eastwest-gateway' } }
      const object = `
apiVersion: ${area}.tsb.tetrate.io/v2
kind: ${kind}
metadata: {name: x, namespace: tsb, annotations: ${placed('bookinfo-ws', 'g', `${area}Group`)}}
spec: ${JSON.stringify({ service: 'bookinfo/details', ...spec, workloadSelector: selector })}
`
      const { objects, statuses } = translated([wide, ...groups, object], { one })
      expect(statuses.length).toBeGreaterThan(0)
      for (const { object: made } of objects) expect(made.metadata.name).toMatch(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/)
    }),
    { numRuns: 300 },
  )
})
