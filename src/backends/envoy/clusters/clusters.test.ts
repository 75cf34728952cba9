// Fields of DestinationRules that become fields of clusters.
import { toJson } from '@bufbuild/protobuf'
import { anyUnpack } from '@bufbuild/protobuf/wkt'
import { expect, test } from 'vitest'
import { type Cluster, Cluster_DiscoveryType } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { ClusterConfigSchema } from '#gen/envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster_pb.js'
import {
  type HttpProtocolOptions,
  HttpProtocolOptionsSchema,
} from '#gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js'
import { buildProxyConfig } from '../index.ts'
import { extensionTypes } from '../registry.ts'
import { proxyOf, worldOf } from '../test-world.ts'

const service = `
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { clusterIP: 10.5.0.1, selector: { app: cart }, ports: [{ name: http, port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: near, namespace: shop }
spec: { clusterIP: 10.5.0.2, trafficDistribution: PreferSameZone, ports: [{ name: http, port: 80 }] }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: wild, namespace: shop }
spec: { hosts: ['*.wild.example'], resolution: DYNAMIC_DNS, location: MESH_EXTERNAL, ports: [{ number: 443, name: tls, protocol: TLS }] }
---
`

function clusterWith(policy: string, host = 'cart', name = '80||cart.shop.svc.cluster.local'): Cluster {
  const rule = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: cart, namespace: shop }
spec: { host: '${host}', trafficPolicy: ${policy} }
`
  const { clusters } = buildProxyConfig(worldOf({ east: service + rule }), proxyOf({}))
  const found = clusters.find(({ resource }) => resource.name === `outbound|${name}`)
  if (!found) throw new Error('no cluster')
  return found.resource
}

function httpOptionsOf({ typedExtensionProtocolOptions }: Cluster): HttpProtocolOptions | undefined {
  const [options] = Object.values(typedExtensionProtocolOptions)
  return options && anyUnpack(options, HttpProtocolOptionsSchema)
}

test('codes that a rule names count as errors, and no others', () => {
  const options = httpOptionsOf(clusterWith('{ outlierDetection: { outlierDetectionHttpErrorCodes: [429, 503] } }'))
  const status = (code: string) => ({
    httpResponseHeadersMatch: { headers: [{ name: ':status', stringMatch: { exact: code } }] },
  })
  expect(options && toJson(HttpProtocolOptionsSchema, options, { registry: extensionTypes })).toMatchObject({
    outlierDetection: { errorMatcher: { orMatch: { rules: [status('429'), status('503')] } } },
    explicitHttpConfig: { httpProtocolOptions: {} },
  })
  expect(httpOptionsOf(clusterWith('{ outlierDetection: { consecutive5xxErrors: 3 } }'))).toBeUndefined()
})

test('a budget of retries counts requests over an interval, where one is given', () => {
  const budget = (text: string) => clusterWith(`{ retryBudget: ${text} }`).circuitBreakers?.thresholds[0]?.retryBudget
  expect(budget('{ percent: 30, budgetInterval: 2s }')).toMatchObject({
    budgetPercent: { value: 30 },
    minRetryConcurrency: 3,
    budgetInterval: { seconds: 2n },
  })
  expect(budget('{ percent: 30 }')?.budgetInterval).toBeUndefined()
})

test('where near endpoints are preferred, a share of healthy ones means nothing: unready ones are told as such', () => {
  const panic = (host: string) =>
    clusterWith('{ outlierDetection: { minHealthPercent: 40 } }', host, `80||${host}.shop.svc.cluster.local`)
      .commonLbConfig?.healthyPanicThreshold?.value
  expect(panic('cart')).toBe(40)
  expect(panic('near')).toBe(0)
})

test('TLS to hosts that requests name takes the name from the request, and Envoy is told where it is not checked', () => {
  const dynamic = (tls: string) => {
    const cluster = clusterWith(`{ tls: ${tls} }`, '*.wild.example', '443||*.wild.example')
    const type = cluster.clusterDiscoveryType
    const config = type.case === 'clusterType' && type.value.typedConfig
    return {
      insecure: config && anyUnpack(config, ClusterConfigSchema)?.allowInsecureClusterOptions,
      upstream: httpOptionsOf(cluster)?.upstreamHttpProtocolOptions,
    }
  }
  const checked = { insecure: false, upstream: { autoSni: true, autoSanValidation: true } }
  expect(dynamic('{ mode: SIMPLE }')).toMatchObject(checked)
  expect(dynamic('{ mode: ISTIO_MUTUAL }')).toMatchObject(checked)
  expect(dynamic('{ mode: SIMPLE, insecureSkipVerify: true }')).toMatchObject({
    insecure: true,
    upstream: { autoSni: true },
  })
  expect(dynamic('{ mode: SIMPLE, sni: one.wild.example }').insecure).toBe(true)
})

test('settings of a port replace those of the rule as a whole, and of a subset what a port can have', () => {
  const policy = `
    connectionPool: { tcp: { maxConnections: 10 } }
    retryBudget: { percent: 30 }
    portLevelSettings: [{ port: { number: 80 }, loadBalancer: { simple: RANDOM } }]`
  const [threshold] = clusterWith(`{${policy.trim().replaceAll('\n', ',')}}`).circuitBreakers?.thresholds ?? []
  expect(threshold?.retryBudget).toBeUndefined()
  expect(threshold?.maxConnections).toBe(4294967295)
})

test('pods of a headless service are dialled by address, or picked by a proxy that is asked by name', () => {
  const world = worldOf({
    east: `
apiVersion: v1
kind: Service
metadata: { name: db, namespace: shop }
spec: { clusterIP: None, selector: { app: db }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
`,
  })
  const found = (path: string) => {
    const proxy = proxyOf({ metadata: { FAIRLEAD_DATA_PATH: path } })
    const { clusters, routes } = buildProxyConfig(world, proxy)
    const cluster = clusters.find(({ resource }) => resource.name === 'outbound|80||db.shop.svc.cluster.local')
    const hosts = routes.flatMap(({ resource }) => resource.virtualHosts)
    const own = hosts.find(({ name }) => name === 'db.shop.svc.cluster.local:80')
    const type = cluster?.resource.clusterDiscoveryType
    return {
      type: type?.case === 'type' ? Cluster_DiscoveryType[type.value] : undefined,
      singlePods: own?.domains.some((name) => name.startsWith('*.')),
    }
  }
  expect(found('loopback')).toEqual({ type: 'EDS', singlePods: false })
  expect(found('')).toEqual({ type: 'ORIGINAL_DST', singlePods: true })
})
