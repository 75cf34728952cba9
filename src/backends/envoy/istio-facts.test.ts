// Facts of Istio's own tests and answers, each with the smallest world that shows it.
import { describe, expect, test } from 'vitest'
import { buildProxyConfig, proxyConfigJson } from './index.ts'
import { proxyOf, worldOf } from './test-world.ts'

interface Answer {
  readonly clusters: readonly { name: string; [field: string]: unknown }[]
  readonly listeners: readonly { name: string; address?: unknown; filterChains?: unknown[] }[]
  readonly routes: readonly { name: string; virtualHosts?: { name: string; domains: string[] }[] }[]
  readonly endpoints: readonly { clusterName: string; endpoints?: Group[] }[]
}

interface Group {
  readonly priority?: number
  readonly lbEndpoints?: readonly {
    readonly endpoint: { readonly address: { readonly socketAddress: { readonly address: string } } }
    readonly metadata?: { readonly filterMetadata?: Readonly<Record<string, unknown>> }
  }[]
}

function answer(text: string, { proxy = {}, mesh = '' }: { proxy?: object; mesh?: string } = {}): Answer {
  const config = buildProxyConfig(worldOf({ east: text }, mesh), proxyOf({ ...proxy }))
  return proxyConfigJson(config) as unknown as Answer
}

/** `address@priority`, with `+` where the endpoint is called by mutual TLS of the mesh. */
function endpoints({ endpoints }: Answer, cluster: string): string[] {
  const groups = endpoints.find(({ clusterName }) => clusterName === cluster)?.endpoints ?? []
  return groups
    .flatMap(({ priority = 0, lbEndpoints = [] }) =>
      lbEndpoints.map(({ endpoint, metadata }) => {
        const mutual = metadata?.filterMetadata?.['envoy.transport_socket_match'] === undefined ? '' : '+'
        return `${endpoint.address.socketAddress.address}@${priority}${mutual}`
      }),
    )
    .sort()
}

const cart = `
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { clusterIP: 10.5.0.1, selector: { app: cart }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: cart-0, namespace: shop, labels: { app: cart, security.istio.io/tlsMode: istio } }
---
apiVersion: v1
kind: Pod
metadata: { name: cart-1, namespace: shop, labels: { app: cart } }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: cart-x, namespace: shop, labels: { kubernetes.io/service-name: cart } }
addressType: IPv4
ports: [{ name: http, port: 8080 }]
endpoints:
  - { addresses: [10.6.0.1], conditions: { ready: true }, targetRef: { kind: Pod, name: cart-0, namespace: shop } }
  - { addresses: [10.6.0.2], conditions: { ready: true }, targetRef: { kind: Pod, name: cart-1, namespace: shop } }
---
`
const cartCluster = 'outbound|80||cart.shop.svc.cluster.local'

const rule = (host: string, policy: string): string => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: rule, namespace: shop }
spec: { host: ${host}, trafficPolicy: { ${policy} } }
---
`

const entry = (spec: string): string => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: entry, namespace: shop }
spec: { hosts: [api.example.com], ports: [{ number: 80, name: http, protocol: HTTP }], ${spec} }
---
`

describe('mutual TLS of the mesh is spoken with an endpoint', () => {
  test.each([
    ['that has a proxy', '', ['10.6.0.1@0+', '10.6.0.2@0']],
    ['that has a proxy, even where a rule asks for it', 'tls: { mode: ISTIO_MUTUAL }', ['10.6.0.1@0+', '10.6.0.2@0']],
    [
      'unless the rule forbids it around the settings of its port',
      'tls: { mode: DISABLE }, portLevelSettings: [{ port: { number: 80 }, loadBalancer: { simple: RANDOM } }]',
      ['10.6.0.1@0', '10.6.0.2@0'],
    ],
  ])('%s', (_, policy, expected) => {
    expect(endpoints(answer(cart + (policy && rule('cart', policy))), cartCluster)).toEqual(expected)
  })
})

test('a WorkloadEntry without address stands behind a Service by the gateways of its network', () => {
  const more = `
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: vm, namespace: shop }
spec: { network: west, labels: { app: cart, security.istio.io/tlsMode: istio } }
---
apiVersion: v1
kind: Service
metadata: { name: ew, namespace: istio-system, labels: { topology.istio.io/network: west } }
spec: { type: LoadBalancer, selector: { istio: ew }, ports: [{ name: tls, port: 15443 }] }
status: { loadBalancer: { ingress: [{ ip: 2.0.0.1 }] } }
`
  const both = answer(cart + more, { proxy: { network: 'east' } })
  expect(endpoints(both, cartCluster)).toEqual(['10.6.0.1@0+', '10.6.0.2@0', '2.0.0.1@0+'])
})

test('an endpoint of a ServiceEntry is in no network that it does not name', () => {
  const network = `
apiVersion: v1
kind: Namespace
metadata: { name: istio-system, labels: { topology.istio.io/network: east } }
---
`
  const two = 'resolution: STATIC, endpoints: [{ address: 172.16.0.1 }, { address: 172.16.0.2, network: east }]'
  const policy = `outlierDetection: { consecutive5xxErrors: 3 },
    loadBalancer: { localityLbSetting: { failoverPriority: [topology.istio.io/network] } }`
  const given = answer(network + entry(two) + rule('api.example.com', policy), { proxy: { network: 'east' } })
  expect(endpoints(given, 'outbound|80||api.example.com')).toEqual(['172.16.0.1@1', '172.16.0.2@0'])
})

test('priorities by label count only what can be reached', () => {
  const entries = `resolution: STATIC, endpoints: [
    { address: 172.16.0.1, labels: { tier: gold } }, { network: west, labels: { tier: iron, version: v1 } },
    { address: 172.16.0.3, labels: { tier: iron } }]`
  const west = `
apiVersion: v1
kind: Service
metadata: { name: ew, namespace: istio-system, labels: { topology.istio.io/network: west } }
spec: { type: LoadBalancer, selector: { istio: ew }, ports: [{ name: tls, port: 15443 }] }
status: { loadBalancer: { ingress: [{ ip: 2.0.0.1 }] } }
---
`
  const policy = `outlierDetection: { consecutive5xxErrors: 3 },
    loadBalancer: { localityLbSetting: { failoverPriority: [version, tier] } }`
  const labels = { version: 'v1', tier: 'gold' }
  const given = answer(west + entry(entries) + rule('api.example.com', policy), { proxy: { network: 'east', labels } })
  expect(endpoints(given, 'outbound|80||api.example.com')).toEqual(['172.16.0.1@0', '172.16.0.3@0'])
})

test('a port of 0 for an endpoint is the port of the service', () => {
  const given = answer(entry('resolution: STATIC, endpoints: [{ address: 172.16.0.1, ports: { http: 0 } }]'))
  expect(JSON.stringify(given.endpoints)).toContain('"portValue":80')
})

test('a cluster of names stays when a locality setting takes all of them from this client', () => {
  const far = 'resolution: DNS, endpoints: [{ address: far.example.com, locality: r9/z9 }]'
  const to = 'loadBalancer: { localityLbSetting: { distribute: [{ from: r1/*, to: { r1/*: 100 } }] } }'
  const given = answer(entry(far) + rule('api.example.com', to), { proxy: { locality: 'r1/z1' } })
  expect(given.clusters.map(({ name }) => name)).toContain('outbound|80||api.example.com')
})

describe('egress listeners of a Sidecar', () => {
  const sidecar = `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: s, namespace: shop }
spec:
  egress:
    - { port: { protocol: HTTP, name: sock }, bind: 'unix:///var/run/cart.sock', hosts: ['./cart.shop.svc.cluster.local'] }
    - { hosts: ['./*'] }
---
`
  const given = answer(sidecar + cart + entry('resolution: DNS'))
  const hostsOf = (route: string) =>
    given.routes.find(({ name }) => name === route)?.virtualHosts?.map(({ name }) => name) ?? []

  test('on a socket has its path as address', () => {
    const [socket] = given.listeners.filter(({ name }) => name === 'unix:///var/run/cart.sock_0')
    expect(socket?.address).toEqual({ pipe: { path: '/var/run/cart.sock' } })
    expect(hostsOf('unix:///var/run/cart.sock')).toEqual(['cart.shop.svc.cluster.local:80', 'allow_any'])
    const [cartHost] = given.routes.find(({ name }) => name.startsWith('unix:'))?.virtualHosts ?? []
    expect(cartHost?.domains).toEqual(expect.arrayContaining(['cart.shop.svc', 'cart.shop.svc:80']))
  })

  test('on a socket are for no port', () => {
    expect(hostsOf('80')).toEqual(['api.example.com:80', 'cart.shop.svc.cluster.local:80', 'allow_any'])
  })
})

describe('of several ServiceEntries for one host', () => {
  const one = (name: string, namespace: string, year: number, ports: readonly number[], more: string): string => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: ${namespace}, creationTimestamp: '${year}-01-01T00:00:00Z' }
spec: { hosts: [api.example.com], ports: [${ports.map((port) => `{ number: ${port}, name: http-${port}, protocol: HTTP }`).join()}], ${more} }
---
`
  const portsOf = ({ clusters }: Answer): string[] =>
    clusters.flatMap(({ name }) => (name.endsWith('|api.example.com') ? [name.split('|')[1] ?? ''] : [])).sort()

  test('in a namespace, one that clients elsewhere do not see hides none that they see', () => {
    const text =
      one('old', 'bank', 2020, [80], 'resolution: DNS, exportTo: [.]') +
      one('new', 'bank', 2021, [81], 'resolution: DNS')
    expect(portsOf(answer(text))).toEqual(['81'])
    expect(portsOf(answer(text, { proxy: { namespace: 'bank' } }))).toEqual(['80'])
  })

  test('a sidecar takes its own namespace, a gateway the oldest', () => {
    const text = one('old', 'bank', 2020, [80], 'resolution: DNS') + one('new', 'shop', 2021, [81], 'resolution: DNS')
    expect(portsOf(answer(text))).toEqual(['81'])
    expect(portsOf(answer(text, { proxy: { type: 'gateway' } }))).toEqual(['80'])
  })

  test('an egress listener takes one that has its port', () => {
    const sidecar = `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: s, namespace: shop }
spec: { egress: [{ port: { number: 80, protocol: HTTP, name: http }, hosts: ['*/*'] }] }
---
`
    const text = one('old', 'bank', 2020, [80], 'resolution: DNS') + one('new', 'shop', 2021, [81], 'resolution: DNS')
    expect(portsOf(answer(sidecar + text))).toEqual(['80'])
  })
})

describe('settings of the mesh', () => {
  const clusterOf = (mesh: string, name: string) => answer('', { mesh }).clusters.find((each) => each.name === name)

  test.each(['PassthroughCluster', 'InboundPassthroughCluster'])('limit connections of %s, too', (name) => {
    const limits = clusterOf('defaultTrafficPolicy: { connectionPool: { tcp: { maxConnections: 33 } } }', name)
    expect(JSON.stringify(limits?.['circuitBreakers'])).toContain('"maxConnections":33')
  })

  test('keep connections to hosts that nobody declared alive, and let clients speak HTTP/1.0 there', () => {
    const mesh = 'outboundTrafficPolicy: { mode: ALLOW_ANY_DYNAMIC_DNS }\ntcpKeepalive: { probes: 5 }'
    const cluster = clusterOf(mesh, 'AllowAnyDynamicDNSCluster')
    expect(cluster?.['upstreamConnectionOptions']).toEqual({ tcpKeepalive: { keepaliveProbes: 5 } })
    const { listeners } = answer('', { mesh, proxy: { metadata: { HTTP10: '1' } } })
    const catching = listeners.find(({ name }) => name === 'virtualOutbound')
    expect(JSON.stringify(catching)).toContain('"acceptHttp10":true')
  })

  test('an outbound policy without mode is the strict one', () => {
    expect(clusterOf('', 'PassthroughCluster')).toBeDefined()
    const catchAll = (mesh: string) =>
      JSON.stringify(answer(cart, { mesh }).routes.map(({ virtualHosts }) => virtualHosts))
    expect(catchAll('outboundTrafficPolicy: {}')).toContain('block_all')
    expect(catchAll('')).toContain('allow_any')
  })
})

test('a Gateway that names no certificate serves with the one of its workload', () => {
  const gateway = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: gw, namespace: shop }
spec:
  selector: { app: front }
  servers: [{ port: { number: 443, name: https, protocol: HTTPS }, hosts: [a.example], tls: { mode: SIMPLE } }]
`
  const given = answer(gateway, { proxy: { type: 'gateway', labels: { app: 'front' } } })
  expect(JSON.stringify(given.listeners)).toContain('"tlsCertificateSdsSecretConfigs":[{"name":"default"')
})
