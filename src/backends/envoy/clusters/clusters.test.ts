// Fields of DestinationRules that become fields of clusters.
import { toJson } from '@bufbuild/protobuf'
import { anyUnpack } from '@bufbuild/protobuf/wkt'
import { expect, test } from 'vitest'
import type { Cluster } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
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
`

function clusterWith(policy: string): Cluster {
  const rule = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: cart, namespace: shop }
spec: { host: cart, trafficPolicy: ${policy} }
`
  const { clusters } = buildProxyConfig(worldOf({ east: service + rule }), proxyOf({}))
  const found = clusters.find(({ resource }) => resource.name === 'outbound|80||cart.shop.svc.cluster.local')
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
