import { readFileSync } from 'node:fs'
import { describe, expect, it, test } from 'vitest'
import { allKinds, kindOf, readKind, readObjects, toCrd } from '../index.ts'
import {
  closeness,
  clusterKinds,
  contains,
  managementKinds,
  overlap,
  readApiFile,
  readNamespacePattern,
  selects,
} from './index.ts'

const problemsOf = (text: string): string[] =>
  readObjects(text, 'x.yaml').objects.flatMap(({ object }) => {
    const kind = kindOf(object)
    if (kind === undefined) return [`unknown kind ${object.kind}`]
    return readKind(kind, object, '').problems.map((p) => `${p.severity} ${p.path}: ${p.message}`)
  })

const written = (apiVersion: string, kind: string, spec: string): string =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: x, namespace: tsb}\nspec: ${spec}\n`

describe('kinds', () => {
  it('are all different', () => {
    const names = allKinds.map(({ group, kind }) => `${group}/${kind}`)
    expect(new Set(names).size).toBe(names.length)
    const shortNames = managementKinds.flatMap((kind) => kind.shortNames)
    expect(new Set(shortNames).size).toBe(shortNames.length)
  })

  it('have CRDs that keep unknown fields of the spec', () => {
    for (const kind of [...managementKinds, ...clusterKinds]) {
      const crd = toCrd(kind).spec as { versions: { schema: { openAPIV3Schema: { properties: { spec: object } } } }[] }
      const { spec } = crd.versions[0]?.schema.openAPIV3Schema.properties ?? {}
      if (kind.kind === 'DirectObject') continue
      expect({ kind: kind.kind, ...spec }).toMatchObject({ 'x-kubernetes-preserve-unknown-fields': true })
    }
  })

  it('take the files of the guide that kubectl applies', () => {
    for (const name of ['004-eastwest-gateway', '004-controlplane-edge-dns']) {
      const file = new URL(`../../../examples/guides/${name}.yaml`, import.meta.url)
      expect(problemsOf(readFileSync(file, 'utf8'))).toEqual([])
    }
  })
})

describe('checks', () => {
  const workspace = (spec: string): string[] => problemsOf(written('tsb.tetrate.io/v2', 'Workspace', spec))

  it('of namespace selectors', () => {
    expect(workspace('{namespaceSelector: {names: ["*/bookinfo", "c1/ns*", "c1/*", "*/*"]}}')).toEqual([])
    expect(workspace('{}')).toEqual([
      'error spec.namespaceSelector.names: Required value: at least one CLUSTER/NAMESPACE',
    ])
    expect(workspace('{namespaceSelector: {names: [bookinfo, "*/a*b", "c*/x"]}}').map((p) => p.slice(0, 45))).toEqual([
      'error spec.namespaceSelector.names[0]: Invali',
      'error spec.namespaceSelector.names[1]: Invali',
      'error spec.namespaceSelector.names[2]: Invali',
    ])
    expect(workspace('{namespaceSelectors: [{name: "*/a"}], color: red}').map((p) => p.slice(0, 32))).toEqual([
      'warning spec.color: unknown fiel',
      'warning spec.namespaceSelectors:',
    ])
  })

  it('of workspace settings', () => {
    const setting = (spec: string): string[] => problemsOf(written('tsb.tetrate.io/v2', 'WorkspaceSetting', spec))
    const gateway = '{workloadSelector: {namespace: eastwest, labels: {app: gw}}}'
    expect(setting(`{defaultEastWestGatewaySettings: [${gateway}]}`)).toEqual([])
    expect(setting(`{defaultEastWestGatewaySettings: [${gateway}, ${gateway}, {}]}`)).toEqual([
      'error spec.defaultEastWestGatewaySettings[1].workloadSelector: another item has this selector already',
      'error spec.defaultEastWestGatewaySettings[2].workloadSelector: Required value',
    ])
    expect(
      setting('{failoverSettings: {topologyChoice: cluster, failoverPriority: ["a=b=c", "=x", "k", "k=v"]}}'),
    ).toEqual([
      'error spec.failoverSettings.failoverPriority[0]: Invalid value: "a=b=c": must be KEY or KEY=VALUE',
      'error spec.failoverSettings.failoverPriority[1]: Invalid value: "=x": must be KEY or KEY=VALUE',
      'warning spec.failoverSettings.topologyChoice: failoverPriority is given, and wins',
    ])
  })

  it('of service routes', () => {
    const route = (spec: string): string[] => problemsOf(written('traffic.tsb.tetrate.io/v2', 'ServiceRoute', spec))
    expect(route('{service: ns/x, subsets: [{name: v1, labels: {version: v1}}]}')).toEqual([])
    expect(
      route(
        '{service: x, subsets: [{name: v1, labels: {a: b}}], httpRoutes: [{name: r, destination: [{subset: v2}]}]}',
      ),
    ).toEqual([
      'error spec.service: Invalid value: "x": must be NAMESPACE/HOST',
      'error spec.httpRoutes[0].destination[0].subset: there is no subset "v2"',
    ])
  })

  it('of gateways', () => {
    const gateway = (http: string): string[] =>
      problemsOf(
        written(
          'gateway.tsb.tetrate.io/v2',
          'Gateway',
          `{workloadSelector: {namespace: a, labels: {app: b}}, http: [${http}]}`,
        ),
      )
    const to = (clusters: string): string =>
      `{name: s, hostname: h.example, port: 80, routing: {rules: [{route: {clusterDestination: {clusters: ${clusters}}}}]}}`
    expect(gateway(to('[{name: c1, weight: 75}, {name: c2, weight: 25}]'))).toEqual([])
    expect(gateway(to('[{name: c1, weight: 75}]'))).toEqual([
      'error spec.http[0].routing.rules[0].route.clusterDestination.clusters: the weights are 75 together, not 100',
    ])
    expect(gateway('{name: s, hostname: h, port: 15443, routing: {rules: [{}]}}')).toEqual([
      'error spec.http[0].port: port 15443 is for calls of other clusters',
      'error spec.http[0].routing.rules[0]: one of route, redirect, directResponse must be set',
    ])
  })

  it('of addresses of a gateway', () => {
    const install = (addresses: string): number =>
      problemsOf(
        written(
          'install.tetrate.io/v1alpha1',
          'IngressGateway',
          `{kubeSpec: {service: {annotations: {xcp.tetrate.io/cluster-external-addresses: "${addresses}"}}}}`,
        ),
      ).length
    expect(['10.1.1.1,10.2.2.2', 'gw.example', 'a.example,b.example', '10.1.1.1,b.example'].map(install)).toEqual([
      0, 0, 1, 1,
    ])
  })

  it('of bindings', () => {
    const found = problemsOf(
      written(
        'rbac.tsb.tetrate.io/v2',
        'TenantAccessBindings',
        '{allow: [{role: admin, subjects: [{user: joe}, {}]}]}',
      ),
    )
    expect(found.map((p) => p.slice(0, 38))).toEqual([
      'error spec.allow[0].role: Invalid valu',
      'error spec.allow[0].subjects[0].user: ',
      'error spec.allow[0].subjects[1]: one o',
    ])
  })
})

test('namespace patterns', () => {
  const of = (text: string) => {
    const pattern = readNamespacePattern(text)
    if (pattern === undefined) throw new Error(text)
    return pattern
  }
  expect(selects(of('*/bookinfo'), 'c1', 'bookinfo')).toBe(true)
  expect(selects(of('c1/book*'), 'c1', 'bookinfo')).toBe(true)
  expect(selects(of('c1/book*'), 'c2', 'bookinfo')).toBe(false)
  expect(selects(of('c1/*'), 'c1', 'x')).toBe(true)
  const byCloseness = ['*/*', 'c1/*', '*/b*', '*/book*', '*/bookinfo', 'c1/bookinfo']
  expect([...byCloseness].reverse().sort((a, b) => closeness(of(a)) - closeness(of(b)))).toEqual(byCloseness)
  expect(overlap(of('*/bookinfo'), of('c1/book*'))).toBe(true)
  expect(overlap(of('c2/bookinfo'), of('c1/book*'))).toBe(false)
  expect(contains(of('*/*'), of('c1/x'))).toBe(true)
  expect(contains(of('c1/*'), of('*/x'))).toBe(false)
  expect(contains(of('*/x'), of('*/x*'))).toBe(false)
})

describe('kinds that there are not', () => {
  const told = (apiVersion: string, kind: string): string[] =>
    readApiFile(`{apiVersion: ${apiVersion}, kind: ${kind}, metadata: {name: a}}`, 'f.yaml').problems.map(
      ({ message }) => message,
    )
  it.each([
    ['api.tsb.tetrate.io/v3', 'Workspace', 'has no kind Workspace; it is of api.tsb.tetrate.io/v2'],
    ['install.tetrate.io/v1alpha1', 'IngressGateway', 'that tctl applies; apply it with kubectl'],
    ['api.tsb.tetrate.io/v2', 'Wurkspace', 'has no kind Wurkspace'],
  ])('%s %s', (apiVersion, kind, expected) => {
    expect(told(apiVersion, kind)).toEqual([expect.stringContaining(expected)])
  })
})
