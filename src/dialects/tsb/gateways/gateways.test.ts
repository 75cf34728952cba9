// Each `testdata/CASE.in.yaml` is what users say; `CASE.out.yaml` what is written for it, cluster by cluster, and what they
// are told. Clusters: `front` has a gateway only, `east` and `west` have bookinfo behind one.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { envoyFilterProblems } from '../../../backends/envoy/index.ts'
import { checkObject, kindOf } from '../../../resources/index.ts'
import type { TranslateResult } from '../../index.ts'
import { clusterText, pods, service, translated } from '../testing.ts'

const folder = join(import.meta.dirname, 'testdata')
const gatewayAt = (address: string): string => `
---
apiVersion: v1
kind: Service
metadata: {name: gateway, namespace: gateways}
spec:
  type: LoadBalancer
  selector: {app: gateway}
  ports: [{name: http2, port: 80, targetPort: 8080}, {name: https, port: 443, targetPort: 8443}, {name: tls, port: 15443}]
status: {loadBalancer: {ingress: [{ip: ${address}}]}}
---
apiVersion: v1
kind: Namespace
metadata: {name: gateways}
${pods('gateway', { v1: 1 }, 'gateways')}`
const books = service('reviews') + pods('reviews', { v1: 2 })
const east = clusterText({ name: 'east', region: 'east', more: books + gatewayAt('2.2.2.2') })
const west = clusterText({ name: 'west', region: 'west', more: books + gatewayAt('3.3.3.3') })
const front = clusterText({ name: 'front', region: 'west', more: gatewayAt('1.1.1.1') })
const hierarchy = readFileSync(join(folder, 'hierarchy.yaml'), 'utf8')

const run = (input: string, clusters = { front, east, west }): TranslateResult =>
  translated([hierarchy, input], clusters)

/** Objects as people read them: names, and what they say. */
function shown({ objects, problems }: TranslateResult): string {
  const made = objects
    .filter(({ object }) => object.apiVersion.includes('istio.io'))
    .map(({ cluster, object: { kind, metadata, spec } }) => ({
      [`${cluster} ${kind} ${metadata.namespace}/${metadata.name}`]: spec,
    }))
  const told = problems.map(
    ({ severity, object, path, message }) => `${severity} ${object.kind} ${object.name} ${path}: ${message}`,
  )
  return stringify({ objects: made, problems: told }, { lineWidth: 0, aliasDuplicateObjects: false })
}

test.each(readdirSync(folder).filter((name) => name.endsWith('.in.yaml')))('%s', async (name) => {
  const input = readFileSync(join(folder, name), 'utf8')
  expect(faults(run(input))).toEqual([])
  await expect(shown(run(input))).toMatchFileSnapshot(join(folder, name.replace('.in.yaml', '.out.yaml')))
})

/** What Istio, and Envoy, would refuse or not know of what is written. */
function faults({ objects }: TranslateResult): string[] {
  return objects.flatMap(({ cluster, object }) => {
    const kind = object.apiVersion.includes('istio.io') ? kindOf(object) : undefined
    const found = kind === undefined ? [] : checkObject(kind, object, cluster).problems
    return [...found.filter(({ code }) => code !== 'version-dependent'), ...envoyFilterProblems(object, cluster)].map(
      ({ path, message }) => `${object.kind} ${object.metadata.name} ${path}: ${message}`,
    )
  })
}

const weighted = readFileSync(join(folder, 'tier1-weights.in.yaml'), 'utf8')
const entriesOf = (result: TranslateResult): unknown =>
  result.objects
    .filter(
      ({ cluster, object }) =>
        cluster === 'front' && object.kind === 'ServiceEntry' && object.metadata.name.startsWith('global-gateway-d'),
    )
    .map(({ object: { spec } }) =>
      (spec as { endpoints: { address: string; weight: number }[] }).endpoints.map(
        ({ address, weight }) => `${address} ${weight}`,
      ),
    )

test('a cluster whose gateway or service is gone leaves the split; if nobody has the service, all stay', () => {
  expect(entriesOf(run(weighted))).toEqual([['2.2.2.2 70000', '3.3.3.3 30000']])
  const withoutService = clusterText({
    name: 'east',
    region: 'east',
    more: service('reviews') + pods('reviews', {}) + gatewayAt('2.2.2.2'),
  })
  expect(entriesOf(run(weighted, { front, east: withoutService, west }))).toEqual([['3.3.3.3 30000']])
  const withoutGateway = clusterText({
    name: 'west',
    region: 'west',
    more: books + gatewayAt('3.3.3.3').replace('"name":"gateway-v1-0"', '"name":"gone"'),
  })
  expect(entriesOf(run(weighted, { front, east, west: withoutGateway }))).toEqual([['2.2.2.2 70000']])
  const gone = (name: string, address: string): string =>
    clusterText({ name, more: service('reviews') + pods('reviews', {}) + gatewayAt(address) })
  const nobody = run(weighted, { front, east: gone('east', '2.2.2.2'), west: gone('west', '3.3.3.3') })
  expect(entriesOf(nobody)).toEqual([['2.2.2.2 70000', '3.3.3.3 30000']])
})

test('a tenant’s gateway takes no calls that are for another tenant, nor for a service', () => {
  const other = `
apiVersion: tsb.tetrate.io/v2
kind: Workspace
metadata: {name: other, namespace: tsb, annotations: {tsb.tetrate.io/organization: o, tsb.tetrate.io/tenant: other}}
spec: {namespaceSelector: {names: ["*/others"]}}
---
apiVersion: gateway.tsb.tetrate.io/v2
kind: Group
metadata: {name: g, namespace: tsb, annotations: {tsb.tetrate.io/organization: o, tsb.tetrate.io/tenant: other, tsb.tetrate.io/workspace: other}}
spec: {namespaceSelector: {names: ["*/others"]}}
---
apiVersion: gateway.tsb.tetrate.io/v2
kind: IngressGateway
metadata:
  name: thief
  namespace: tsb
  creationTimestamp: "2026-01-01T00:00:00Z"
  annotations: {tsb.tetrate.io/organization: o, tsb.tetrate.io/tenant: other, tsb.tetrate.io/workspace: other, tsb.tetrate.io/gatewayGroup: g}
spec:
  workloadSelector: {namespace: others, labels: {app: gateway}}
  http:
  - {name: a, hostname: books.example.com, port: 80, routing: {rules: [{route: {host: others/x}}]}}
  - {name: b, hostname: reviews.bookinfo.svc.cluster.local, port: 80, routing: {rules: [{route: {host: others/x}}]}}
  - {name: c, hostname: own.example.com, port: 80, routing: {rules: [{route: {host: bookinfo/reviews}}]}}
`
  const theirs = gatewayAt('9.9.9.9')
    .replaceAll('namespace: gateways', 'namespace: others')
    .replaceAll('name: gateways', 'name: others')
    .replaceAll('"namespace":"gateways"', '"namespace":"others"')
  const result = run(`${weighted}\n---\n${other}`, { front, east: east + theirs, west })
  const told = result.problems
    .filter(({ object }) => object.name === 'thief')
    .map(({ path, message }) => `${path}: ${message}`)
  expect(told).toEqual([
    expect.stringContaining('another tenant serves books.example.com'),
    expect.stringContaining('is the name of a service'),
    expect.stringContaining('belongs to another workspace'),
  ])
  const entries = result.objects.filter(({ cluster, object }) => cluster === 'east' && object.kind === 'ServiceEntry')
  const visible = Object.fromEntries(
    entries.map(({ object: { spec } }) => [
      (spec as { hosts: string[] }).hosts[0],
      (spec as { exportTo: string[] }).exportTo,
    ]),
  )
  expect(visible).toEqual({
    'books.example.com': ['bookinfo', 'gateways', 'istio-system'],
    'own.example.com': ['istio-system', 'others'],
  })
})
