import { expect, it } from 'vitest'
import { buildProxyConfig, proxyConfigJson } from './index.ts'
import { proxyOf, worldOf } from './test-world.ts'
import { placesOf } from './unsupported-fields.ts'

it('finds fields wherever they stand', () => {
  const spec = { a: { x: { y: 1 } }, b: [{ x: { y: 2 } }, { x: {} }], m: { k: { z: 3 } }, n: null }
  expect(placesOf(spec, '**.x.y')).toEqual(['a.x.y', 'b[0].x.y'])
  expect(placesOf(spec, 'b[].x')).toEqual(['b[0].x', 'b[1].x'])
  expect(placesOf(spec, 'm{}.z')).toEqual(['m.k.z'])
  expect(placesOf(spec, 'n')).toEqual([])
})

it('tells what nothing is made from, at its place', () => {
  const rule = (name: string, more: string): string =>
    `---\n{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: ${name}, namespace: shop}, spec: {host: cart, ${more}}}\n`
  const text =
    rule(
      'a',
      'trafficPolicy: {tls: {mode: SIMPLE, credentialName: c}}, subsets: [{name: v1, trafficPolicy: {loadBalancer: {backendUtilization: {}}}}]',
    ) +
    rule('b', 'workloadSelector: {matchLabels: {app: x}}, trafficPolicy: {tls: {mode: SIMPLE, credentialName: c}}') +
    `---\n{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, metadata: {name: w, namespace: shop}, spec: {url: "oci://x"}}\n`
  const { problems } = buildProxyConfig(worldOf({ east: text }), proxyOf({}))
  expect(problems.map(({ object, path, code }) => [object.name, path, code])).toEqual([
    ['a', 'spec.subsets[0].trafficPolicy.loadBalancer.backendUtilization', 'not-supported'],
    ['w', '', 'not-supported'],
    ['a', 'spec.trafficPolicy.tls.credentialName', 'no-effect'],
  ])
})

it('reads settings of the mesh by the names that protobuf allows', () => {
  const given = (mesh: string): string =>
    JSON.stringify(proxyConfigJson(buildProxyConfig(worldOf({ east: '' }, mesh), proxyOf({}))))
  expect(given('outbound_traffic_policy: {mode: REGISTRY_ONLY}')).toBe(
    given('outboundTrafficPolicy: {mode: REGISTRY_ONLY}'),
  )
  expect(given('outbound_traffic_policy: {mode: REGISTRY_ONLY}')).not.toBe(given('{}'))
})

it('tells settings of the mesh that nobody knows, and those of the wrong form', () => {
  const mesh = 'accessLogFil: /dev/stdout\nconnectTimeout: soon\ntrust_domain: td'
  const { problems } = buildProxyConfig(worldOf({ east: '' }, mesh), proxyOf({}))
  expect(problems.map(({ severity, path }) => `${severity} ${path}`)).toEqual([
    'warning data.mesh.accessLogFil',
    'warning data.mesh.connectTimeout',
  ])
})

it('tells settings of the mesh that have no effect, but for what Istio writes anyway', () => {
  const mesh =
    'verifyCertificateAtClient: false\nenablePrometheusMerge: true\nextensionProviders: [{name: z, zipkin: {timeout: 1s}}]'
  const { problems } = buildProxyConfig(worldOf({ east: '' }, mesh), proxyOf({}))
  expect(problems.map(({ object, path, code }) => [object.name, path, code])).toEqual([
    ['istio', 'data.mesh.extensionProviders[0].zipkin.timeout', 'not-supported'],
    ['istio', 'data.mesh.verifyCertificateAtClient', 'not-supported'],
  ])
})
