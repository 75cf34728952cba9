// All simulated sidecars of a run, and how long a change takes until the last of them has acknowledged it.
import type { BenchPod, BenchService, Size } from './objects.ts'
import { localityOf, networkOf, podLabels } from './objects.ts'
import { type Hub, Sidecar, type SidecarNode, typeUrls } from './sidecar.ts'

/** Who waits gives up when nothing at all has come for this time, or when this many of such times are over. */
const patienceMs = 180_000
const mostPatience = 8

export class SidecarFleet {
  readonly counted = { messages: 0, bytes: 0, resources: 0, lastAt: 0 }
  readonly #hub: Hub
  readonly #target: string
  #sidecars: Sidecar[] = []
  #error: Error | undefined

  constructor(target: string) {
    this.#target = target
    this.#hub = { counted: this.counted, seen: undefined, failed: (error) => void (this.#error ??= error) }
  }

  get sidecars(): readonly Sidecar[] {
    return this.#sidecars
  }

  /** Connects all at once; milliseconds until the last one has everything that it asked for. */
  async connect(nodes: readonly SidecarNode[]): Promise<number> {
    const start = performance.now()
    const made = nodes.map((node) => new Sidecar(this.#target, node, this.#hub))
    this.#sidecars.push(...made)
    await this.#until(
      () => made.every(({ completeAt }) => completeAt > 0),
      () => 'all sidecars to have everything',
    )
    return Math.max(...made.map(({ completeAt }) => completeAt)) - start
  }

  /** Each asks for the virtual hosts that it uses; milliseconds until the last has them and all that they lead to. */
  async use(hostsOf: (sidecar: Sidecar) => readonly string[]): Promise<number> {
    const start = performance.now()
    for (const sidecar of this.#sidecars) sidecar.use(hostsOf(sidecar))
    await this.#until(
      () => this.#sidecars.every(({ usedAt }) => usedAt > 0),
      () => 'all sidecars to have what they use',
    )
    return Math.max(...this.#sidecars.map(({ usedAt }) => usedAt)) - start
  }

  /** Resources that all sidecars have together. */
  get held(): number {
    const types = Object.values(typeUrls)
    return this.#sidecars.reduce((sum, each) => sum + types.reduce((n, type) => n + each.has(type).size, 0), 0)
  }

  /** Disconnects all. */
  disconnect(): void {
    this.close()
    this.#sidecars = []
  }

  /** Cuts the connections of some, and connects them anew; milliseconds until they have everything again. */
  async reconnect(count: number): Promise<number> {
    const leaving = this.#sidecars.splice(0, count)
    for (const sidecar of leaving) sidecar.close()
    return this.connect(leaving.map(({ node }) => node))
  }

  /**
   * Makes a change, and waits until every sidecar that has one of the named resources has received each that it has in
   * another version, and acknowledged it; `sees` says whose they are. Milliseconds from `change` being called.
   */
  async follow(
    typeUrl: string,
    names: readonly string[],
    change: () => Promise<unknown>,
    sees: (node: SidecarNode) => boolean = () => true,
  ): Promise<number> {
    const owed = new Map<Sidecar, Set<string>>()
    for (const sidecar of this.#sidecars) {
      if (!sees(sidecar.node)) continue
      const has = names.filter((name) => sidecar.has(typeUrl).has(name))
      if (has.length > 0) owed.set(sidecar, new Set(has))
    }
    if (owed.size === 0) throw new Error(`no sidecar has ${names.join(', ')}`)
    let last = 0
    this.#hub.seen = (sidecar, type, name) => {
      const left = owed.get(sidecar)
      if (type !== typeUrl || !left?.delete(name)) return
      if (left.size === 0) owed.delete(sidecar)
      last = performance.now()
    }
    const start = performance.now()
    await change()
    try {
      await this.#until(
        () => owed.size === 0,
        () => `${names.join(', ')} to reach ${owed.size} sidecars: ${namesOf(owed)}`,
      )
    } finally {
      this.#hub.seen = undefined
    }
    return last - start
  }

  /** Waits until nothing has been received for `ms`. */
  async quiet(ms: number): Promise<void> {
    const since = performance.now()
    await this.#until(
      () => performance.now() - Math.max(since, this.counted.lastAt) >= ms,
      () => `${ms} ms of silence`,
    )
  }

  close(): void {
    for (const sidecar of this.#sidecars) sidecar.close()
  }

  async #until(done: () => boolean, what: () => string): Promise<void> {
    const start = performance.now()
    const end = start + mostPatience * patienceMs
    while (!done()) {
      if (this.#error) throw this.#error
      const now = performance.now()
      if (now > Math.min(end, Math.max(start, this.counted.lastAt) + patienceMs))
        throw new Error(`waited ${Math.round((now - start) / 1000)} s in vain for ${what()}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

/** The first few who have not got what they should. */
function namesOf(owed: ReadonlyMap<Sidecar, ReadonlySet<string>>): string {
  const few = [...owed].slice(0, 3)
  return few.map(([{ node }, left]) => `${node.id} of ${node.cluster} (${[...left].join()})`).join('; ')
}

/** Pods spread over all services and clusters, as nodes of sidecars. */
export function nodesOf(
  size: Size,
  services: readonly BenchService[],
  clusterId: (i: number) => string,
): SidecarNode[] {
  const pods = services.flatMap(({ pods }) =>
    pods.flatMap((ofCluster, cluster) => ofCluster.map((pod) => ({ pod, cluster }))),
  )
  const step = pods.length / size.clients
  // Of each stretch of pods another one: first replicas are all in the first cluster.
  const place = (i: number): number => Math.floor(i * step) + ((i * 31) % Math.max(1, Math.floor(step)))
  return Array.from({ length: size.clients }, (_, i) => pods[place(i)]).flatMap((found) =>
    found ? [nodeOf(found.pod, clusterId(found.cluster), size.clusters > 1 ? networkOf(found.cluster) : '')] : [],
  )
}

/** The sidecar of a pod, as it tells of itself. */
export function nodeOf(pod: BenchPod, clusterId: string, network: string): SidecarNode {
  const { name, namespace, ip } = pod
  return {
    cluster: clusterId,
    id: `sidecar~${ip}~${name}.${namespace}~${namespace}.svc.cluster.local`,
    namespace,
    metadata: {
      NAME: name,
      NAMESPACE: namespace,
      LABELS: podLabels(pod),
      CLUSTER_ID: clusterId,
      NETWORK: network,
      INSTANCE_IPS: ip,
      SERVICE_ACCOUNT: 'default',
      WORKLOAD_NAME: pod.service.name,
      MESH_ID: 'cluster.local',
      ISTIO_VERSION: '1.30.0',
      INTERCEPTION_MODE: 'REDIRECT',
    },
    locality: localityOf(pod.node),
  }
}
