import { describe, expect, test } from 'vitest'
import { groupKind, type KubeObject } from '../resources/index.ts'
import {
  allServices,
  endpointsOfService,
  gatewayNamePlace,
  gatewayNames,
  networkGateways,
  servicesOfHost,
  snapshotOf,
  staticWorld,
} from './index.ts'

const object = (apiVersion: string, kind: string, name: string, rest: object = {}, labels = {}): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, namespace: 'shop', labels },
  ...rest,
})

const service = (clusterIP: string, ports: object[]): KubeObject =>
  object('v1', 'Service', 'cart', { spec: { clusterIP, ports, selector: { app: 'cart' } } })

const pod = (name: string): KubeObject =>
  object(
    'v1',
    'Pod',
    name,
    { spec: { serviceAccountName: 'cart', nodeName: 'n1' } },
    { 'security.istio.io/tlsMode': 'istio' },
  )

const slice = (name: string, endpoints: object[], port = 8080): KubeObject =>
  object(
    'discovery.k8s.io/v1',
    'EndpointSlice',
    name,
    { addressType: 'IPv4', ports: [{ name: 'http', port }], endpoints },
    {
      'kubernetes.io/service-name': 'cart',
    },
  )

const node: KubeObject = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'n1', labels: { 'topology.kubernetes.io/region': 'r', 'topology.kubernetes.io/zone': 'z' } },
}

const world = (clusters: Record<string, KubeObject[]>) =>
  staticWorld(snapshotOf(new Map(Object.entries(clusters)), groupKind), { primary: Object.keys(clusters)[0] ?? '' })

const host = 'cart.shop.svc.cluster.local'

describe('services', () => {
  test('of one name in several clusters are one, described by the first cluster', () => {
    const [merged, ...others] = world({
      east: [service('10.0.0.1', [{ name: 'http', port: 80 }])],
      west: [service('10.9.0.1', [{ name: 'tcp', port: 81 }])],
    }).get(servicesOfHost, host)
    expect(others).toEqual([])
    expect(merged?.ports).toEqual([{ number: 80, name: 'http', protocol: 'HTTP' }])
    expect([...(merged?.addresses ?? [])]).toEqual([
      ['east', ['10.0.0.1']],
      ['west', ['10.9.0.1']],
    ])
    expect(merged?.origin.map(({ cluster }) => cluster)).toEqual(['east', 'west'])
  })
})

describe('endpoints', () => {
  test('carry what their pod and node tell', () => {
    const targetRef = { kind: 'Pod', name: 'cart-1' }
    const [endpoint] = world({
      east: [service('10.0.0.1', []), node, pod('cart-1'), slice('s', [{ addresses: ['10.1.0.1'], targetRef }])],
    }).get(endpointsOfService, { namespace: 'shop', host })
    expect(endpoint).toMatchObject({ address: '10.1.0.1', port: 8080, portName: 'http', health: 'healthy' })
    expect(endpoint?.workload).toMatchObject({
      identity: 'spiffe://cluster.local/ns/shop/sa/cart',
      locality: 'r/z/',
      meshTls: true,
      cluster: 'east',
    })
    expect(endpoint?.workload.labels).toMatchObject({
      'topology.istio.io/cluster': 'east',
      'kubernetes.io/hostname': 'n1',
    })
  })

  test('wait for their pod, leave when it terminates, and are kept while not ready', () => {
    const found = world({
      east: [
        service('10.0.0.1', []),
        slice('s', [
          { addresses: ['10.1.0.1'], targetRef: { kind: 'Pod', name: 'unknown' } },
          { addresses: ['10.1.0.2'], conditions: { ready: false, serving: true, terminating: true } },
          { addresses: ['10.1.0.3'], conditions: { ready: false } },
        ]),
      ],
    }).get(endpointsOfService, { namespace: 'shop', host })
    expect(found.map(({ address, health }) => [address, health])).toEqual([['10.1.0.3', 'unhealthy']])
  })
})

test('a labelled load balancer is the way into its network', () => {
  const gateway = object(
    'v1',
    'Service',
    'eastwest',
    {
      spec: { type: 'LoadBalancer', ports: [{ name: 'tls', port: 15443 }] },
      status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }, { ip: '192.0.2.2' }] } },
    },
    { 'topology.istio.io/network': 'net-a' },
  )
  const gateways = world({ east: [gateway] }).get(networkGateways, undefined)
  expect(gateways.scale).toBe(2)
  expect(gateways.of('net-a', 'east').map(({ address, port }) => `${address}:${port}`)).toEqual([
    '192.0.2.1:15443',
    '192.0.2.2:15443',
  ])
  expect(gateways.of('net-b', 'west')).toEqual([])
})

test('a load balancer with a name is at the addresses of the name', () => {
  const gateway = object(
    'v1',
    'Service',
    'eastwest',
    {
      spec: { type: 'LoadBalancer', ports: [{ name: 'tls', port: 15443 }] },
      status: { loadBalancer: { ingress: [{ hostname: 'lb.example' }] } },
    },
    { 'topology.istio.io/network': 'net-a' },
  )
  const snapshot = snapshotOf(new Map([['east', [gateway]]]), groupKind)
  const addresses = (documents: ReadonlyMap<string, string>): string[] =>
    staticWorld(snapshot, { primary: 'east', documents })
      .get(networkGateways, undefined)
      .all.map(({ address }) => address)
  expect(addresses(new Map())).toEqual(['lb.example'])
  expect(addresses(new Map([[gatewayNamePlace('lb.example'), '["192.0.2.7","192.0.2.8"]']]))).toEqual([
    '192.0.2.7',
    '192.0.2.8',
  ])
  expect(staticWorld(snapshot, { primary: 'east' }).get(gatewayNames, undefined)).toEqual(['lb.example'])
})

describe('discovery selectors', () => {
  const settings = (mesh: string): KubeObject =>
    ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'istio', namespace: 'istio-system' },
      data: { mesh },
    }) as KubeObject
  const namespace = (labels: Record<string, string>): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'shop', labels },
  })
  const cart = service('10.0.0.1', [{ name: 'http', port: 80 }])
  const entry = object('networking.istio.io/v1', 'ServiceEntry', 'db', {
    spec: { hosts: ['db.example.com'], ports: [{ number: 80, name: 'http', protocol: 'HTTP' }], resolution: 'DNS' },
  })
  const hosts = (mesh: string, east: Record<string, string>, west: Record<string, string>) => {
    const both = world({
      east: [settings(mesh), namespace(east), cart, entry, slice('cart-1', [{ addresses: ['10.1.0.1'] }])],
      west: [namespace(west), cart, slice('cart-1', [{ addresses: ['10.2.0.1'] }])],
    })
    return both.get(allServices, undefined).map((found) => ({
      host: found.host,
      from: both.get(endpointsOfService, found).map(({ address }) => address),
    }))
  }
  const inMesh =
    'discoverySelectors: [{matchLabels: {mesh: yes-please}}, {matchExpressions: [{key: team, operator: In, values: [a, b]}]}]'

  test.each([
    ['no selector: all', '{}', {}, {}, ['10.1.0.1', '10.2.0.1'], true],
    ['one of several suffices', inMesh, { team: 'b' }, { mesh: 'yes-please' }, ['10.1.0.1', '10.2.0.1'], true],
    ['cluster by cluster', inMesh, { team: 'c' }, { team: 'a' }, ['10.2.0.1'], false],
    [
      'what cannot be read selects nothing away',
      'discoverySelectors: [{matchExpressions: [{key: a, operator: Near}]}]',
      {},
      {},
      ['10.1.0.1', '10.2.0.1'],
      true,
    ],
  ])('%s', (_, mesh, east, west, from, hasEntry) => {
    const found = hosts(mesh, east, west)
    expect(found.find((each) => each.host === host)?.from).toEqual(from)
    expect(found.some((each) => each.host === 'db.example.com')).toBe(hasEntry)
  })

  test('a namespace that nothing selects is not there', () => {
    expect(hosts(inMesh, {}, { team: 'c' })).toEqual([])
  })
})

test('a Gateway of the Gateway API leads into the network of its label', () => {
  const gateway = (name: string, gatewayClassName: string, port: number, tls?: object) =>
    object(
      'gateway.networking.k8s.io/v1',
      'Gateway',
      name,
      {
        spec: {
          gatewayClassName,
          addresses: [
            { type: 'IPAddress', value: '192.0.2.9' },
            { type: 'NamedAddress', value: 'x' },
          ],
          listeners: [
            { name: 'status', port: 15021 },
            { name: 'door', port, ...(tls && { tls }) },
          ],
        },
      },
      { 'topology.istio.io/network': 'net-b' },
    )
  const options = { mode: 'Passthrough', options: { 'gateway.istio.io/listener-protocol': 'auto-passthrough' } }
  const found = (cluster: string, ...objects: ReturnType<typeof gateway>[]): string[] =>
    world({ east: [], [cluster]: objects })
      .get(networkGateways, undefined)
      .of('net-b', cluster)
      .map(({ address, port }) => `${address}:${port}`)
  expect(found('west', gateway('by-port', 'istio', 15443, { mode: 'Passthrough' }))).toEqual(['192.0.2.9:15443'])
  expect(found('west', gateway('by-option', 'istio', 8443, options))).toEqual(['192.0.2.9:8443'])
  expect(found('west', gateway('plain', 'istio', 15443))).toEqual([])
  expect(found('east', gateway('far', 'istio-remote', 15443, {}))).toEqual(['192.0.2.9:15443'])
  expect(found('west', gateway('not-ours', 'istio-remote', 15443, {}))).toEqual([])
})
