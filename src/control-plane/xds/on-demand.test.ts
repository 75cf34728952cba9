// Virtual hosts on demand: what a proxy costs follows from what it uses.
import { fromBinary } from '@bufbuild/protobuf'
import { expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { VirtualHostSchema } from '#gen/envoy/config/route/v3/route_components_pb.js'
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js'
import { type ResourceChange, typeUrls } from '../../ads/index.ts'
import { type Proxy, proxyOfNode } from '../../mesh/index.ts'
import { Engine } from '../../pipeline/index.ts'
import { groupKind, type KubeObject, objectKey } from '../../resources/index.ts'
import { envoyBackend } from './envoy-backend.ts'
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

function setUp(services: number, metadata: Record<string, unknown>) {
  const engine = new Engine()
  const tables = new ObjectTables(engine)
  const views = new Views(engine, new TrackedWorlds(tables), envoyBackend)
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
  return { write, told, routes, host, close: () => connection.close(), views, resources }
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

it('costs what is used: ten services of a thousand', () => {
  const size = (metadata: Record<string, unknown>): number => {
    const { resources } = setUp(1000, metadata)
    let bytes = resources.get(typeUrls.route, '80')?.size ?? 0
    for (let i = 0; i < 10; i++) bytes += resources.get(typeUrls.virtualHost, `80/s${i}.shop`)?.size ?? 0
    return bytes
  }
  expect(size(onDemand) * 50).toBeLessThan(size({}))
})
