// How long it takes to translate Gloo Mesh's policies: everything from nothing, then again after one change of each sort.
// Run: node test/bench/gloo-translation.ts [CLUSTERS SERVICES POLICIES] → one line per measurement, in milliseconds of the
// processor's time: garbage collection counts, other programs do not.
import { createTranslator, type TranslateResult } from '../../src/dialects/index.ts'
import { type ClusterSnapshot, groupKind, type KubeObject, objectKey } from '../../src/resources/index.ts'

const [clusters = 10, services = 200, policies = 200] = process.argv.slice(2).map(Number)
const management = 'cluster-0'
const repeats = 5

type Objects = Map<string, Map<string, KubeObject>>

const object = (apiVersion: string, kind: string, metadata: KubeObject['metadata'], rest: object = {}): KubeObject => ({
  apiVersion,
  kind,
  metadata,
  ...rest,
})

/** A service with a workload of two versions, as discovery sees it. */
function service(cluster: number, index: number): KubeObject[] {
  const namespace = `team-${index % 20}`
  const name = `service-${index}`
  const app = { app: name }
  const versions = ['v1', 'v2'].map((version, v) => {
    const labels = { ...app, version }
    const pod = `${name}-${version}-0`
    const address = `10.${cluster}.${index >> 7}.${((index & 127) << 1) | v}`
    return { version, labels, pod, address }
  })
  const workloads = versions.flatMap(({ version, labels, pod, address }) => [
    object(
      'apps/v1',
      'Deployment',
      { name: `${name}-${version}`, namespace },
      {
        spec: {
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { serviceAccountName: name, containers: [{ name, image: name }] } },
        },
      },
    ),
    object(
      'v1',
      'Pod',
      { name: pod, namespace, labels },
      { spec: { nodeName: 'node', containers: [] }, status: { podIP: address } },
    ),
  ])
  const endpoints = versions.map(({ pod, address }) => ({
    addresses: [address],
    nodeName: 'node',
    conditions: { ready: true },
    targetRef: { kind: 'Pod', name: pod, namespace },
  }))
  return [
    ...workloads,
    object(
      'v1',
      'Service',
      { name, namespace, labels: app },
      { spec: { selector: app, ports: [{ name: 'http', port: 8080, targetPort: 8080 }] } },
    ),
    object(
      'discovery.k8s.io/v1',
      'EndpointSlice',
      { name, namespace, labels: { 'kubernetes.io/service-name': name } },
      { addressType: 'IPv4', ports: [{ name: 'http', port: 8080, protocol: 'TCP' }], endpoints },
    ),
  ]
}

function platform(cluster: number): KubeObject[] {
  const gateway = { istio: 'ingressgateway' }
  const namespaces = Array.from({ length: 20 }, (_, index) =>
    object('v1', 'Namespace', { name: `team-${index}`, labels: { 'istio-injection': 'enabled' } }),
  )
  return [
    ...namespaces,
    object('v1', 'Namespace', { name: 'istio-system', labels: { 'fairlead.dev/data-plane': 'envoy' } }),
    object('v1', 'ConfigMap', { name: 'istio', namespace: 'istio-system' }, { data: { mesh: 'trustDomain: local' } }),
    object('v1', 'Node', { name: 'node', labels: { 'topology.kubernetes.io/region': `region-${cluster % 3}` } }),
    object(
      'apps/v1',
      'Deployment',
      { name: 'istio-ingressgateway', namespace: 'istio-system' },
      {
        spec: {
          selector: { matchLabels: gateway },
          template: {
            metadata: { labels: gateway },
            spec: { containers: [{ name: 'istio-proxy', image: 'proxyv2' }] },
          },
        },
      },
    ),
    object(
      'v1',
      'Service',
      { name: 'istio-ingressgateway', namespace: 'istio-system', labels: gateway },
      {
        spec: { type: 'LoadBalancer', selector: gateway, ports: [{ name: 'tls', port: 15443, targetPort: 15443 }] },
        status: { loadBalancer: { ingress: [{ ip: `192.0.2.${cluster + 1}` }] } },
      },
    ),
  ]
}

/** A third of the policies shifts to the next cluster, a third sets timeouts and retries, a third detects outliers. */
function policy(index: number, generation = 1): KubeObject {
  const cluster = `cluster-${index % clusters}`
  const at = { name: `service-${index % services}`, namespace: `team-${(index % services) % 20}` }
  const destinationSelector = [{ kubeServiceRefs: { services: [{ ...at, clusterName: cluster }] } }]
  const next = `cluster-${(index + 1) % clusters}`
  const shift = [
    { kubeService: { ...at, clusterName: cluster }, weight: 90 - generation },
    { kubeService: { ...at, clusterName: next }, weight: 10 + generation },
  ]
  const variants = [
    { trafficShift: { destinations: shift } },
    { requestTimeout: `${generation}s`, retries: { attempts: 2 } },
    { outlierDetection: { consecutiveErrors: generation } },
  ]
  const metadata = { name: `policy-${index}`, namespace: 'gloo-mesh', generation }
  return object('networking.mesh.gloo.solo.io/v1', 'TrafficPolicy', metadata, {
    spec: { destinationSelector, policy: variants[index % variants.length] },
  })
}

function managementObjects(): KubeObject[] {
  const namespace = 'gloo-mesh'
  const names = Array.from({ length: clusters }, (_, index) => `cluster-${index}`)
  return [
    ...names.map((name) => object('multicluster.solo.io/v1alpha1', 'KubernetesCluster', { name, namespace })),
    object(
      'networking.mesh.gloo.solo.io/v1',
      'VirtualMesh',
      { name: 'all', namespace, generation: 1 },
      {
        spec: {
          mtlsConfig: { shared: { rootCertificateAuthority: { generated: {} } } },
          federation: { selectors: [{}] },
          meshes: names.map((name) => ({ name: `istiod-istio-system-${name}`, namespace })),
        },
      },
    ),
    ...Array.from({ length: policies }, (_, index) => policy(index)),
  ]
}

const stores = new Map<string, Objects>()

/** Puts an object in place: only the map of its kind is a new one, as in a live snapshot. */
function put(cluster: string, ...objects: readonly KubeObject[]): void {
  const store: Objects = new Map(stores.get(cluster))
  for (const [kind, own] of Map.groupBy(objects, groupKind)) {
    const map = new Map(store.get(kind))
    for (const each of own) map.set(objectKey(each), each)
    store.set(kind, map)
  }
  stores.set(cluster, store)
}

const snapshots = new WeakMap<Objects, ClusterSnapshot>()

function snapshot(): { clusters: ReadonlyMap<string, ClusterSnapshot> } {
  const entries = [...stores].map(([name, objects]) => {
    const known = snapshots.get(objects) ?? { name, objects }
    snapshots.set(objects, known)
    return [name, known] as const
  })
  return { clusters: new Map(entries) }
}

for (let cluster = 0; cluster < clusters; cluster++) {
  const own = Array.from({ length: services }, (_, index) => service(cluster, index))
  put(`cluster-${cluster}`, ...platform(cluster), ...own.flat())
}
put(management, ...managementObjects())

let translator = createTranslator()
let last: TranslateResult | undefined

function measure(what: string, change: (round: number) => void, isFresh = false): void {
  const times: number[] = []
  let recomputed = 0
  let changed = 0
  for (let round = 1; round <= repeats; round++) {
    change(round)
    if (isFresh) translator = createTranslator()
    const before = new Set(last?.objects)
    const start = process.cpuUsage()
    last = translator.translate({ snapshot: snapshot(), management })
    const { user, system } = process.cpuUsage(start)
    times.push((user + system) / 1000)
    recomputed = translator.recomputed
    changed = last.objects.filter((each) => !before.has(each)).length
  }
  const sorted = times.sort((a, b) => a - b)
  const [least = 0, middle = 0, most = 0] = [sorted[0], sorted[repeats >> 1], sorted[repeats - 1]]
  const range = `${least.toFixed(0)}-${most.toFixed(0)} ms`
  console.log(
    `${what}: ${middle.toFixed(0)} ms (${range}), ${recomputed} parts recomputed, ${changed} objects made anew`,
  )
}

console.log(`${clusters} clusters, ${clusters * services} destinations, ${policies} policies`)
measure('from nothing', () => {}, true)
console.log(`${last?.objects.length} objects, ${last?.statuses.length} statuses, ${last?.problems.length} problems`)
measure('nothing changed', () => {})
measure('one policy changed', (round) => put(management, policy(7, round + 1)))
measure('one endpoint changed', (round) => {
  const slice = service(1, 3).find(({ kind }) => kind === 'EndpointSlice') as KubeObject & {
    endpoints: { addresses: string[] }[]
  }
  for (const endpoint of slice.endpoints.slice(0, 1)) endpoint.addresses = [`10.200.0.${round}`]
  put('cluster-1', slice)
})
