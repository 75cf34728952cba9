// Incremental = full: after random changes every proxy has, of the tracked pipeline, exactly what a computation from
// scratch over a snapshot gives.
import { type DescMessage, fromBinary, type JsonValue, toJson } from '@bufbuild/protobuf'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js'
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js'
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js'
import { typeUrls } from '../../../ads/index.ts'
import { buildProxyConfig, extensionTypes, proxyConfigJson } from '../../../backends/envoy/index.ts'
import { staticWorld } from '../../../discovery/index.ts'
import { type Proxy, proxyOfNode } from '../../../mesh/index.ts'
import { Engine } from '../../../pipeline/index.ts'
import { groupKind, type KubeObject, objectKey, type Snapshot } from '../../../resources/index.ts'
import { ObjectTables } from '../object-tables.ts'
import { TrackedWorlds } from '../tracked-world.ts'
import { Views } from '../views.ts'
import { XdsResource } from '../xds-resource.ts'
import { envoyBackend } from './index.ts'

const kinds = {
  clusters: { typeUrl: typeUrls.cluster, schema: ClusterSchema },
  endpoints: { typeUrl: typeUrls.endpoint, schema: ClusterLoadAssignmentSchema },
  listeners: { typeUrl: typeUrls.listener, schema: ListenerSchema },
  routes: { typeUrl: typeUrls.route, schema: RouteConfigurationSchema },
} as const

const parse = (text: string): KubeObject[] => parseAllDocuments(text).map((doc) => doc.toJS() as KubeObject)

const service = (namespace: string, name: string, port: string): string => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { clusterIP: 10.1.0.1, selector: { app: ${name} }, ports: [{ name: ${port}, port: 80, targetPort: 8080 }] }`

const slice = (namespace: string, name: string, addresses: readonly string[], port: string): string => `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}-1, namespace: ${namespace}, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
ports: [{ name: ${port}, port: 8080 }]
endpoints: ${JSON.stringify(addresses.map((a, i) => ({ addresses: [a], zone: `zone-${i % 2}`, nodeName: `node-${i % 2}`, conditions: { ready: a !== '10.0.0.3' } })))}`

const virtualService = (timeout: string, subset: string, exportTo: string): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: a, namespace: one, creationTimestamp: "2030-01-01T00:00:00Z" }
spec:
  hosts: [a.one.svc.cluster.local]
  exportTo: ["${exportTo}"]
  http: [{ timeout: ${timeout}, route: [{ destination: { host: a.one.svc.cluster.local, subset: ${subset} }, weight: 70 }, { destination: { host: b }, weight: 30 }] }]`

const destinationRule = (connectTimeout: string, subsets: string, outlier: boolean): string => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: a, namespace: one, creationTimestamp: "2030-01-01T00:00:00Z" }
spec:
  host: a.one.svc.cluster.local
  subsets: [${subsets
    .split('')
    .map((s) => `{ name: ${s}, labels: { version: ${s} } }`)
    .join()}]
  trafficPolicy: { connectionPool: { tcp: { connectTimeout: ${connectTimeout} } }${outlier ? ', outlierDetection: { consecutive5xxErrors: 3 }' : ''} }`

const serviceEntry = (resolution: string): string => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: out, namespace: two, creationTimestamp: "2030-01-01T00:00:00Z" }
spec: { hosts: [out.example.com], resolution: ${resolution}, ports: [{ number: 443, name: tls, protocol: TLS }, { number: 80, name: http, protocol: HTTP }]${resolution === 'STATIC' ? ', endpoints: [{ address: 192.0.2.1 }]' : ''} }`

const sidecar = (hosts: string): string => `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: default, namespace: two }
spec: { egress: [{ hosts: ["${hosts}"] }] }`

const gateway = (port: number, mode: string): string => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: web, namespace: one }
spec:
  selector: { app: a }
  servers:
    - { port: { number: ${port}, name: http, protocol: HTTP }, hosts: ["*.example"] }
    - { port: { number: 443, name: tls, protocol: TLS }, hosts: ["*"], tls: { mode: ${mode}, credentialName: cert } }`

const edgeRoutes = (host: string, path: string): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: edge, namespace: one }
spec:
  hosts: [${host}.example]
  gateways: [web]
  http: [{ match: [{ uri: { prefix: ${path} } }], route: [{ destination: { host: a } }] }]
  tcp: [{ route: [{ destination: { host: b, port: { number: 80 } } }] }]`

const policy = (mode: string): string => `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: one }
spec: { mtls: { mode: ${mode} } }`

const meshConfig = (mode: string): string => `
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "outboundTrafficPolicy: { mode: ${mode} }" }`

/** One write: objects that come, or go. */
const step = fc
  .record({
    gone: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
    text: fc.oneof(
      fc.constantFrom('http', 'tcp', 'grpc').map((port) => service('one', 'a', port)),
      fc.constantFrom('http', 'tcp').map((port) => service('two', 'b', port)),
      fc.constantFrom('http').map((port) => service('one', 'b', port)),
      fc
        .tuple(
          fc.constantFrom('a', 'b'),
          fc.subarray(['10.0.0.1', '10.0.0.2', '10.0.0.3']),
          fc.constantFrom('http', 'tcp'),
        )
        .map(([name, addresses, port]) => slice('one', name, addresses, port)),
      fc
        .tuple(fc.constantFrom('1s', '2s'), fc.constantFrom('x', 'y'), fc.constantFrom('*', '.'))
        .map(([timeout, subset, exportTo]) => virtualService(timeout, subset, exportTo)),
      fc
        .tuple(fc.constantFrom('1s', '2s'), fc.constantFrom('', 'x', 'xy'), fc.boolean())
        .map(([timeout, subsets, outlier]) => destinationRule(timeout, subsets, outlier)),
      fc.constantFrom('STATIC', 'DNS', 'NONE').map(serviceEntry),
      fc.constantFrom('./*', '*/*', 'one/*').map(sidecar),
      fc.constantFrom('STRICT', 'DISABLE').map(policy),
      fc
        .tuple(fc.constantFrom(80, 81), fc.constantFrom('SIMPLE', 'PASSTHROUGH', 'AUTO_PASSTHROUGH'))
        .map(([port, mode]) => gateway(port, mode)),
      fc.tuple(fc.constantFrom('x', 'y'), fc.constantFrom('/', '/p')).map(([host, path]) => edgeRoutes(host, path)),
      fc.constantFrom('REGISTRY_ONLY', 'ALLOW_ANY').map(meshConfig),
    ),
  })
  .map(({ gone, text }) => ({ gone, objects: parse(text) }))

function proxy(namespace: string, zone: string, loopback: boolean, type = 'sidecar'): Proxy {
  const made = proxyOfNode({
    id: `${type}~10.9.0.1~p.${namespace}~${namespace}.svc.cluster.local`,
    metadata: {
      NAMESPACE: namespace,
      CLUSTER_ID: 'east',
      LABELS: { app: 'a', version: 'x' },
      INSTANCE_IPS: '10.9.0.1',
      ...(loopback && { FAIRLEAD_DATA_PATH: 'loopback' }),
    },
    locality: { region: 'region', zone, subZone: '' },
  })
  if (!made) throw new Error('BUG: the node is of the right form')
  return made
}

const proxies = [
  proxy('one', 'zone-0', false),
  proxy('one', 'zone-1', false),
  proxy('two', 'zone-0', true),
  proxy('two', 'zone-0', false),
  proxy('one', 'zone-0', false, 'router'),
]

type Names = Map<string, Map<string, string>>

/** A client that subscribes to everything, and believes what it is told. */
function follow(views: Views<Proxy, never, never>, of: Proxy): { has: Names } {
  const has: Names = new Map()
  const read = (typeUrl: string, names: Iterable<string>): void => {
    const own = has.get(typeUrl) ?? new Map<string, string>()
    has.set(typeUrl, own)
    for (const name of names) {
      const resource = resources.includes(typeUrl, name) ? resources.get(typeUrl, name) : undefined
      if (resource instanceof XdsResource) own.set(name, Buffer.from(resource.message()).toString('base64'))
      else own.delete(name)
    }
  }
  const { resources } = views.connect('east', of, (change) => {
    for (const [typeUrl, names] of change) read(typeUrl, names)
  })
  for (const { typeUrl } of Object.values(kinds))
    read(
      typeUrl,
      resources.lists(typeUrl).flatMap(({ names }) => names),
    )
  return { has }
}

function shown(has: Names, { typeUrl, schema }: { typeUrl: string; schema: DescMessage }): Record<string, JsonValue> {
  return Object.fromEntries(
    [...(has.get(typeUrl) ?? [])].map(([name, bytes]) => [
      name,
      toJson(schema, fromBinary(schema, Buffer.from(bytes, 'base64')), { registry: extensionTypes }),
    ]),
  )
}

const nameOf = (resource: JsonValue): string => {
  const named = resource as { name?: string; clusterName?: string }
  return named.name ?? named.clusterName ?? ''
}

describe('Envoy resources', () => {
  it('are after every change what a computation from scratch gives', () => {
    fc.assert(
      fc.property(fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { maxLength: 8 }), (rounds) => {
        const failures: unknown[] = []
        const engine = new Engine({ failed: (failure) => failures.push(failure) })
        const tables = new ObjectTables(engine)
        const views = new Views(engine, new TrackedWorlds(tables), envoyBackend)
        engine.rebuild()
        const clients = proxies.map((of) => follow(views as unknown as Views<Proxy, never, never>, of))
        const objects = new Map<string, Map<string, KubeObject>>()
        for (const steps of rounds) {
          for (const object of steps.flatMap((s) => s.objects.map((o) => ({ ...s, o })))) {
            const kind = groupKind(object.o)
            const ofKind = objects.get(kind) ?? new Map<string, KubeObject>()
            objects.set(kind, ofKind)
            const key = objectKey(object.o)
            if (object.gone) ofKind.delete(key)
            else ofKind.set(key, object.o)
            if (object.gone) tables.delete('east', kind, key)
            else tables.set('east', kind, key, object.o)
          }
          engine.rebuild()
          expect(failures).toEqual([])
          const snapshot: Snapshot = { clusters: new Map([['east', { name: 'east', objects }]]) }
          const world = staticWorld(snapshot, { primary: 'east' })
          for (const [i, of] of proxies.entries()) {
            const scratch = proxyConfigJson(buildProxyConfig(world, of))
            for (const [kind, each] of Object.entries(kinds)) {
              const wanted = Object.fromEntries(scratch[kind as keyof typeof kinds].map((r) => [nameOf(r), r]))
              const given = shown(clients[i]?.has ?? new Map(), each)
              // Of endpoints there are more: those of clusters that do not ask for them.
              if (kind === 'endpoints') for (const name of Object.keys(given)) if (!(name in wanted)) delete given[name]
              expect(given).toEqual(wanted)
            }
          }
        }
      }),
      { numRuns: 12 },
    )
  })
})
