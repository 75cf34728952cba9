// Istio's standard metrics, counted by Envoy's own access logger.
import { describe, expect, it } from 'vitest'
import { buildProxyConfig, proxyConfigJson } from '../index.ts'
import { proxyOf, worldOf } from '../test-world.ts'
import { faultOfLabel } from './metrics.ts'

const base = `
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {clusterIP: 10.5.0.1, selector: {app: cart}, ports: [{name: http, port: 80, targetPort: 8080}, {name: tcp-db, port: 3306}]}
`
const telemetry = (metrics: string, namespace = 'shop'): string =>
  `---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: t, namespace: ${namespace}}\nspec: {metrics: ${metrics}}\n`

interface Stat {
  readonly stat: { readonly name: string; readonly tags: readonly { name: string; valueFormat: string }[] }
}
interface Logger {
  readonly counters?: readonly Stat[]
  readonly histograms?: readonly Stat[]
}

function ask(objects: string, mesh = '') {
  const config = buildProxyConfig(worldOf({ east: base + objects }, mesh), proxyOf({ labels: { app: 'cart' } }))
  const listeners = proxyConfigJson(config).listeners as unknown as readonly { readonly name: string }[]
  const found = (name: string): Stat[] => {
    const loggers: Logger[] = []
    JSON.stringify(
      listeners.find((each) => each.name === name),
      (_key, value: unknown) => {
        if (isLogger(value)) loggers.push(value)
        return value
      },
    )
    const [first] = loggers
    return [...(first?.counters ?? []), ...(first?.histograms ?? [])]
  }
  const told = config.problems.map(({ severity, path, message }) => `${severity} ${path}: ${message}`)
  return { client: found('0.0.0.0_80'), server: found('virtualInbound'), tcp: found('10.5.0.1_3306'), told }
}

function isLogger(value: unknown): value is Logger {
  return typeof value === 'object' && value !== null && 'statPrefix' in value && 'counters' in value
}

const names = (stats: readonly Stat[]): string[] => stats.map(({ stat }) => stat.name)
const label = (stats: readonly Stat[], name: string, metric = 'requests_total'): string | undefined =>
  stats.find(({ stat }) => stat.name === metric)?.stat.tags.find((tag) => tag.name === name)?.valueFormat

const requests = ['requests_total', 'request_duration_milliseconds', 'request_bytes', 'response_bytes']

describe('metrics', () => {
  it('are counted on both sides where the mesh or an object asks for them, and not without', () => {
    expect(names(ask('').client)).toEqual([])
    for (const asked of [
      ask('', 'defaultProviders: {metrics: [prometheus]}'),
      ask(telemetry('[{providers: [{name: prometheus}]}]', 'istio-system')),
      ask(telemetry('[{overrides: [{match: {mode: CLIENT_AND_SERVER}, tagOverrides: {a: {value: request.host}}}]}]')),
    ]) {
      expect(names(asked.client)).toEqual(requests)
      expect(label(asked.client, 'reporter')).toBe('source')
      expect(label(asked.client, 'response_code')).toBe('%RESPONSE_CODE%')
      expect(label(asked.server, 'reporter')).toBe('destination')
      expect(label(asked.server, 'source_principal')).toBe('%DOWNSTREAM_PEER_URI_SAN%')
      expect(names(asked.tcp)).toContain('tcp_connections_closed_total')
    }
  })

  it('are changed as objects say: turned off, labels left out and put in, on one side or both', () => {
    const { client, server } = ask(
      telemetry(`
        - overrides:
          - {match: {metric: REQUEST_SIZE}, disabled: true}
          - {match: {metric: REQUEST_COUNT, mode: CLIENT}, tagOverrides: {response_flags: {operation: REMOVE}, method: {value: request.method}}}`),
    )
    expect(names(client)).toEqual(requests.filter((name) => name !== 'request_bytes'))
    expect(label(client, 'response_flags')).toBeUndefined()
    expect(label(client, 'method')).toBe('%CEL(request.method)%')
    expect(label(server, 'response_flags')).toBe('%RESPONSE_FLAGS%')
    expect(label(client, 'response_flags', 'response_bytes')).toBe('%RESPONSE_FLAGS%')
  })

  it('are off for a side when all are, until a later word', () => {
    const mesh = 'defaultProviders: {metrics: [prometheus]}'
    const off = telemetry('[{overrides: [{match: {mode: SERVER}, disabled: true}]}]', 'istio-system')
    expect(names(ask(off, mesh).server)).toEqual([])
    expect(names(ask(off, mesh).client)).toEqual(requests)
    const back = telemetry('[{overrides: [{match: {metric: REQUEST_COUNT}, disabled: false}]}]')
    expect(names(ask(off + back, mesh).server)).toEqual(requests)
  })

  it('tell what cannot be', () => {
    const { client, told } = ask(
      telemetry(`
        - providers: [{name: prometheus}]
          overrides: [{match: {metric: GRPC_REQUEST_MESSAGES}, disabled: true}, {tagOverrides: {a: {value: node.id}, b: {value: '1 +'}}}]`),
    )
    expect(label(client, 'a')).toBeUndefined()
    expect(told.map((each) => each.slice(0, each.indexOf(':')))).toEqual([
      'warning spec.metrics[0].overrides[0].match.metric',
      'error spec.metrics[0].overrides[1].tagOverrides.a.value',
      'error spec.metrics[0].overrides[1].tagOverrides.b.value',
    ])
    expect(ask(telemetry('[{providers: [{name: envoy}]}]')).told[0]).toContain('takes no metrics')
  })
})

it('reads expressions as Envoy does', () => {
  expect(faultOfLabel("has(request.host) ? request.host : 'unknown'")).toBeUndefined()
  expect(faultOfLabel("request.headers['x.y'].startsWith('a(b') && size(request.path) > 3")).toBeUndefined()
  expect(faultOfLabel('upstream_peer.app')).toContain('attribute upstream_peer')
  expect(faultOfLabel("request.path.split('/')[1]")).toContain('function split')
})
