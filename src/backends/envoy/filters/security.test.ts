import { toJson } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { FilterSchema } from '#gen/envoy/config/listener/v3/listener_components_pb.js'
import { HttpFilterSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import { snapshotOf, staticWorld, type World } from '../../../discovery/index.ts'
import { keyPlaceName } from '../../../mesh/security/index.ts'
import { groupKind, readObjects } from '../../../resources/index.ts'
import { extensionTypes } from '../registry.ts'
import { type SecurityFilters, type SecurityOptions, securityFilters } from './security.ts'

const meshConfig = `
trustDomain: td1
trustDomainAliases: [td2]
extensionProviders:
- {name: gate, envoyExtAuthzHttp: {service: gate.ops.svc.cluster.local, port: 9000, includeRequestHeadersInCheck: [cookie, x-*]}}
- {name: wire, envoyExtAuthzGrpc: {service: gate.ops.svc.cluster.local, port: 9000, statusOnError: "503"}}
`
const always = `
{apiVersion: v1, kind: ConfigMap, metadata: {name: istio, namespace: istio-system}, data: {mesh: ${JSON.stringify(meshConfig)}}}
---
{apiVersion: v1, kind: Service, metadata: {name: gate, namespace: ops}, spec: {clusterIP: 10.5.3.3, ports: [{name: http, port: 9000}]}}
`

const worldOf = (...objects: string[]): World => worldWith(new Map(), objects)

function worldWith(documents: ReadonlyMap<string, string>, objects: readonly string[]): World {
  const read = readObjects([always, ...objects].join('\n---\n'), 'f.yaml')
  expect(read.problems).toEqual([])
  return staticWorld(snapshotOf(new Map([['c', read.objects.map(({ object }) => object)]]), groupKind), {
    primary: 'c',
    documents,
  })
}

const policy = (spec: string, name = 'p', annotations = '{}'): string =>
  `{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: ${name}, namespace: shop, annotations: ${annotations}}, spec: ${spec}}`

const workload = { namespace: 'shop', labels: { app: 'front' } }

const filtersOf = (world: World, options?: SecurityOptions): SecurityFilters =>
  securityFilters(world, workload, options)

const options = { registry: extensionTypes }

/** Filters as JSON, with those fields of their configurations that are looked at. */
interface Shown<Config> {
  readonly name: string
  readonly typedConfig: Config
}

function json<Config>(filters: SecurityFilters, level: 'http' | 'tcp'): Shown<Config>[] {
  const shown =
    level === 'http'
      ? filters.http.map((filter) => toJson(HttpFilterSchema, filter, options))
      : filters.tcp.map((filter) => toJson(FilterSchema, filter, options))
  return shown as unknown as Shown<Config>[]
}

interface Policies {
  readonly action?: string
  readonly policies?: Readonly<Record<string, { permissions: unknown; principals: unknown }>>
}
interface Rbac {
  readonly rules?: Policies
  readonly shadowRules?: Policies
  readonly shadowRulesStatPrefix?: string
  readonly statPrefix?: string
  readonly statusOnError?: object
}
const rbac = (filters: SecurityFilters, level: 'http' | 'tcp'): Shown<Rbac>[] => json<Rbac>(filters, level)
const policyNames = (policies: Policies | undefined): string[] => Object.keys(policies?.policies ?? {})

interface Tokens {
  readonly rules: readonly { readonly requires: unknown }[]
  readonly providers: Readonly<Record<string, { localJwks: { inlineString: string } }>>
}

describe('authorization', () => {
  it('asks in the order CUSTOM, tokens, AUDIT, DENY, ALLOW', () => {
    const world = worldOf(
      policy('{rules: [{}]}', 'allow'),
      policy('{action: DENY, rules: [{}]}', 'deny'),
      policy('{action: AUDIT, rules: [{}]}', 'audit'),
      policy('{action: CUSTOM, provider: {name: gate}, rules: [{}]}', 'custom'),
      '{apiVersion: security.istio.io/v1, kind: RequestAuthentication, metadata: {name: r, namespace: shop}, spec: {jwtRules: [{issuer: i}]}}',
    )
    const names = rbac(filtersOf(world), 'http').map((f) => [f.name, f.typedConfig.rules?.action ?? ''])
    expect(names).toEqual([
      ['envoy.filters.http.rbac', ''],
      ['envoy.filters.http.ext_authz', ''],
      ['envoy.filters.http.jwt_authn', ''],
      ['envoy.filters.http.rbac', 'LOG'],
      ['envoy.filters.http.rbac', 'DENY'],
      ['envoy.filters.http.rbac', ''],
    ])
    expect(rbac(filtersOf(world), 'tcp').map((f) => [f.name, f.typedConfig.statPrefix])).toEqual([
      ['envoy.filters.network.rbac', 'tcp.'],
      ['envoy.filters.network.rbac', 'tcp.'],
      ['envoy.filters.network.rbac', 'tcp.'],
    ])
    expect(
      filtersOf(world)
        .origin.map((o) => o.name)
        .sort(),
    ).toEqual(['allow', 'audit', 'custom', 'deny', 'r'])
  })

  it('turns a rule into permissions and principals', () => {
    const rule = `{
      from: [{source: {principals: [cluster.local/ns/a/sa/b], notNamespaces: [x-*], ipBlocks: [10.0.0.0/8]}}, {source: {serviceAccounts: [b]}}],
      to: [{operation: {hosts: ["*.Example"], methods: [GET], notPaths: [/a*, "/b/{*}/c"], ports: ["80"]}}],
      when: [{key: "request.auth.claims[a][b]", values: [x, "y*"]}, {key: connection.sni, notValues: [s]}]}`
    const [filter] = rbac(filtersOf(worldOf(policy(`{rules: [${rule}]}`)), { ports: new Map([[80, 8080]]) }), 'http')
    expect(filter?.typedConfig.rules?.policies).toMatchSnapshot()
  })

  it('keeps dry runs apart', () => {
    const dry = '{istio.io/dry-run: "true"}'
    const world = worldOf(
      policy('{rules: [{}]}', 'a', dry),
      policy('{action: DENY, rules: [{}]}', 'd', dry),
      policy('{action: DENY, rules: [{}]}', 'e'),
    )
    const rules = rbac(filtersOf(world), 'http').map(({ typedConfig: config }) => [
      policyNames(config.rules),
      policyNames(config.shadowRules),
      config.shadowRulesStatPrefix,
    ])
    expect(rules).toEqual([
      [['ns[shop]-policy[e]-rule[0]'], ['ns[shop]-policy[d]-rule[0]'], 'istio_dry_run_deny_'],
      [[], ['ns[shop]-policy[a]-rule[0]'], 'istio_dry_run_allow_'],
    ])
  })

  it('asks of connections only what they can answer: ALLOW rules vanish, DENY rules widen', () => {
    const rule = '{to: [{operation: {methods: [GET], ports: ["80"]}}]}'
    const world = worldOf(policy(`{rules: [${rule}, {}]}`, 'a'), policy(`{action: DENY, rules: [${rule}]}`, 'd'))
    const [deny, allow] = rbac(filtersOf(world), 'tcp').map((f) => f.typedConfig.rules)
    expect(policyNames(allow)).toEqual(['ns[shop]-policy[a]-rule[1]'])
    expect(deny?.policies?.['ns[shop]-policy[d]-rule[0]']?.permissions).toEqual([
      { andRules: { rules: [{ orRules: { rules: [{ destinationPort: 80 }] } }] } },
    ])
  })

  it('denies what an authorizer should be asked that is not there, and says so', () => {
    const filters = filtersOf(worldOf(policy('{action: CUSTOM, provider: {name: lost}, rules: [{}]}')))
    const [filter, ...others] = rbac(filters, 'http')
    expect(others).toEqual([])
    expect(filter?.typedConfig.rules?.action).toBe('DENY')
    expect(policyNames(filter?.typedConfig.rules)).toEqual([
      'istio-ext-authz-lost-ns[shop]-policy[p]-rule[0]-deny-due-to-bad-CUSTOM-action',
    ])
    expect(filters.problems).toMatchObject([{ severity: 'error', path: 'spec.provider.name', object: { name: 'p' } }])
  })

  it('asks authorizers about what their policies match', () => {
    const world = worldOf(
      policy('{action: CUSTOM, provider: {name: gate}, rules: [{}]}', 'g'),
      policy('{action: CUSTOM, provider: {name: wire}, rules: [{}]}', 'w'),
    )
    const [note, ask, , wire] = rbac(filtersOf(world), 'http').map((f) => f.typedConfig)
    expect(policyNames(note?.shadowRules)).toEqual(['istio-ext-authz-gate-ns[shop]-policy[g]-rule[0]'])
    expect(ask).toMatchSnapshot()
    expect(wire?.statusOnError).toEqual({ code: 'ServiceUnavailable' })
    // HTTP authorizers know nothing of connections.
    expect(rbac(filtersOf(world), 'tcp').map((f) => f.name)).toEqual([
      'envoy.filters.network.rbac',
      'envoy.filters.network.ext_authz',
    ])
  })
})

describe('tokens', () => {
  const authentication = (rules: string): string =>
    `{apiVersion: security.istio.io/v1, kind: RequestAuthentication, metadata: {name: r, namespace: shop}, spec: {jwtRules: ${rules}}}`
  const configOf = (rules: string, documents: ReadonlyMap<string, string> = new Map()): Tokens | undefined =>
    json<Tokens>(filtersOf(worldWith(documents, [authentication(rules)])), 'http')[0]?.typedConfig

  it('must be valid where they are there', () => {
    expect(configOf('[{issuer: a}]')?.rules[0]?.requires).toEqual({
      requiresAny: { requirements: [{ providerName: 'origins-0' }, { allowMissing: {} }] },
    })
    const missing = (name: string) => ({
      requiresAny: { requirements: [{ providerName: name }, { allowMissing: {} }] },
    })
    expect(configOf('[{issuer: a}, {issuer: b}]')?.rules[0]?.requires).toEqual({
      requiresAny: {
        requirements: [
          { providerName: 'origins-0' },
          { providerName: 'origins-1' },
          { requiresAll: { requirements: [missing('origins-0'), missing('origins-1')] } },
        ],
      },
    })
  })

  it('must be there where they are required', () => {
    expect(configOf('[{issuer: a, presence: REQUIRED}, {issuer: b}]')?.rules[0]?.requires).toEqual({
      requiresAll: {
        requirements: [
          { providerName: 'origins-0' },
          { requiresAny: { requirements: [{ providerName: 'origins-1' }, { allowMissing: {} }] } },
        ],
      },
    })
  })

  it('are refused while their keys are not known', () => {
    const keys = (x: string): string => JSON.stringify({ keys: [{ kty: 'OKP', crv: 'Ed25519', x: x.repeat(43) }] })
    const documents = new Map([
      [keyPlaceName({ kind: 'url', url: 'https://known/' }), keys('a')],
      [keyPlaceName({ kind: 'issuer', url: 'open' }), keys('b')],
    ])
    const rules =
      '[{issuer: a, jwksUri: https://known/}, {issuer: b, jwksUri: https://lost/}, {issuer: c, jwks: "5"}, {issuer: open}]'
    const config = configOf(rules, documents)
    const inline = (index: number): string => config?.providers[`origins-${index}`]?.localJwks.inlineString ?? ''
    expect([inline(0), inline(3)]).toEqual([keys('a'), keys('b')])
    expect(inline(1)).toBe(inline(2))
    expect(JSON.parse(inline(1)).keys[0].kid).toBe('none')
  })
})
