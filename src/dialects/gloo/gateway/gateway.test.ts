// Gateways of Gloo Mesh: connections by TCP, and routes that cannot work.
import { expect, test } from 'vitest'
import { TranslateSession } from '../../../cli/translate-session.ts'
import { managementCluster } from '../../testdata/bookinfo.ts'

const registered = `
apiVersion: multicluster.solo.io/v1alpha1
kind: KubernetesCluster
metadata: {name: mgmt, namespace: gloo-mesh}
spec: {secretName: mgmt}
---`

const gateway = (port: string, handlers: string): string => `
apiVersion: networking.enterprise.mesh.gloo.solo.io/v1beta1
kind: VirtualGateway
metadata: {name: gw, namespace: gloo-mesh}
spec:
  ingressGatewaySelectors: [{portName: ${port}, destinationSelectors: [{kubeServiceMatcher: {labels: {istio: ingressgateway}}}]}]
  connectionHandlers: ${handlers}
---`

function translate(yaml: string) {
  const session = new TranslateSession('mgmt', {}, [{ name: 'mgmt', yaml: `${managementCluster}${registered}${yaml}` }])
  const { objects, statuses } = session.answer()
  return {
    services: objects.filter(({ object }) => object.kind === 'VirtualService').map(({ object }) => object),
    status: (kind: string) => statuses.find(({ object }) => object.kind === kind)?.object.status,
  }
}

const kube = (name: string): string => `{kube: {name: ${name}, namespace: default, clusterName: mgmt}}`
const to = (host: string) => [expect.objectContaining({ destination: expect.objectContaining({ host }) })]

test('handlers of one port are told apart by the names that clients ask for', () => {
  const { services } = translate(
    gateway(
      'tls',
      `[{connectionMatch: {serverNames: [a.example.com]}, connectionOptions: {sslConfig: {tlsMode: PASSTHROUGH}}, tcp: {tcpHosts: [{destination: ${kube('reviews')}}]}},
        {connectionMatch: {serverNames: [b.example.com]}, connectionOptions: {sslConfig: {secretName: b}}, tcp: {tcpHosts: [{destination: ${kube('productpage')}}]}}]`,
    ),
  )
  const gateways = [expect.stringMatching(/^istio-system\/gw-/)]
  expect(services.map(({ metadata, spec }) => [metadata.name, spec])).toEqual([
    [
      'gw-tcp-gloo-mesh',
      {
        hosts: ['a.example.com'],
        gateways,
        tls: [
          {
            match: [{ port: 15443, sniHosts: ['a.example.com'] }],
            route: to('reviews.default.svc.cluster.local'),
          },
        ],
      },
    ],
    [
      'gw-tcp-gloo-mesh-1',
      {
        hosts: ['b.example.com'],
        gateways,
        tcp: [{ match: [{ port: 15443 }], route: to('productpage.default.svc.cluster.local') }],
      },
    ],
  ])
})

const host = (routes: string): string =>
  `${gateway('http2', '[{http: {routeConfig: [{virtualHostSelector: {}}]}}]')}
apiVersion: networking.enterprise.mesh.gloo.solo.io/v1beta1
kind: VirtualHost
metadata: {name: host, namespace: gloo-mesh}
spec: {domains: ['*'], routes: ${routes}}
---`

const destinations = (name: string): string =>
  `destinations: [{kubeService: {name: ${name}, namespace: default, clusterName: mgmt}}]`

test('a route to a service that is not there makes its owner INVALID; the other routes work', () => {
  const { services, status } = translate(
    host(
      `[{matchers: [{uri: {prefix: /a}}], routeAction: {${destinations('ghost')}}}, {matchers: [{uri: {prefix: /b}}], routeAction: {${destinations('reviews')}}}]`,
    ),
  )
  expect(services.map(({ spec }) => spec)).toMatchObject([{ http: [{ match: [{ uri: { prefix: '/b' } }] }] }])
  expect(status('VirtualHost')).toMatchObject({
    state: 'INVALID',
    errors: [expect.stringContaining('ghost.default.mgmt not found')],
  })
})

test('a path is rewritten where it can be, and the state tells where it cannot', () => {
  const { services, status } = translate(
    host(
      `[{matchers: [{uri: {exact: /a}}, {uri: {regex: '/b.*'}}], routeAction: {pathRewrite: /c, ${destinations('reviews')}}}]`,
    ),
  )
  expect(services.map(({ spec }) => spec)).toMatchObject([
    { http: [{ match: [{ uri: { exact: '/a' } }], rewrite: { uri: '/c' } }] },
  ])
  expect(status('VirtualHost')).toMatchObject({
    state: 'INVALID',
    errors: [expect.stringContaining('regular expression')],
  })
})
