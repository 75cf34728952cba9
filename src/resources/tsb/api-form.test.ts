import { readFileSync } from 'node:fs'
import { describe, expect, it, test } from 'vitest'
import {
  apiKinds,
  apiKindsNamed,
  fqnOf,
  identityOf,
  parseFqn,
  type ReadApiFile,
  readApiFile,
  storedName,
  toApi,
  toStored,
} from './index.ts'

const guide = (name: string): ReadApiFile => {
  const file = new URL(`../../../examples/guides/${name}.yaml`, import.meta.url)
  return readApiFile(readFileSync(file, 'utf8'), `${name}.yaml`)
}
const told = ({ problems }: ReadApiFile): string[] =>
  problems.map(({ severity, at, message }) => `${severity} ${at?.line}:${at?.column} ${message}`)

describe('files of the guide', () => {
  it('may say apiversion', () => {
    const read = guide('004-workspace')
    expect(told(read)).toEqual(['warning 2:1 "apiversion" is read as apiVersion; write apiVersion'])
    expect(read.objects[0]?.identity).toEqual({
      organization: 'tetrate',
      tenant: 'tetrate',
      workspace: '',
      group: '',
      name: 'bookinfo-ws',
    })
  })

  it('may have settings beside spec: they are read as if under it', () => {
    const read = guide('004-workspace-setting-exposed-services.verbatim')
    expect(told(read)).toEqual([
      'warning 9:1 defaultEastWestGatewaySettings stands beside spec and was moved under spec; indent it',
    ])
    expect(read.objects[0]?.spec).toEqual(guide('004-workspace-setting-exposed-services').objects[0]?.spec)
  })
})

describe('reading', () => {
  const setting = (rest: string): ReadApiFile =>
    readApiFile(
      `apiVersion: api.tsb.tetrate.io/v2\nkind: WorkspaceSetting\nmetadata: {organization: o, tenant: t, workspace: w, name: s}\n${rest}`,
      'f.yaml',
    )

  it('refuses strays that belong to nothing, and strays beside a spec that says something', () => {
    expect(told(setting('spec:\neastWestGateways: []\n'))).toEqual([
      'error 5:1 unknown field "eastWestGateways" beside spec: WorkspaceSetting has no such field',
    ])
    const both = setting('spec: {displayName: x}\ndefaultEastWestGatewaySettings: []\n')
    expect(told(both)[0]).toContain('error 5:1 unknown field "defaultEastWestGatewaySettings" beside spec')
    expect(both.objects).toEqual([])
  })

  it('takes numbers and truth values as labels, with a warning', () => {
    const read = setting(
      'spec:\n  defaultEastWestGatewaySettings:\n  - workloadSelector: {namespace: a, labels: {app: 1}}\n    exposedServices: [{serviceLabels: {ha: true}}]\n',
    )
    expect(told(read).map((each) => each.slice(0, 12))).toEqual(['warning 6:47', 'warning 7:40'])
    expect(JSON.stringify(read.objects[0]?.spec)).toContain('"serviceLabels":{"ha":"true"}')
  })

  it('keeps and tells of unknown fields', () => {
    const read = setting('spec: {future: {a: 1}}\n')
    expect(told(read)[0]).toContain('warning 4:8 unknown field "future"')
    expect(read.objects[0]?.spec).toEqual({ future: { a: 1 } })
  })

  it('says what "..." in a guide means', () => {
    const read = readApiFile('apiVersion: a/v1\nkind: B\nspec:\n  x:\n    ...\n    y: 1\n', 'f.yaml')
    expect(told(read).join()).toContain('a line "..." stands for what was left out')
  })

  it('takes lists, and the form of GitOps', () => {
    const read = readApiFile(
      `apiVersion: v1
kind: List
items:
- apiVersion: tsb.tetrate.io/v2
  kind: Workspace
  metadata:
    name: w
    annotations: {tsb.tetrate.io/organization: o, tsb.tetrate.io/tenant: t}
  spec: {namespaceSelector: {names: ["*/a"]}}
- apiVersion: traffic.tsb.tetrate.io/v2
  kind: TrafficGroup
  metadata: {organization: o, tenant: t, workspace: w, name: g}
  spec: {namespaceSelector: {names: ["nope"]}}
`,
      'f.yaml',
    )
    expect(read.objects.map(({ identity }) => identity.tenant)).toEqual(['t'])
    expect(told(read)[0]).toContain('error 13:38 Invalid value: "nope"')
  })

  it('checks Istio objects of direct groups', () => {
    const read = readApiFile(
      `apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {organization: o, tenant: t, workspace: w, group: g, name: v, namespace: a}
spec: {hosts: [x], http: [{route: [{destination: {host: x}, weight: -1}]}]}
`,
      'f.yaml',
    )
    expect(told(read)).toHaveLength(1)
    const fine = readApiFile(
      'apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: x, namespace: a}\nspec: {egress: [{hosts: [./*]}]}\n',
      'f',
    )
    expect(fine.objects[0]?.kinds).toHaveLength(1)
  })
})

test('every kind goes to its stored form and back, and its full name is read again', () => {
  for (const kind of apiKinds) {
    const place = { organization: 'o', tenant: 't', workspace: 'w', group: 'g', name: 'n' }
    const depth = { '': 0, organization: 1, tenant: 2, workspace: 3 }[kind.parent as string] ?? 4
    const kept = Object.entries(place).filter(
      ([key], i) => i < depth || (key === 'name' && kind.bindingsOf === undefined),
    )
    const identity = { organization: '', tenant: '', workspace: '', group: '', name: '', ...Object.fromEntries(kept) }
    if (kind.bindingsOf === 'any') identity.name = 'organizations/o/tenants/t'
    const stored = toStored({ kind, identity, spec: { x: 1 } })
    expect(stored.metadata.name).toMatch(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/)
    expect(identityOf(stored), JSON.stringify(stored)).toEqual({ kind, identity })
    expect(toApi(stored)).toMatchObject({ kind: kind.kind, spec: { x: 1 } })
    const named = kind.bindingsOf === undefined ? parseFqn(fqnOf({ kind, identity })) : { kind, identity }
    expect(named).toEqual({ kind, identity })
  }
})

test('stored names can be names in Kubernetes, and differ where the objects do', () => {
  const [kind] = apiKindsNamed('user')
  if (kind === undefined) throw new Error('no kind user')
  const of = (name: string): string =>
    storedName({ kind, identity: { organization: 'o', tenant: '', workspace: '', group: '', name } })
  expect(of('joe')).toBe('joe.o')
  const odd = ['joe@example.com', 'Joe@example.com', 'joe.example.com', 'JOE', '…'].map(of)
  expect(new Set(odd).size).toBe(odd.length)
  for (const name of odd) expect(name).toMatch(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/)
})

test('words of the command line', () => {
  const named = (word: string): string[] =>
    apiKindsNamed(word).map(({ apiVersion, kind, parent }) => `${apiVersion} ${kind} ${parent}`)
  expect(named('ws')).toEqual(['api.tsb.tetrate.io/v2 Workspace tenant'])
  expect(named('Workspaces')).toEqual(named('ws'))
  expect(named('api.tsb.tetrate.io/v2/Workspace')).toEqual(named('ws'))
  expect(named('TrafficGroup')).toEqual(named('tg'))
  expect(named('gwt')).toEqual(['gateway.tsb.tetrate.io/v2 Gateway gatewayGroup'])
  expect(named('gateway')).toEqual(named('gwt'))
  expect(named('gw')[0]).toMatch(/^networking.istio.io\/v\d Gateway gatewayGroup$/)
  expect(named('vs')).toHaveLength(2)
  expect(named('group')).toEqual([])
})

test('of objects to be deleted only who they are counts', () => {
  const text =
    'apiVersion: networking.istio.io/v1beta1\nkind: VirtualService\nmetadata: {organization: o, tenant: t, workspace: w, group: g, name: x, namespace: n}\n'
  expect(readApiFile(text, 'f.yaml').objects).toEqual([])
  expect(readApiFile(text, 'f.yaml', 'names')).toMatchObject({ objects: [{ identity: { name: 'x' } }], problems: [] })
})
