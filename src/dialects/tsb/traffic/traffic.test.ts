// TrafficSettings and ServiceTrafficSettings, by what is written to clusters.
import { expect, test } from 'vitest'
import { envoyFilterProblems } from '../../../backends/envoy/index.ts'
import type { TranslateResult } from '../../index.ts'
import { clusterText, objectsOn, placed, pods, service, setting, translated, workspace } from '../testing.ts'

const annotations = placed('bookinfo-ws', 'tg')
const group = `
apiVersion: traffic.tsb.tetrate.io/v2
kind: Group
metadata: {name: tg, namespace: tsb, annotations: ${placed('bookinfo-ws')}}
spec: {namespaceSelector: {names: ["*/bookinfo"]}}
`
const traffic = (spec: object): string => `
apiVersion: traffic.tsb.tetrate.io/v2
kind: TrafficSetting
metadata: {name: s, namespace: tsb, annotations: ${annotations}}
spec: ${JSON.stringify(spec)}
`
const more = `
---
apiVersion: v1
kind: Namespace
metadata: {name: other}
${service('details')}${pods('details', { v1: 1 })}${service('reviews')}`

const run = (...texts: string[]): TranslateResult =>
  translated([workspace, group, ...texts], { one: clusterText({ name: 'one', more }) })
const specs = (result: TranslateResult, kind: string): Record<string, unknown> =>
  Object.fromEntries(
    objectsOn(result, 'one', kind).map(({ metadata, spec }) => [`${metadata.namespace}/${metadata.name}`, spec]),
  )
const patchesOf = (
  result: TranslateResult,
  name: string,
): { applyTo: string; match: object; patch: { value: object } }[] =>
  (specs(result, 'EnvoyFilter')[`bookinfo/${name}`] as { configPatches: [] } | undefined)?.configPatches ?? []
const always = ['istio-system/*', 'xcp-multicluster/*']

test.each([
  [{ mode: 'NAMESPACE' }, ['./*']],
  [{ mode: 'GROUP' }, ['bookinfo/*']],
  [{ mode: 'WORKSPACE' }, ['bookinfo/*']],
  [
    { mode: 'CUSTOM', hosts: ['other/*', 'other/details', '*/a.com'] },
    ['other/*', 'other/details.other.svc.cluster.local', '*/a.com'],
  ],
])('reachability %j', (reachability, hosts) => {
  for (const spec of [{ outbound: { reachability } }, { reachability }]) {
    const sidecars = specs(run(traffic(spec)), 'Sidecar')
    expect(sidecars).toEqual({ 'bookinfo/tsb-traffic': { egress: [{ hosts: [...hosts, ...always] }] } })
  }
})

test('reachability CLUSTER is everything; a group says it for itself, whatever the workspace says', () => {
  const above = setting({ defaultTrafficSetting: { outbound: { reachability: { mode: 'NAMESPACE' } } } })
  expect(specs(run(above), 'Sidecar')).toHaveProperty(['bookinfo/tsb-traffic'])
  expect(specs(run(above, traffic({ outbound: { reachability: { mode: 'CLUSTER' } } })), 'Sidecar')).toEqual({})
  expect(specs(run(above, traffic({ outbound: { reachability: { mode: 'UNSET' } } })), 'Sidecar')).toHaveProperty([
    'bookinfo/tsb-traffic',
  ])
})

test('who leaves by a gateway calls no unknown hosts', () => {
  const result = run(traffic({ outbound: { egress: { host: 'egress/out.egress.svc.cluster.local' } } }))
  expect(specs(result, 'Sidecar')).toEqual({
    'bookinfo/tsb-traffic': { egress: [{ hosts: ['*/*'] }], outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } },
  })
})

test('how hosts are called is a patch of the callers', () => {
  const settings = {
    loadBalancer: { consistentHash: { httpHeaderName: 'x-user', maglev: { tableSize: 131 } } },
    resilience: {
      circuitBreakerSensitivity: 'HIGH',
      connectionPool: {
        tcp: { connectTimeout: '3s', maxConnections: 7, keepAlive: { idleTime: 9 } },
        http: {
          maxRequests: 8,
          maxRequestsPerConnection: 2,
          requestTimeout: '4s',
          retries: { attempts: 3, retryOn: '503,reset' },
        },
      },
    },
  }
  const result = run(traffic({ outbound: { upstreamTrafficSettings: [{ hosts: ['bookinfo/reviews'], settings }] } }))
  const match = { context: 'SIDECAR_OUTBOUND', cluster: { service: 'reviews.bookinfo.svc.cluster.local' } }
  expect(patchesOf(result, 'tsb-traffic-upstream')).toMatchObject([
    {
      applyTo: 'CLUSTER',
      match,
      patch: {
        value: {
          connect_timeout: '3s',
          lb_policy: 'MAGLEV',
          maglev_lb_config: { table_size: 131 },
          outlier_detection: { consecutive_gateway_failure: 5, enforcing_consecutive_5xx: 0 },
          upstream_connection_options: { tcp_keepalive: { keepalive_time: 9 } },
        },
      },
    },
    {
      applyTo: 'CLUSTER',
      match,
      patch: {
        operation: 'MERGE_AND_REPLACE_LIST',
        value: { circuit_breakers: { thresholds: [{ max_connections: 7, max_requests: 8 }] } },
      },
    },
    {
      applyTo: 'HTTP_ROUTE',
      match: {
        routeConfiguration: { vhost: { domainName: 'reviews.bookinfo.svc.cluster.local', route: { action: 'ROUTE' } } },
      },
      patch: {
        value: {
          route: {
            timeout: '4s',
            hash_policy: [{ header: { header_name: 'x-user' } }],
            retry_policy: { num_retries: 3, retry_on: 'reset,retriable-status-codes', retriable_status_codes: [503] },
          },
        },
      },
    },
  ])
  expect(patchProblems(result)).toEqual([])
})

test('the older spelling is of all hosts', () => {
  const result = run(
    traffic({ resilience: { httpRequestTimeout: '1s', circuitBreakerSensitivity: 'LOW', tcpKeepalive: true } }),
  )
  expect(patchesOf(result, 'tsb-traffic-upstream')).toMatchObject([
    {
      applyTo: 'CLUSTER',
      match: { context: 'SIDECAR_OUTBOUND' },
      patch: { value: { outlier_detection: { consecutive_gateway_failure: 20 } } },
    },
    { applyTo: 'HTTP_ROUTE', patch: { value: { route: { timeout: '1s' } } } },
  ])
  expect(patchProblems(result)).toEqual([])
})

test('what is taken in: durations, probes and limits; of one service only its pods', () => {
  const inbound = {
    rateLimiting: { local: { rules: [{ tokenBucket: { maxTokens: 5, fillInterval: '60s' } }] } },
    resilience: {
      connectionPool: { tcp: { keepAlive: { idleTime: 9, interval: 3, probes: 2 } } },
      meshTimeout: { maxConnectionDuration: '60s', maxStreamDuration: '5s', maxDownstreamConnectionDuration: '70s' },
    },
  }
  const result = run(traffic({ inbound }))
  expect(patchesOf(result, 'tsb-traffic-inbound').map(({ applyTo }) => applyTo)).toEqual([
    'NETWORK_FILTER',
    'NETWORK_FILTER',
    'LISTENER',
  ])
  expect(patchesOf(result, 'tsb-traffic-local-rate-limit').map(({ applyTo }) => applyTo)).toEqual([
    'HTTP_FILTER',
    'VIRTUAL_HOST',
  ])
  expect(patchProblems(result)).toEqual([])
  const ofService = `
apiVersion: traffic.tsb.tetrate.io/v2
kind: ServiceTrafficSetting
metadata: {name: details, namespace: tsb, annotations: ${annotations}}
spec: ${JSON.stringify({ service: 'bookinfo/details', settings: { inbound } })}
`
  expect(specs(run(ofService), 'EnvoyFilter')).toMatchObject({
    'bookinfo/tsb-traffic-details-inbound': { workloadSelector: { labels: { app: 'details' } } },
  })
})

test('a limit that needs a server names what is missing', () => {
  const external = { domain: 'd', rateLimitServerUri: 'nowhere', rules: [] }
  for (const rateLimiting of [{ externalService: external }, { settings: { rules: [] } }]) {
    const result = run(traffic({ inbound: { rateLimiting } }))
    expect(result.problems).toMatchObject([
      { code: 'not-supported', severity: 'error', object: { kind: 'TrafficSetting' } },
    ])
    expect(objectsOn(result, 'one', 'EnvoyFilter')).toEqual([])
  }
})

/** What proxies could not read of the patches. */
function patchProblems({ objects }: TranslateResult): string[] {
  return objects.flatMap(({ cluster, object }) =>
    envoyFilterProblems(object, cluster).map(({ path, message }) => `${path}: ${message}`),
  )
}
