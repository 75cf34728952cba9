// A mesh of the benchmark's sizes in the pipeline alone, and one change of each sort.
import { typeUrls } from '../../src/ads/index.ts'
import type { ClusterRow } from '../../src/control-plane/cluster-rows.ts'
import { defineLoweredFailovers } from '../../src/control-plane/lowered-failovers.ts'
import { watchedKinds } from '../../src/control-plane/watched-kinds.ts'
import { defineWorldProblems, meshBackend, ObjectTables, TrackedWorlds } from '../../src/control-plane/xds/index.ts'
import { Views } from '../../src/control-plane/xds/views.ts'
import { proxyOfNode } from '../../src/mesh/index.ts'
import { Engine } from '../../src/pipeline/index.ts'
import { groupKind, type KubeObject, objectKey } from '../../src/resources/index.ts'
import { nodesOf } from './fleet.ts'
import {
  type BenchService,
  benchServices,
  clusterObjects,
  destinationRule,
  istioObjects,
  namespaceOf,
  type Size,
  sliceObject,
  virtualService,
} from './objects.ts'
import type { SidecarNode } from './sidecar.ts'

export const clusterName = (i: number): string => `bench-${i + 1}`
const first = clusterName(0)
const types = [typeUrls.cluster, typeUrls.endpoint, typeUrls.listener, typeUrls.route]
const keepers = new Map(watchedKinds.map(({ group, kind, keep }) => [`${group}/${kind}`, keep]))

/** What one change costs. */
export interface Cost {
  /** Of the processor, in milliseconds. */
  readonly cpuMs: number
  readonly recomputed: number
  readonly encoded: number
  readonly bytes: number
  /** Proxies that were told. */
  readonly told: number
  readonly queries: ReadonlyMap<string, number>
}

/** A mesh in the pipeline, with everything that is computed for proxies and for statuses, but without API servers and wire. */
export class Mesh {
  readonly engine = new Engine({
    failed: ({ query, error }) => {
      throw new Error(`${query} failed`, { cause: error })
    },
  })
  readonly tables = new ObjectTables(this.engine)
  readonly services: readonly BenchService[]
  readonly #size: Size
  readonly #clusters = this.engine.table<ClusterRow>('clusters')
  readonly #views: Views<never, never, never>
  #version = 0
  #encoded = 0
  #bytes = 0
  #told = 0

  constructor(size: Size) {
    this.#size = size
    this.services = benchServices(size)
    const worlds = new TrackedWorlds(this.tables)
    this.#views = new Views(this.engine, worlds, meshBackend) as unknown as Views<never, never, never>
    const names = Array.from({ length: size.clusters }, (_, i) => clusterName(i))
    for (const name of names) {
      const joined = name === first ? names.slice(1) : []
      this.tables.facts.set(name, { joined, staleSince: undefined })
      this.#clusters.set(name, {
        name,
        aliases: [],
        isManagement: name === first,
        uid: name,
        isKnown: true,
        staleSince: undefined,
      })
    }
    const problems = defineWorldProblems(this.engine, worlds, this.#clusters)
    const lowered = defineLoweredFailovers(this.engine, worlds)
    const later = this.engine.observe(() => undefined, { canWait: true })
    later.watch(problems, '')
    for (const name of names) later.watch(lowered, name)
  }

  write(cluster: string, object: KubeObject): void {
    const kind = groupKind(object)
    const version = `${++this.#version}`
    const written = { ...object, metadata: { ...object.metadata, resourceVersion: version } }
    this.tables.set(cluster, kind, objectKey(object), keepers.get(kind)?.(written) ?? written)
  }

  remove(cluster: string, object: KubeObject): void {
    this.tables.delete(cluster, groupKind(object), objectKey(object))
  }

  fill(): void {
    for (let i = 0; i < this.#size.clusters; i++)
      for (const { object } of clusterObjects(this.#size, this.services, i)) this.write(clusterName(i), object)
    for (const { object } of istioObjects(this.#size, this.services)) this.write(first, object)
    // Only then are problems of proxies' resources looked for.
    for (let i = 0; i < this.#size.clusters; i++) {
      const [system] = clusterObjects(this.#size, [], i)
      const { name = '', labels } = system?.object.metadata ?? {}
      const driven = { ...labels, 'fairlead.dev/data-plane': 'envoy' }
      this.write(clusterName(i), { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: driven } })
    }
  }

  /** As proxies do it: everything that they are shown is asked for, and again when it changes. */
  connect(nodes: readonly SidecarNode[] = nodesOf(this.#size, this.services, clusterName)): void {
    for (const { id, cluster, metadata, locality } of nodes) {
      const proxy = proxyOfNode({ id, metadata, locality: { ...locality, subZone: '' } })
      if (!proxy) throw new Error(`BUG: ${id} is of no proxy`)
      const { resources } = this.#views.connect(cluster, { ...proxy, cluster } as never, (change) => {
        this.#told++
        for (const [typeUrl, names] of change)
          for (const name of names) if ((types as readonly string[]).includes(typeUrl)) take(typeUrl, name)
      })
      const take = (typeUrl: string, name: string): void => {
        const resource = resources.get(typeUrl, name)
        if (!resource || this.#seen.has(resource)) return
        this.#seen.add(resource)
        this.#encoded++
        this.#bytes += resource.size
      }
      for (const typeUrl of types)
        for (const { names } of resources.lists(typeUrl)) {
          for (const name of names) take(typeUrl, name)
        }
    }
  }
  readonly #seen = new WeakSet<object>()

  /** Rebuilds until nothing is left to do. */
  measure(change: () => void): Cost {
    this.#encoded = this.#bytes = this.#told = 0
    const queries = new Map<string, number>()
    change()
    const start = process.cpuUsage()
    const note = (recomputed: ReadonlyMap<string, number>): void => {
      for (const [name, count] of recomputed) queries.set(name, (queries.get(name) ?? 0) + count)
    }
    note(this.engine.rebuild().recomputed)
    while (this.engine.hasLater) note(this.engine.rebuildLater().recomputed)
    const { user, system } = process.cpuUsage(start)
    const recomputed = [...queries.values()].reduce((sum, n) => sum + n, 0)
    const { encoded, bytes, told } = { encoded: this.#encoded, bytes: this.#bytes, told: this.#told }
    return { cpuMs: (user + system) / 1000, recomputed, encoded, bytes, told, queries }
  }
}

const k8s = (apiVersion: string, kind: string, namespace: string, name: string, spec: object): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, namespace, creationTimestamp: '2030-01-01T00:00:00Z' },
  spec,
})

/** Each makes change number `i`, and undoes number `i - 1` where that matters. */
export const changes: Readonly<Record<string, (mesh: Mesh, i: number) => void>> = {
  endpoint: (mesh, i) => {
    const service = mesh.services[(i * 13) % mesh.services.length]
    const pod = service?.pods[0]?.[0]
    if (!service || !pod) return
    pod.ready = !pod.ready
    mesh.write(first, sliceObject(service, 0).object)
  },
  'VirtualService timeout': (mesh, i) => {
    const service = mesh.services[(i * 5) % mesh.services.length]
    if (service) mesh.write(first, virtualService(service, 100 + i).object)
  },
  'DestinationRule connect timeout': (mesh, i) => {
    const service = mesh.services[(i * 5) % mesh.services.length]
    if (service) mesh.write(first, destinationRule(service, 100 + i).object)
  },
  'AuthorizationPolicy of a workload': (mesh, i) => {
    const service = mesh.services[i % mesh.services.length]
    if (!service) return
    const spec = {
      selector: { matchLabels: { app: service.name } },
      rules: [{ to: [{ operation: { paths: [`/${i}`] } }] }],
    }
    mesh.write(first, k8s('security.istio.io/v1', 'AuthorizationPolicy', service.namespace, 'a', spec))
  },
  'AuthorizationPolicy of a namespace': (mesh, i) => {
    const spec = { action: 'DENY', rules: [{ to: [{ operation: { paths: [`/${i}`] } }] }] }
    mesh.write(first, k8s('security.istio.io/v1', 'AuthorizationPolicy', namespaceOf(i % 4), 'n', spec))
  },
  'PeerAuthentication of a namespace': (mesh, i) =>
    mesh.write(
      first,
      k8s('security.istio.io/v1', 'PeerAuthentication', namespaceOf(2), 'default', {
        mtls: { mode: i % 2 === 0 ? 'PERMISSIVE' : 'STRICT' },
      }),
    ),
  'Sidecar of a namespace': (mesh, i) =>
    mesh.write(
      first,
      k8s('networking.istio.io/v1', 'Sidecar', namespaceOf(3), 'default', {
        egress: [{ hosts: ['./*', 'istio-system/*', `${namespaceOf(4 + (i % 2))}/*`] }],
      }),
    ),
  'Service added': (mesh, i) =>
    mesh.write(
      first,
      k8s('v1', 'Service', namespaceOf(5), `added-${i}`, {
        selector: { app: `added-${i}` },
        clusterIP: `10.200.0.${i + 1}`,
        ports: [{ name: 'http', port: 80, targetPort: 8080 }],
      }),
    ),
  'ServiceEntry added': (mesh, i) =>
    mesh.write(
      first,
      k8s('networking.istio.io/v1', 'ServiceEntry', namespaceOf(6), `added-${i}`, {
        hosts: [`added-${i}.example.com`],
        resolution: 'DNS',
        ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
      }),
    ),
  'VirtualService added': (mesh, i) => {
    const service = mesh.services[1 + i * 5]
    if (service) mesh.write(first, virtualService({ ...service }, 7).object)
  },
  'pod added': (mesh, i) => {
    const service = mesh.services[(i * 13) % mesh.services.length]
    const pod = service?.pods[0]?.[0]
    if (!service || !pod) return
    mesh.write(first, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `new-${i}`, namespace: service.namespace, labels: { app: service.name, version: 'v1' } },
      spec: { serviceAccountName: 'default', nodeName: 'node-0', containers: [] },
      status: { phase: 'Running', podIP: `10.250.0.${i + 1}`, podIPs: [{ ip: `10.250.0.${i + 1}` }] },
    } as KubeObject)
  },
  'namespace label': (mesh, i) =>
    mesh.write(first, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespaceOf(7), labels: { round: `${i}` } },
    }),
  'nothing that counts (Secret)': (mesh, i) =>
    mesh.write(first, { apiVersion: 'v1', kind: 'Secret', metadata: { name: `s${i}`, namespace: namespaceOf(1) } }),
}
