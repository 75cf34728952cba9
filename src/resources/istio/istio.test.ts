import { describe, expect, it } from 'vitest'
import { toCrd } from '../kind.ts'
import { checkFile } from '../kinds.ts'
import { istioKinds } from './index.ts'
import { defaultMeshConfig, readMeshConfig } from './mesh-config.ts'
import { faultOfRegex } from './regex.ts'

const lint = (text: string): string[] =>
  checkFile(text, 'f.yaml').problems.map(({ at, severity, path }) => `${at?.line}:${at?.column} ${severity} ${path}`)

describe('VirtualService', () => {
  it('has all its problems told at once, at their places', () => {
    expect(
      lint(`apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a, namespace: b}
spec:
  hosts: [a.b, "*.b"]
  http:
  - match:
    - uri: {regex: "[a"}
      header: {}
    route:
    - destination: {port: {number: "80"}}
    timeout: 5
  - route: [{destination: {host: x}}]
  - name: late
    route: [{destination: {host: x}}]
`),
    ).toEqual([
      '5:16 error spec.hosts[1]',
      '8:13 error spec.http[0].match[0].uri.regex',
      '9:7 error spec.http[0].match[0].header',
      '11:7 error spec.http[0].route[0].destination.host',
      '11:28 error spec.http[0].route[0].destination.port.number',
      '12:5 error spec.http[0].timeout',
      '14:5 warning spec.http[2]',
    ])
  })
})

describe('kinds', () => {
  it('are named once', () => {
    const names = istioKinds.map((kind) => `${kind.plural}.${kind.group}`)
    expect(new Set(names).size).toBe(names.length)
  })

  it('make CRDs that hold nothing of ours', () => {
    for (const kind of istioKinds) expect(JSON.stringify(toCrd(kind))).not.toContain('x-fairlead')
  })

  it('are known by their versions', () => {
    const object = (apiVersion: string, kind: string): string =>
      `{apiVersion: ${apiVersion}, kind: ${kind}, metadata: {name: a}, spec: {host: a.b}}`
    expect(lint(object('networking.istio.io/v1alpha3', 'DestinationRule'))).toEqual([])
    expect(lint(object('networking.istio.io/v2', 'DestinationRule'))).toEqual(['1:2 error apiVersion'])
    expect(lint(object('networking.istio.io/v1', 'DestinationRules'))).toEqual(['1:38 error kind'])
    expect(lint(object('apps/v1', 'Deployment'))).toEqual([])
  })
})

describe('extensions', () => {
  const plugin = (spec: string): string[] =>
    lint(
      `{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, metadata: {name: a, namespace: b}, spec: ${spec}}`,
    )

  it.each(['oci://r.example/p:1', 'r.example/p:1', 'file:///p.wasm', '/p.wasm', '[::1]:80/p'])('load %s', (url) =>
    expect(plugin(`{url: "${url}"}`)).toEqual([]),
  )
  it.each(['', 'ftp://a/b', 'a.b:80', '{a}', 'a b'])('do not load %j', (url) =>
    expect(plugin(`{url: "${url}"}`)).toHaveLength(1),
  )

  it('are judged as in Istio', () => {
    expect(
      plugin(
        '{url: a, sha256: x, vmConfig: {env: [{name: a}, {name: a, valueFrom: HOST, value: b}]}, match: [{ports: [{number: 0}]}]}',
      ).map((told) => told.split(' ').slice(1).join(' ')),
    ).toEqual([
      'error spec.sha256',
      'error spec.vmConfig.env[1].name',
      'error spec.vmConfig.env[1].value',
      'error spec.match[0].ports[0].number',
    ])
    const both = '{wasm: {url: a}, lua: {inlineCode: a}}'
    const extension = (spec: string): string[] =>
      lint(`{apiVersion: extensions.istio.io/v1alpha1, kind: TrafficExtension, metadata: {name: a}, spec: ${spec}}`)
    expect([extension('{}').length, extension(both).length, extension('{lua: {inlineCode: a}}').length]).toEqual([
      1, 1, 0,
    ])
  })
})

describe('MeshConfig', () => {
  const ref = { cluster: 'c', apiVersion: 'v1', kind: 'ConfigMap', namespace: 'istio-system', name: 'istio' }

  it('has defaults', () => {
    expect(readMeshConfig(undefined, ref)).toEqual({ meshConfig: defaultMeshConfig, problems: [] })
  })

  it('is read as protobuf reads JSON', () => {
    const { meshConfig, problems } = readMeshConfig(
      {
        trust_domain: 'td',
        proxyListenPort: '1',
        accessLogEncoding: 1,
        defaultConfig: { proxyMetadata: { A_B: 'c' }, drain_duration: '5s' },
        unheard_of: 1,
        rootNamespace: 5,
        extensionProviders: [{ name: 'own', envoyExtAuthzGrpc: { service: 'x', port: 1 } }],
      },
      ref,
    )
    expect(meshConfig).toMatchObject({
      trustDomain: 'td',
      proxyListenPort: 1,
      accessLogEncoding: 'JSON',
      defaultConfig: { proxyMetadata: { A_B: 'c' }, drainDuration: '5s' },
      rootNamespace: 'istio-system',
    })
    expect(meshConfig.extensionProviders.map((p) => p.name)).toEqual(['prometheus', 'envoy', 'own'])
    expect(problems.map((p) => [p.severity, p.path])).toEqual([
      ['warning', 'unheardOf'],
      ['error', 'rootNamespace'],
    ])
  })
})

describe('regular expressions', () => {
  it.each([
    'a.*',
    '(?i)abc',
    '(?P<x>a)',
    '[[:alpha:]]+',
    String.raw`\Q[\E`,
    String.raw`\d+\.\d+`,
    'a{1,1000}',
    '(?i:a)b',
    '^$',
    '[]a]',
  ])('accepts %s', (regex) => expect(faultOfRegex(regex)).toBeUndefined())
  it.each(['[a', '*', '(', 'a**', '(?=a)', String.raw`(a)\1`, 'a{1001}', String.raw`\y`, ')'])('refuses %s', (regex) =>
    expect(faultOfRegex(regex)).toBeDefined(),
  )
})
