// Virtual hosts on demand: what a proxy costs follows from what it uses.
import { fromBinary } from '@bufbuild/protobuf'
import { expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { VirtualHostSchema } from '#gen/envoy/config/route/v3/route_components_pb.js'
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js'
import { type ResourceChange, typeUrls } from '../../ads/index.ts'
import { type Proxy, proxyOfNode } from '../../mesh/index.ts'
import { Engine } from '../../pipeline/index.ts'
import { groupKind, type KubeObject, objectKey } from '../../resources/index.ts'
import { meshBackend } from './mesh-backend.ts'
import { ObjectTables } from './object-tables.ts'
import { TrackedWorlds } from './tracked-world.ts'
import { Views } from './views.ts'
import { XdsResource } from './xds-resource.ts'

const service = (i: number): string => `
apiVersion: v1
kind: Service
metadata: { name: s${i}, namespace: shop }
spec: { clusterIP: 10.1.${Math.floor(i / 200)}.${(i % 200) + 1}, selector: { app: s${i} }, ports: [{ name: http, port: 80 }] }`

const virtualService = (i: number, timeout: string): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: s${i}, namespace: shop, creationTimestamp: "2030-01-01T00:00:00Z" }
spec: { hosts: [s${i}.shop.svc.cluster.local], http: [{ timeout: ${timeout}, route: [{ destination: { host: s${i}.shop.svc.cluster.local } }] }] }`

function setUp(services: number, metadata: Record<string, unknown>, incremental = true) {
  const engine = new Engine()
  const tables = new ObjectTables(engine)
  const views = new Views(engine, new TrackedWorlds(tables), meshBackend)
  const write = (text: string): void => {
    for (const document of parseAllDocuments(text)) {
      const object = document.toJS() as KubeObject
      tables.set('east', groupKind(object), objectKey(object), object)
    }
    engine.rebuild()
  }
  write(Array.from({ length: services }, (_, i) => service(i)).join('\n---'))
  const proxy = proxyOfNode({
    id: 'sidecar~10.9.0.1~p.shop~shop.svc.cluster.local',
    metadata: { NAMESPACE: 'shop', CLUSTER_ID: 'east', LABELS: {}, INSTANCE_IPS: '10.9.0.1', ...metadata },
    locality: { region: '', zone: '', subZone: '' },
    incremental,
  })
  const told: ResourceChange[] = []
  const connection = views.connect('east', proxy as Proxy, (change) => told.push(change))
  const { resources } = connection
  const get = (typeUrl: string, name: string): Uint8Array | undefined => {
    const found = resources.get(typeUrl, name)
    return found instanceof XdsResource ? found.message() : undefined
  }
  const routes = (name: string) => fromBinary(RouteConfigurationSchema, get(typeUrls.route, name) ?? new Uint8Array())
  const host = (name: string) => {
    const bytes = get(typeUrls.virtualHost, name)
    return bytes && fromBinary(VirtualHostSchema, bytes)
  }
  const cluster = (name: string) => {
    const bytes = get(typeUrls.cluster, name)
    return bytes && fromBinary(ClusterSchema, bytes)
  }
  const names = (typeUrl: string) => resources.lists(typeUrl).flatMap((list) => list.names)
  /** What a proxy would be given with what it has of a type. */
  const leadsTo = (typeUrl: string, name: string) => resources.get(typeUrl, name)?.refersTo ?? []
  const close = () => connection.close()
  return { write, told, routes, host, cluster, names, leadsTo, close, views, resources }
}

const onDemand = { FAIRLEAD_ON_DEMAND: 'true' }

it('gives route configurations without hosts, and each host to those who ask for it', () => {
  const { routes, host } = setUp(3, onDemand)
  expect(routes('80').virtualHosts).toEqual([])
  expect(routes('80').vhds?.configSource?.configSourceSpecifier.case).toBe('ads')
  const found = host('80/s1.shop:80')
  expect(found?.domains).toEqual(['s1.shop'])
  expect(found?.routes[0]?.action.value).toMatchObject({
    clusterSpecifier: { value: 'outbound|80||s1.shop.svc.cluster.local' },
  })
  // A host that nobody knows goes where the rest goes.
  expect(host('80/example.com')?.domains).toEqual(['example.com'])
  expect(host('80/example.com')?.routes[0]?.action.value).toMatchObject({
    clusterSpecifier: { value: 'PassthroughCluster' },
  })
  expect(host('nonsense')).toBeUndefined()
})

it('tells changes of hosts that were asked for, and of no others', () => {
  const { write, told, host, close, views } = setUp(3, onDemand)
  host('80/s1.shop')
  write(virtualService(2, '1s'))
  expect(told.flatMap((change) => [...(change.get(typeUrls.virtualHost) ?? [])])).toEqual([])
  write(virtualService(1, '1s'))
  expect(told.flatMap((change) => [...(change.get(typeUrls.virtualHost) ?? [])])).toEqual(['80/s1.shop'])
  expect(host('80/s1.shop')?.routes[0]?.action.value).toMatchObject({ timeout: { seconds: 1n } })
  close()
  expect(views.size).toBe(0)
})

it('tells hosts that were asked for when the proxy sees another mesh', () => {
  const { write, told, host } = setUp(3, onDemand)
  host('80/s1.shop')
  write(`
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: default, namespace: shop }
spec: { egress: [{ hosts: ["./s2.shop.svc.cluster.local"] }] }`)
  expect(told.some((change) => change.get(typeUrls.virtualHost)?.has('80/s1.shop'))).toBe(true)
  expect(host('80/s1.shop')?.routes[0]?.action.value).toMatchObject({
    clusterSpecifier: { value: 'PassthroughCluster' },
  })
})

it('gives all hosts to those who did not ask for it', () => {
  expect(setUp(3, {}).routes('80').virtualHosts).toHaveLength(4)
  const annotated = setUp(3, { ANNOTATIONS: { 'fairlead.dev/on-demand': 'true' } })
  expect(annotated.routes('80').virtualHosts).toEqual([])
})

it('says which clusters a host leads to: weights, mirrors, and what has no service yet', () => {
  const { write, leadsTo, cluster, told } = setUp(4, onDemand)
  expect(leadsTo(typeUrls.virtualHost, '80/s1.shop')).toEqual(['outbound|80||s1.shop.svc.cluster.local'])
  expect(leadsTo(typeUrls.virtualHost, '80/example.com')).toEqual([])
  write(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: s1, namespace: shop }
spec:
  hosts: [s1]
  http:
  - match: [{ uri: { prefix: /new } }]
    mirrors: [{ destination: { host: s3 } }, { destination: { host: nowhere } }]
    route: [{ destination: { host: s2 }, weight: 1 }, { destination: { host: s0 }, weight: 9 }]
  - route: [{ destination: { host: s1 } }]`)
  expect(leadsTo(typeUrls.virtualHost, '80/s1.shop').toSorted()).toEqual(
    ['nowhere', 's0', 's1', 's2', 's3'].map((name) => `outbound|80||${name}.shop.svc.cluster.local`),
  )
  const missing = 'outbound|80||nowhere.shop.svc.cluster.local'
  expect(cluster(missing)).toBeUndefined()
  write(service(9).replaceAll('s9', 'nowhere'))
  expect(told.flatMap((change) => [...(change.get(typeUrls.cluster) ?? [])])).toEqual([missing])
  expect(cluster(missing)?.name).toBe(missing)
})

it('finds the host whose domain fits best: the whole name, then the longest wildcard', () => {
  const { write, leadsTo } = setUp(1, onDemand)
  write(
    ['"*.example.com"', 'a.example.com', '"*.b.example.com"']
      .map(
        (host, i) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: e${i}, namespace: shop }
spec: { hosts: [${host}], ports: [{ number: 80, name: http, protocol: HTTP }], location: MESH_EXTERNAL, resolution: NONE }`,
      )
      .join('\n---'),
  )
  const found = ['a.example.com', 'A.Example.com:80', 'x.example.com', 'x.b.example.com', 'b.example.com'].map(
    (host) => leadsTo(typeUrls.virtualHost, `80/${host}`)[0],
  )
  const [own, wild, wilder] = ['a.example.com', '*.example.com', '*.b.example.com'].map(
    (host) => `outbound|80||${host}`,
  )
  expect(found).toEqual([own, own, wild, wilder, wild])
})

it('gives at once what is there whatever the services, and clusters of services by name', () => {
  const { names, cluster, resources, told, write } = setUp(3, onDemand)
  expect(names(typeUrls.cluster)).toEqual(['BlackHoleCluster', 'PassthroughCluster', 'InboundPassthroughCluster'])
  expect(names(typeUrls.endpoint)).toEqual([])
  expect(resources.includes(typeUrls.cluster, 'outbound|80||s1.shop.svc.cluster.local')).toBe(false)
  expect(cluster('outbound|80||s1.shop.svc.cluster.local')).toBeDefined()
  expect(resources.get(typeUrls.endpoint, 'outbound|80||s1.shop.svc.cluster.local')).toBeDefined()
  const rule = (host: string): string => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${host}, namespace: shop }
spec: { host: ${host}, trafficPolicy: { connectionPool: { tcp: { connectTimeout: 3s } } } }`
  write(rule('s2'))
  expect(told.flatMap((change) => [...change.keys()])).toEqual([])
  write(rule('s1'))
  expect(told.flatMap((change) => [...(change.get(typeUrls.cluster) ?? [])])).toEqual([
    'outbound|80||s1.shop.svc.cluster.local',
  ])
  expect(cluster('outbound|80||s1.shop.svc.cluster.local')?.connectTimeout?.seconds).toBe(3n)
})

it('gives what listeners lead to with them', () => {
  const tcp = service(7).replace('name: http', 'name: tcp').replace('port: 80', 'port: 5432')
  const sniffed = service(8).replace('name: http, port: 80', 'port: 7000')
  const { write, names, leadsTo } = setUp(3, onDemand)
  write(`${tcp}\n---${sniffed}`)
  const all = names(typeUrls.listener).flatMap((name) => leadsTo(typeUrls.listener, name))
  expect([...new Set(all)].toSorted()).toEqual([
    'outbound|5432||s7.shop.svc.cluster.local',
    'outbound|7000||s8.shop.svc.cluster.local',
  ])
})

it('is switched by labels of namespaces too, of which the nearest counts; never for streams that tell everything', () => {
  const isOnDemand = (labels: readonly (readonly [string, string])[], metadata = {}, incremental = true): boolean => {
    const { write, routes } = setUp(1, metadata, incremental)
    for (const [namespace, value] of labels)
      write(`
apiVersion: v1
kind: Namespace
metadata: { name: ${namespace}, labels: { fairlead.dev/on-demand: "${value}" } }`)
    return routes('80').vhds !== undefined
  }
  expect(isOnDemand([])).toBe(false)
  expect(isOnDemand([['shop', 'true']])).toBe(true)
  expect(isOnDemand([['other', 'true']])).toBe(false)
  expect(isOnDemand([['istio-system', 'true']])).toBe(true)
  const off = ['shop', 'false'] as const
  expect(isOnDemand([['istio-system', 'true'], off])).toBe(false)
  const annotated = { ANNOTATIONS: { 'fairlead.dev/on-demand': 'true' } }
  expect(isOnDemand([off], annotated)).toBe(true)
  expect(isOnDemand([['shop', 'true']], { ANNOTATIONS: { 'fairlead.dev/on-demand': 'false' } })).toBe(false)
  expect(isOnDemand([], annotated, false)).toBe(false)
})

it('costs what is used: ten services of a thousand', () => {
  const size = (metadata: Record<string, unknown>): number => {
    const { resources } = setUp(1000, metadata)
    let bytes = resources.get(typeUrls.route, '80')?.size ?? 0
    for (let i = 0; i < 10; i++) bytes += resources.get(typeUrls.virtualHost, `80/s${i}.shop`)?.size ?? 0
    return bytes
  }
  expect(size(onDemand) * 50).toBeLessThan(size({}))
})
