import { describe, expect, it } from 'vitest'
import { buildProxyConfig, proxyConfigJson } from '../index.ts'
import { proxyOf, worldOf } from '../test-world.ts'
import { textFormat } from './log-format.ts'

const base = `
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {clusterIP: 10.5.0.1, selector: {app: cart}, ports: [{name: http, port: 80, targetPort: 8080}, {name: tcp-db, port: 3306}]}
---
apiVersion: v1
kind: Service
metadata: {name: collector, namespace: ops}
spec: {clusterIP: 10.5.0.9, ports: [{name: grpc, port: 4317}]}
`
const telemetry = (spec: string, metadata = '{name: t, namespace: shop}'): string =>
  `---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: ${metadata}\nspec: ${spec}\n`

type Json = { readonly [field: string]: Json } & { readonly name: string }
const items = (value: Json | undefined): Json[] => (value ?? []) as unknown as Json[]

function ask(objects: string, mesh = ''): { listeners: Json[]; told: string[] } {
  const config = buildProxyConfig(worldOf({ east: base + objects }, mesh), proxyOf({ labels: { app: 'cart' } }))
  return {
    listeners: items(proxyConfigJson(config).listeners as unknown as Json),
    told: config.problems.map((p) => `${p.severity} ${p.object.name} ${p.path}: ${p.message}`),
  }
}

/** Settings of the last filter of each chain of a listener, but for the one that goes nowhere. */
function last(listeners: Json[], name: string): Json[] {
  const listener = listeners.find((each) => each.name === name)
  return [...items(listener?.['filterChains']), ...items(listener && ([listener['defaultFilterChain']] as never))]
    .filter((chain) => (chain as Json | undefined) !== undefined && !(chain.name ?? '').endsWith('-blackhole'))
    .map((chain) => items(chain['filters']).at(-1)?.['typedConfig'] as Json)
}

/** `name filter` of the logs on each side. */
function logs(objects: string, mesh = ''): { client: string; server: string } {
  const { listeners } = ask(objects, mesh)
  const of = (name: string): string =>
    [
      ...new Set(
        last(listeners, name).map((each) =>
          items(each['accessLog'])
            .map(
              (log) => `${JSON.stringify(log['typedConfig']?.['path'] ?? log.name)}${log['filter'] ? ' filtered' : ''}`,
            )
            .join(),
        ),
      ),
    ].join('|')
  return { client: of('0.0.0.0_80'), server: of('virtualInbound') }
}

describe('access logs', () => {
  const mesh = `accessLogFile: /dev/stdout
extensionProviders: [{name: a, envoyFileAccessLog: {path: /a}}, {name: b, envoyFileAccessLog: {path: /b}}, {name: als, envoyHttpAls: {service: collector.ops.svc.cluster.local, port: 4317}}, {name: lost, envoyHttpAls: {service: nobody, port: 1}}]`
  it('follow the mesh settings where no object says anything', () => {
    expect(logs('')).toEqual({ client: '', server: '' })
    expect(logs('', mesh)).toEqual({ client: '"/dev/stdout"', server: '"/dev/stdout"' })
    expect(logs('', `${mesh}\ndefaultProviders: {accessLogging: [a]}`)).toEqual({ client: '"/a"', server: '"/a"' })
  })

  it('follow the closest object, side by side', () => {
    const root = telemetry('{accessLogging: [{providers: [{name: a}]}]}', '{name: r, namespace: istio-system}')
    expect(logs(root, mesh)).toEqual({ client: '"/a"', server: '"/a"' })
    const own = telemetry(
      '{accessLogging: [{match: {mode: SERVER}, providers: [{name: b}], filter: {expression: "response.code >= 400"}}]}',
    )
    expect(logs(root + own, mesh)).toEqual({ client: '"/a"', server: '"/b" filtered' })
    const off = telemetry(
      '{selector: {matchLabels: {app: cart}}, accessLogging: [{match: {mode: CLIENT}, disabled: true}]}',
      '{name: w, namespace: shop}',
    )
    expect(logs(root + off, mesh)).toEqual({ client: '', server: '"/a"' })
    const other = telemetry(
      '{selector: {matchLabels: {app: x}}, accessLogging: [{disabled: true}]}',
      '{name: x, namespace: shop}',
    )
    expect(logs(root + other, mesh)).toEqual({ client: '"/a"', server: '"/a"' })
  })

  it('go to services', () => {
    const { listeners, told } = ask(telemetry('{accessLogging: [{providers: [{name: als}]}]}'), mesh)
    expect(JSON.stringify(last(listeners, '0.0.0.0_80'))).toContain('outbound|4317||collector.ops.svc.cluster.local')
    expect(told).toEqual([])
    expect(ask(telemetry('{accessLogging: [{providers: [{name: lost}, {name: none}]}]}'), mesh).told).toEqual([
      'error t spec.accessLogging[0].providers[0].name: provider "lost" cannot be used: its service "nobody" is not known',
      'error t spec.accessLogging[0].providers[1].name: the MeshConfig has no extension provider "none"',
    ])
  })

  it('have the form that the mesh or the provider wants', () => {
    expect(textFormat.split('%').length).toBe(49)
    const form = (settings: string): string =>
      JSON.stringify(last(ask('', settings).listeners, 'virtualOutbound')[0]?.['accessLog'])
    expect(form('accessLogFile: /x')).toContain('%ROUTE_NAME%\\n')
    expect(form("accessLogFile: /x\naccessLogFormat: '%REQ_WITHOUT_QUERY(:PATH)%'")).toContain('req_without_query')
    expect(form('accessLogFile: /x\naccessLogEncoding: JSON')).toContain('"start_time":"%START_TIME%"')
    expect(form('accessLogFile: /x\naccessLogEncoding: JSON\naccessLogFormat: \'{"a": "%PROTOCOL%"}\'')).toContain(
      '{"a":"%PROTOCOL%"}',
    )
  })

  it('go to the output of a proxy that is a process of a program', () => {
    const proxy = proxyOf({ labels: { app: 'cart' }, metadata: { FAIRLEAD_DATA_PATH: 'loopback' } })
    const config = buildProxyConfig(worldOf({ east: base }, 'accessLogFile: /dev/stdout'), proxy)
    const text = JSON.stringify(proxyConfigJson(config).listeners)
    expect(text).toContain('envoy.access_loggers.stdout')
    expect(text).not.toContain('envoy.access_loggers.file')
  })

  it('of listeners tell what no chain is for', () => {
    const { listeners } = ask('', 'accessLogFile: /x')
    for (const { accessLog } of listeners)
      expect(items(accessLog)[0]?.['filter']).toEqual({ responseFlagFilter: { flags: ['NR'] } })
    expect(ask('', 'accessLogFile: /x\ndisableEnvoyListenerLog: true').listeners[0]?.['accessLog']).toBeUndefined()
  })
})

describe('tracing', () => {
  const mesh =
    'extensionProviders: [{name: otel, opentelemetry: {service: collector.ops.svc.cluster.local, port: 4317}}, {name: zip, zipkin: {service: collector.ops.svc.cluster.local, port: 4317, maxTagLength: 99}}]'
  it('takes provider, sampling and tags from the closest object', () => {
    const root = telemetry(
      '{tracing: [{providers: [{name: otel}], randomSamplingPercentage: 5}]}',
      '{name: r, namespace: istio-system}',
    )
    const own = telemetry(
      '{tracing: [{match: {mode: CLIENT}, providers: [{name: zip}], customTags: {a: {literal: {value: b}}, h: {header: {name: x-h}}}, useRequestIdForTraceSampling: false}]}',
    )
    const { listeners, told } = ask(root + own, mesh)
    expect(told).toEqual([])
    const [client] = last(listeners, '0.0.0.0_80')
    expect(client?.['tracing']).toMatchObject({
      randomSampling: { value: 5 },
      maxPathTagLength: 99,
      provider: {
        name: 'envoy.tracers.zipkin',
        typedConfig: { collectorCluster: 'outbound|4317||collector.ops.svc.cluster.local' },
      },
    })
    const tags = items(client?.['tracing']?.['customTags']).map(({ tag }) => JSON.stringify(tag))
    expect(tags).toEqual([
      '"a"',
      '"h"',
      ...['canonical_revision', 'canonical_service', 'cluster_id', 'mesh_id', 'namespace'].map(
        (name) => `"istio.${name}"`,
      ),
    ])
    expect(client?.['requestIdExtension']).toBeDefined()
    const server = last(listeners, 'virtualInbound').find((each) => each['tracing'])
    expect(server?.['tracing']?.['provider']).toMatchObject({
      name: 'envoy.tracers.opentelemetry',
      typedConfig: { serviceName: 'cart.shop' },
    })
  })

  it('is off where it is said to be, or nobody takes it', () => {
    const traced = (spec: string, settings = mesh): boolean =>
      last(ask(telemetry(spec), settings).listeners, '0.0.0.0_80').some((each) => each['tracing'])
    expect(traced('{tracing: [{providers: [{name: otel}]}]}')).toBe(true)
    expect(traced('{tracing: [{providers: [{name: otel}], disableSpanReporting: true}]}')).toBe(false)
    expect(traced('{tracing: [{randomSamplingPercentage: 7}]}')).toBe(false)
    expect(traced('{tracing: [{randomSamplingPercentage: 7}]}', `${mesh}\ndefaultProviders: {tracing: [zip]}`)).toBe(
      true,
    )
  })
})

it('says which tags of traces it does not know', () => {
  expect(ask(telemetry('{tracing: [{customTags: {a: {formatter: {value: b}}}}]}')).told).toEqual([
    'warning t spec.tracing[0].customTags.a.formatter: has no effect: tags are texts, headers and variables of the environment',
  ])
})
