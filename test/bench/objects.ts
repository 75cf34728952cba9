// The objects of a benchmark: a mesh of a given size, as plain Kubernetes and Istio objects. Pure.
import type { ResourceType } from '../../src/clusters/index.ts'
import type { KubeObject } from '../../src/resources/index.ts'

/** How large a mesh is, and how many sidecars connect. */
export interface Size {
  readonly services: number
  readonly endpoints: number
  readonly namespaces: number
  readonly clusters: number
  readonly clients: number
  /** Every second namespace has a Sidecar: its workloads see their own namespace only. */
  readonly scoped?: boolean
}

export const sizes: Readonly<Record<string, Size>> = {
  S: { services: 100, endpoints: 500, namespaces: 10, clusters: 1, clients: 100 },
  M: { services: 1000, endpoints: 10_000, namespaces: 50, clusters: 1, clients: 500 },
  /** In small, what L-scoped is. */
  'S-scoped': { services: 200, endpoints: 4000, namespaces: 20, clusters: 4, clients: 100, scoped: true },
  L: { services: 2000, endpoints: 40_000, namespaces: 100, clusters: 4, clients: 500 },
  'L-scoped': { services: 2000, endpoints: 40_000, namespaces: 100, clusters: 4, clients: 500, scoped: true },
}

export interface BenchPod {
  readonly name: string
  readonly namespace: string
  readonly service: BenchService
  readonly ip: string
  readonly version: string
  readonly node: number
  ready: boolean
}

export interface BenchService {
  readonly index: number
  readonly name: string
  readonly namespace: string
  /** Has a VirtualService, and a DestinationRule with a subset for each version. */
  readonly hasPolicies: boolean
  /** By cluster. */
  readonly pods: readonly (readonly BenchPod[])[]
}

const nodesPerCluster = 12
const regions = ['region-1', 'region-2'] as const
const versions = ['v1', 'v2', 'v3'] as const
const systemNamespace = 'istio-system'

export const networkOf = (cluster: number): string => `network-${1 + Math.floor(cluster / 2)}`
export const namespaceOf = (index: number): string => `bench-${String(index).padStart(3, '0')}`
export const hostOf = ({ name, namespace }: BenchService): string => `${name}.${namespace}.svc.cluster.local`
export const localityOf = (node: number): { region: string; zone: string } => {
  const region = regions[node % 2] ?? regions[0]
  return { region, zone: `${region}${'abc'[node % 3]}` }
}

export function benchServices(size: Size): readonly BenchService[] {
  const addresses = Array.from({ length: size.clusters }, () => 0)
  const perService = size.endpoints / size.services / size.clusters
  return Array.from({ length: size.services }, (_, index) => {
    const pods: BenchPod[][] = []
    const service = {
      index,
      name: `svc-${String(index).padStart(4, '0')}`,
      namespace: namespaceOf(index % size.namespaces),
      hasPolicies: index % 5 === 0,
      pods,
    }
    for (let cluster = 0; cluster < size.clusters; cluster++) {
      const count = Math.round(perService * (index + 1)) - Math.round(perService * index)
      pods.push(
        Array.from({ length: count }, (_unused, replica) => {
          const address = addresses[cluster] ?? 0
          addresses[cluster] = address + 1
          return {
            name: `${service.name}-${cluster}-${replica}`,
            namespace: service.namespace,
            service,
            ip: `10.${100 + cluster}.${Math.floor(address / 250)}.${(address % 250) + 1}`,
            version: versions[replica % versions.length] ?? 'v1',
            node: (index + replica) % nodesPerCluster,
            ready: true,
          }
        }),
      )
    }
    return service
  })
}

const core = (plural: string, kind: string, namespaced = true): ResourceType => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced,
})
const istio = (group: string, plural: string, kind: string): ResourceType => ({
  group: `${group}.istio.io`,
  version: 'v1',
  plural,
  kind,
  namespaced: true,
})

export const types = {
  namespace: core('namespaces', 'Namespace', false),
  node: core('nodes', 'Node', false),
  account: core('serviceaccounts', 'ServiceAccount'),
  service: core('services', 'Service'),
  secret: core('secrets', 'Secret'),
  pod: core('pods', 'Pod'),
  slice: {
    group: 'discovery.k8s.io',
    version: 'v1',
    plural: 'endpointslices',
    kind: 'EndpointSlice',
    namespaced: true,
  },
  virtualService: istio('networking', 'virtualservices', 'VirtualService'),
  destinationRule: istio('networking', 'destinationrules', 'DestinationRule'),
  sidecar: istio('networking', 'sidecars', 'Sidecar'),
  peerAuthentication: istio('security', 'peerauthentications', 'PeerAuthentication'),
} as const satisfies Record<string, ResourceType>

export interface Written {
  readonly type: ResourceType
  readonly object: KubeObject
}

function written(type: ResourceType, metadata: KubeObject['metadata'], rest: object = {}): Written {
  const apiVersion = type.group === '' ? type.version : `${type.group}/${type.version}`
  return { type, object: { apiVersion, kind: type.kind, metadata, ...rest } }
}

/** What one cluster holds, in the order in which it is to be written. Istio's objects live in the first. */
export function clusterObjects(size: Size, services: readonly BenchService[], cluster: number): Written[] {
  const label = size.clusters > 1 ? { 'topology.istio.io/network': networkOf(cluster) } : {}
  const namespaces = Array.from({ length: size.namespaces }, (_, i) =>
    written(types.namespace, { name: namespaceOf(i) }),
  )
  const nodes = Array.from({ length: nodesPerCluster }, (_, i) => {
    const { region, zone } = localityOf(i)
    const labels = { 'topology.kubernetes.io/region': region, 'topology.kubernetes.io/zone': zone }
    return written(types.node, { name: `node-${i}`, labels })
  })
  return [
    written(types.namespace, { name: systemNamespace, labels: label }),
    ...namespaces,
    ...nodes,
    ...namespaces.map(({ object }) => written(types.account, { name: 'default', namespace: object.metadata.name })),
    ...services.map(serviceObject),
    ...services.flatMap(({ pods }) => (pods[cluster] ?? []).map(podObject)),
    ...services.map((service) => sliceObject(service, cluster)),
    ...(size.clusters > 1 ? [gatewayObject(cluster)] : []),
  ]
}

/** Istio's objects: STRICT, and of every fifth service subsets, a split by weight, and a canary by header. */
/** Whether a namespace of a scoped mesh has a Sidecar. */
export const isScoped = ({ scoped = false }: Size, namespace: string): boolean =>
  scoped && Number(/\d+$/.exec(namespace)?.[0] ?? 0) % 2 === 1

export function istioObjects(size: Size, services: readonly BenchService[]): Written[] {
  const strict = { spec: { mtls: { mode: 'STRICT' } } }
  const own = { spec: { egress: [{ hosts: ['./*', `${systemNamespace}/*`] }] } }
  const namespaces = [...new Set(services.map(({ namespace }) => namespace))]
  return [
    ...namespaces
      .filter((namespace) => isScoped(size, namespace))
      .map((namespace) => written(types.sidecar, { name: 'default', namespace }, own)),
    written(types.peerAuthentication, { name: 'default', namespace: systemNamespace }, strict),
    ...services
      .filter(({ hasPolicies }) => hasPolicies)
      .flatMap((service) => [virtualService(service, 10), destinationRule(service, 5)]),
  ]
}

function serviceObject({ name, namespace }: BenchService): Written {
  const ports = [
    { name: 'http', port: 80, targetPort: 8080 },
    { name: 'grpc', port: 9090, targetPort: 9090 },
  ]
  return written(types.service, { name, namespace }, { spec: { selector: { app: name }, ports } })
}

function gatewayObject(cluster: number): Written {
  const labels = { istio: 'eastwestgateway', 'topology.istio.io/network': networkOf(cluster) }
  return written(
    types.service,
    { name: 'istio-eastwestgateway', namespace: systemNamespace, labels },
    {
      spec: { type: 'LoadBalancer', selector: { istio: 'eastwestgateway' }, ports: [{ name: 'tls', port: 15443 }] },
      status: { loadBalancer: { ingress: [{ ip: `192.0.2.${10 + cluster}` }] } },
    },
  )
}

export const podLabels = (pod: BenchPod): Record<string, string> => ({
  app: pod.service.name,
  version: pod.version,
  'security.istio.io/tlsMode': 'istio',
})

function podObject(pod: BenchPod): Written {
  return written(
    types.pod,
    { name: pod.name, namespace: pod.namespace, labels: podLabels(pod) },
    {
      spec: {
        serviceAccountName: 'default',
        nodeName: `node-${pod.node}`,
        containers: [
          { name: 'app', image: 'example.invalid/app', ports: [{ containerPort: 8080 }, { containerPort: 9090 }] },
        ],
      },
      status: {
        phase: 'Running',
        podIP: pod.ip,
        podIPs: [{ ip: pod.ip }],
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    },
  )
}

export function sliceObject(service: BenchService, cluster: number): Written {
  const endpoints = (service.pods[cluster] ?? []).map((pod) => ({
    addresses: [pod.ip],
    nodeName: `node-${pod.node}`,
    zone: localityOf(pod.node).zone,
    conditions: { ready: pod.ready, serving: pod.ready, terminating: false },
    targetRef: { kind: 'Pod', namespace: pod.namespace, name: pod.name },
  }))
  const ports = [
    { name: 'http', port: 8080, protocol: 'TCP' },
    { name: 'grpc', port: 9090, protocol: 'TCP' },
  ]
  const labels = { 'kubernetes.io/service-name': service.name }
  const metadata = { name: `${service.name}-1`, namespace: service.namespace, labels }
  return written(types.slice, metadata, { addressType: 'IPv4', endpoints, ports })
}

export function virtualService(service: BenchService, timeoutSeconds: number): Written {
  const host = hostOf(service)
  const route = (...weights: number[]): object[] =>
    weights.flatMap((weight, i) => (weight > 0 ? [{ destination: { host, subset: versions[i] }, weight }] : []))
  const timeout = `${timeoutSeconds}s`
  const http = [
    { match: [{ headers: { 'x-canary': { exact: 'yes' } } }], route: route(0, 0, 100), timeout },
    { route: route(70, 20, 10), timeout, retries: { attempts: 2, perTryTimeout: '2s' } },
  ]
  const { name, namespace } = service
  return written(types.virtualService, { name, namespace }, { spec: { hosts: [host], http } })
}

export function destinationRule(service: BenchService, connectTimeoutSeconds: number): Written {
  const trafficPolicy = {
    connectionPool: { tcp: { connectTimeout: `${connectTimeoutSeconds}s` } },
    outlierDetection: { consecutive5xxErrors: 5, interval: '10s', baseEjectionTime: '30s' },
    loadBalancer: { simple: 'LEAST_REQUEST', localityLbSetting: { failover: [{ from: 'region-1', to: 'region-2' }] } },
  }
  const subsets = versions.map((name) => ({ name, labels: { version: name } }))
  const { name, namespace } = service
  return written(
    types.destinationRule,
    { name, namespace },
    { spec: { host: hostOf(service), trafficPolicy, subsets } },
  )
}

/** Names of the Envoy clusters of a service: without subset, and of each one given. */
export function clusterNames(service: BenchService, subsets: readonly string[]): string[] {
  return [80, 9090].flatMap((port) => ['', ...subsets].map((subset) => `outbound|${port}|${subset}|${hostOf(service)}`))
}

/** The clusters that hold a pod. */
export const clustersOfPod = (pod: BenchPod): string[] =>
  clusterNames(pod.service, pod.service.hasPolicies ? [pod.version] : [])

export const allClusters = (service: BenchService): string[] => clusterNames(service, versions)
