import { expect, it } from 'vitest'
import { proxyConfigJson } from '../json.ts'
import { buildProxyConfig } from '../proxy-config.ts'
import { proxyOf, worldOf } from '../test-world.ts'

const service = `
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {clusterIP: 10.0.0.1, ports: [{name: http, port: 80}], selector: {app: cart}}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec: {selector: {app: edge}, servers: [{hosts: [cart.example], port: {number: 80, name: http, protocol: HTTP}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart, namespace: shop}
spec: {hosts: [cart.example], gateways: [edge], http: [{route: [{destination: {host: cart}}]}]}
`

/** The resources of a sidecar and of a gateway, as text. */
function texts(headers: string): string[] {
  const world = worldOf({ east: service }, `defaultConfig: {proxyHeaders: ${headers}}`)
  const proxies = [proxyOf({}), proxyOf({ type: 'gateway', labels: { app: 'edge' } })]
  return proxies.map((proxy) => JSON.stringify(proxyConfigJson(buildProxyConfig(world, proxy))))
}

it.each([
  ['{attemptCount: {disabled: true}}', '"includeRequestAttemptCount":true', false],
  ['{envoyDebugHeaders: {disabled: true}}', '"suppressEnvoyHeaders":true', true],
  ['{requestId: {disabled: true}}', '"generateRequestId":false', true],
  ['{server: {value: mine}}', '"serverName":"mine"', true],
  ['{server: {disabled: true}}', '"serverHeaderTransformation":"PASS_THROUGH"', true],
  ['{xForwardedHost: {enabled: true}}', '"appendXForwardedHost":true', true],
  ['{xForwardedPort: {enabled: true}}', '"appendXForwardedPort":true', true],
  ['{preserveHttp1HeaderCase: true}', 'PreserveCaseFormatterConfig', true],
])('%s holds for sidecars and gateways', (headers, part, present) => {
  expect(texts(headers).map((text) => text.includes(part))).toEqual([present, present])
  expect(texts('{}').map((text) => text.includes(part))).toEqual([!present, !present])
})
