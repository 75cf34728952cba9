import { create, fromJson } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { BootstrapSchema } from '#gen/envoy/config/bootstrap/v3/bootstrap_pb.js'
import { SecretSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js'
import { bootstrap, nodeId, secretFiles } from './bootstrap.ts'
import { isGateway, needsSidecar, proxyEnvironment } from './inject.ts'
import type { ProxyOptions } from './options.ts'

const options: ProxyOptions = {
  role: 'sidecar',
  envoyPath: '/usr/bin/envoy',
  directory: '/tmp/pod',
  address: '127.16.0.5',
  appAddress: '127.80.0.5',
  ports: [{ port: 9080, bind: '127.16.0.5:9080', app: '127.80.0.5:9080' }],
  pod: {
    name: 'reviews-v1-abc',
    namespace: 'default',
    labels: { app: 'reviews', version: 'v1' },
    annotations: { 'sidecar.istio.io/inject': 'true', other: 'x' },
    serviceAccount: 'bookinfo-reviews',
    nodeName: 'east-control-plane',
    workloadName: 'reviews-v1',
  },
  cluster: 'east',
  network: 'network-east',
  locality: { region: 'eu', zone: 'eu-a' },
  xds: { address: '127.0.0.1:15012', rootFile: '/tmp/root.pem' },
  token: () => Promise.resolve('token'),
  log: () => undefined,
}

const withoutExtensions = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, inner: unknown) => (key.includes('typed_') ? undefined : inner)))

describe('bootstrap', () => {
  it('is a message that Envoy reads, with the pod as its node', () => {
    const message = fromJson(BootstrapSchema, withoutExtensions(bootstrap(options)) as Parameters<typeof fromJson>[1])
    expect(message.node?.id).toBe('sidecar~127.16.0.5~reviews-v1-abc.default~default.svc.cluster.local')
    expect(message.node?.cluster).toBe('reviews.default')
    expect(message.node?.metadata).toMatchObject({
      CLUSTER_ID: 'east',
      FAIRLEAD_DATA_PATH: 'loopback',
      FAIRLEAD_INBOUND_PORTS: options.ports,
      ANNOTATIONS: { 'sidecar.istio.io/inject': 'true' },
    })
    expect(message.staticResources?.clusters.map((cluster) => cluster.name)).toEqual(['xds-grpc', 'envoy-admin'])
    expect(nodeId({ ...options, role: 'gateway' })).toMatch(/^router~/)
  })

  it('keeps its certificate in secrets that Envoy reads', () => {
    for (const { content } of secretFiles('/tmp/pod', { chain: 'CHAIN', key: 'KEY', roots: 'ROOTS' })) {
      const { resources } = content as { resources: [Record<string, unknown>] }
      const { '@type': type, ...secret } = resources[0]
      expect(type).toBe('type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret')
      const message = fromJson(SecretSchema, secret as Parameters<typeof fromJson>[1])
      expect(message.type.case).toBeDefined()
      expect(message).not.toEqual(create(SecretSchema))
    }
  })
})

describe('injection', () => {
  const namespace = (labels: Record<string, string>, name = 'shop') => ({ name, labels })
  const pod = (labels: Record<string, string> = {}, annotations: Record<string, string> = {}) => ({
    metadata: { labels, annotations },
  })

  it('follows the namespace, unless the pod says otherwise', () => {
    expect(needsSidecar(pod(), namespace({ 'istio-injection': 'enabled' }))).toBe(true)
    expect(needsSidecar(pod(), namespace({ 'istio.io/rev': 'stable' }))).toBe(true)
    expect(needsSidecar(pod(), namespace({}))).toBe(false)
    expect(
      needsSidecar(pod({}, { 'sidecar.istio.io/inject': 'false' }), namespace({ 'istio-injection': 'enabled' })),
    ).toBe(false)
    expect(needsSidecar(pod({ 'sidecar.istio.io/inject': 'true' }), namespace({}))).toBe(true)
    expect(needsSidecar(pod(), namespace({ 'istio-injection': 'disabled', 'istio.io/rev': 'stable' }))).toBe(false)
  })

  it('leaves out system namespaces and the host network', () => {
    expect(needsSidecar(pod(), namespace({ 'istio-injection': 'enabled' }, 'kube-system'))).toBe(false)
    const onHost = { ...pod(), spec: { hostNetwork: true } }
    expect(needsSidecar(onHost, namespace({ 'istio-injection': 'enabled' }))).toBe(false)
  })

  it('knows gateways by image and role', () => {
    expect(isGateway({ image: 'docker.io/istio/proxyv2:1.30.0', args: ['proxy', 'router'] })).toBe(true)
    expect(isGateway({ image: 'docker.io/istio/proxyv2:1.30.0', args: ['proxy', 'sidecar'] })).toBe(false)
    expect(isGateway({ image: 'nginx', args: ['router'] })).toBe(false)
  })

  it('tells programs where their proxy is, in every spelling', () => {
    const environment = proxyEnvironment('127.16.0.5', 15001)
    expect(environment['http_proxy']).toBe('http://127.16.0.5:15001')
    expect(environment['HTTPS_PROXY']).toBe('http://127.16.0.5:15001')
    expect(environment['NODE_USE_ENV_PROXY']).toBe('1')
  })
})
