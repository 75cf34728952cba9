// The process kubelet: an ordinary client of a Kubernetes API server, whose containers are processes of this machine.
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Access, KubeClient, loadAccess, Reflector } from '../../clusters/index.ts'
import { compareText } from '../../lib/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import { KubeApi, resources } from '../controllers/client/index.ts'
import { eventRecorder } from '../controllers/runtime/events.ts'
import type { Victim } from '../faults/index.ts'
import { preparePrograms } from '../images/index.ts'
import { startKubeletServer } from '../streaming/index.ts'
import { AddressPool, type AddressRanges } from './addresses.ts'
import { lowPortsOn } from './launch.ts'
import { keepLease, type NodeOptions, registerNode } from './node.ts'
import { workloadNameOf } from './owner.ts'
import { PodWorker } from './pod.ts'
import { podRuntime } from './pod-runtime.ts'
import { ProcessTable } from './processes/index.ts'
import { ServiceNetwork } from './service-network.ts'
import type { NodeSite, ProxyPlan } from './site.ts'
import type { Pod } from './types.ts'

export interface KubeletOptions {
  /** Name of the cluster, as the mesh knows it. */
  readonly cluster: string
  /** How to reach the API server: a kubeconfig file and a context of it, or access made of one. */
  readonly access: Access | { readonly kubeconfig: string; readonly context?: string }
  /** Folder for pods, logs and what is remembered of processes; of this kubelet alone. */
  readonly dataDir: string
  readonly node: { readonly name: string; readonly region: string; readonly zone: string }
  readonly addresses: AddressRanges
  /** Bearer token that the API server shows when it passes on logs, exec and port-forward. */
  readonly token: string
  /** How pods get proxies; without it nobody does. */
  readonly proxies?: ProxyPlan
  /** One line about something that went wrong, or that a reader of the log wants to know. */
  readonly log: (message: string) => void
}

export interface PodInfo {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly labels: Readonly<Record<string, string>>
  readonly owner: string | undefined
  /** Undefined before it has one. */
  readonly address: string | undefined
  readonly programAddress: string | undefined
  readonly ready: boolean
}

export interface RunningKubelet {
  /** Address and port of the kubelet's server. */
  readonly server: string
  /** Resolves when the pods of the node have been read once. */
  readonly synced: Promise<void>
  pods(): PodInfo[]
  /** Pods that run here, for faults: of a namespace, of a Deployment in it; in the order of their names. */
  victims(namespace?: string, deployment?: string): Victim[]
  /** Ends every process at once. The objects stay, and the next kubelet starts their pods anew. */
  close(): Promise<void>
}

const serverPort = 10_250

/** Starts a kubelet; resolves when its node is registered. */
export async function startKubelet(options: KubeletOptions): Promise<RunningKubelet> {
  const kubelet = new Kubelet(options)
  try {
    await kubelet.start()
  } catch (error) {
    await kubelet.close()
    throw error
  }
  return kubelet
}

class Kubelet implements RunningKubelet {
  readonly #options: KubeletOptions
  readonly #client: KubeClient
  readonly #api: KubeApi
  readonly #processes: ProcessTable
  readonly #stop = new AbortController()
  /** By namespace/name. */
  readonly #workers = new Map<string, PodWorker>()
  readonly #synced = Promise.withResolvers<void>()
  #reflectors: Reflector[] = []
  #node: KubeObject | undefined
  #site: NodeSite | undefined
  #closeServer: (() => Promise<void>) | undefined
  server = ''

  constructor(options: KubeletOptions) {
    this.#options = options
    const { access } = options
    this.#client = new KubeClient(
      'cluster' in access ? access : loadAccess(access.kubeconfig, access.context),
      'kubelet',
    )
    this.#api = new KubeApi(this.#client, 'kubelet')
    this.#processes = new ProcessTable(join(options.dataDir, 'processes'))
  }

  get synced(): Promise<void> {
    return this.#synced.promise
  }

  async start(): Promise<void> {
    const { dataDir, addresses, node, token } = this.#options
    mkdirSync(join(dataDir, 'pods'), { recursive: true, mode: 0o700 })
    const ended = await this.#processes.open()
    if (ended > 0) this.#log(`ended ${ended} processes that an earlier run had left`)
    const runtime = podRuntime((namespace, name) => this.#workers.get(`${namespace}/${name}`))
    const clientAuthority = await this.#clientAuthority()
    const server = await this.#serve({
      host: addresses.node,
      token,
      runtime,
      ...(clientAuthority ? { clientAuthority } : {}),
    })
    const { port } = server
    this.#closeServer = () => server.close()
    this.server = `${addresses.node}:${port}`
    const nodeOptions: NodeOptions = {
      api: this.#api,
      ...node,
      address: addresses.node,
      port,
      version: await this.#serverVersion(),
      signal: this.#stop.signal,
      onError: (error) => this.#log(error),
    }
    this.#site = await this.#makeSite()
    this.#node = await registerNode(nodeOptions)
    void keepLease(nodeOptions, this.#node)
    this.#watch()
  }

  pods(): PodInfo[] {
    return [...this.#workers.values()].map((worker) => {
      const { metadata } = worker.pod
      return {
        namespace: metadata.namespace ?? '',
        name: metadata.name,
        uid: metadata.uid ?? '',
        labels: metadata.labels ?? {},
        owner: metadata.ownerReferences?.find((owner) => owner.controller)?.name,
        address: worker.site?.address,
        programAddress: worker.site?.programAddress,
        ready: worker.pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false,
      }
    })
  }

  victims(namespace?: string, deployment?: string): Victim[] {
    return [...this.#workers]
      .filter(([, { pod, site }]) => {
        if (!site || pod.metadata.deletionTimestamp !== undefined) return false
        if (namespace !== undefined && pod.metadata.namespace !== namespace) return false
        return deployment === undefined || workloadNameOf(pod) === deployment
      })
      .sort(([a], [b]) => compareText(a, b))
      .map(([key, worker]) => ({
        name: `${this.#options.cluster}/${key}`,
        setProgramFault: (fault) => worker.setProgramFault(fault),
        signal: (signal, container) => worker.signal(signal, container),
      }))
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#synced.resolve()
    for (const worker of this.#workers.values()) worker.close()
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()))
    await this.#site?.network.close()
    await this.#processes.close()
    await this.#closeServer?.()
    this.#client.close()
  }

  /** The port of kubelets, or any other where somebody else has that one on every address. */
  async #serve(
    options: Omit<Parameters<typeof startKubeletServer>[0], 'port'>,
  ): Promise<{ port: number; close(): Promise<void> }> {
    try {
      return await startKubeletServer({ ...options, port: serverPort })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      return startKubeletServer({ ...options, port: 0 })
    }
  }

  /** The authority that signs the client certificate of a real API server; it publishes that for servers behind it. */
  async #clientAuthority(): Promise<string | undefined> {
    const published = await this.#api.find<KubeObject & { data?: Record<string, string> }>(
      resources.configMaps,
      'kube-system',
      'extension-apiserver-authentication',
    )
    return published?.data?.['client-ca-file']
  }

  async #serverVersion(): Promise<string> {
    const { gitVersion } = await this.#client.request<{ gitVersion?: string }>('GET', '/version')
    return gitVersion ?? 'v1.34.0'
  }

  async #makeSite(): Promise<NodeSite> {
    const { cluster, dataDir, addresses, node, proxies } = this.#options
    const region = 'topology.kubernetes.io/region'
    const zone = 'topology.kubernetes.io/zone'
    return {
      cluster,
      name: node.name,
      hostIP: addresses.node,
      api: this.#api,
      events: eventRecorder(this.#api, 'kubelet', (error) => this.#log(error)),
      processes: this.#processes,
      addresses: new AddressPool(addresses),
      lowPorts: await lowPortsOn(addresses.node),
      pods: join(dataDir, 'pods'),
      claims: join(dataDir, 'claims'),
      programs: preparePrograms(join(dataDir, 'programs')),
      compileCache: join(dataDir, 'compiled'),
      network: new ServiceNetwork(this.#client, (message) => this.#log(message)),
      proxies,
      locality: () => ({
        region: this.#node?.metadata.labels?.[region] ?? '',
        zone: this.#node?.metadata.labels?.[zone] ?? '',
      }),
      log: (message) => this.#log(message),
    }
  }

  #watch(): void {
    const { name } = this.#options.node
    const nodes = new Reflector({
      client: this.#client,
      type: resources.nodes,
      fieldSelector: `metadata.name=${name}`,
      sink: {
        replace: (objects) => {
          this.#node = [...objects.values()].find((object) => object.metadata.name === name) ?? this.#node
        },
        set: (_key, object) => {
          if (object.metadata.name === name) this.#node = object
        },
        delete: () => undefined,
      },
    })
    const pods = new Reflector({
      client: this.#client,
      type: resources.pods,
      fieldSelector: `spec.nodeName=${name}`,
      timing: { firstRetryMs: 200, maximumRetryMs: 5_000 },
      sink: {
        replace: (objects) => {
          for (const [key, worker] of this.#workers) if (!objects.has(key)) this.#removed(key, worker)
          for (const [key, object] of objects) this.#seen(key, object as Pod)
          this.#sweep(objects)
          this.#synced.resolve()
        },
        set: (key, object) => this.#seen(key, object as Pod),
        delete: (key) => {
          const worker = this.#workers.get(key)
          if (worker) this.#removed(key, worker)
        },
        state: (state, error) => {
          if (state === 'failing' && error) this.#log(`watching pods: ${error.message}`)
        },
      },
    })
    this.#reflectors = [nodes, pods]
    for (const reflector of this.#reflectors) reflector.start()
  }

  #seen(key: string, pod: Pod): void {
    if (!this.#site || pod.spec?.nodeName !== this.#options.node.name) return
    const known = this.#workers.get(key)
    if (known && known.pod.metadata.uid === pod.metadata.uid) return known.update(pod)
    if (known) this.#removed(key, known)
    const worker = new PodWorker(this.#site, pod)
    this.#workers.set(key, worker)
    worker
      .run()
      .catch((error: unknown) =>
        this.#log(`pod ${key}: ${error instanceof Error ? (error.stack ?? '') : String(error)}`),
      )
  }

  #removed(key: string, worker: PodWorker): void {
    this.#workers.delete(key)
    worker.removed().catch((error: unknown) => this.#log(`pod ${key}: ${String(error)}`))
  }

  #swept = false

  /** Removes folders of pods that are no more, once: later they go with their pods. */
  #sweep(objects: ReadonlyMap<string, KubeObject>): void {
    if (this.#swept) return
    this.#swept = true
    const uids = new Set([...objects.values()].map((object) => object.metadata.uid))
    const folder = join(this.#options.dataDir, 'pods')
    for (const name of readdirSync(folder))
      if (!uids.has(name)) rmSync(join(folder, name), { recursive: true, force: true })
  }

  #log(what: unknown): void {
    if (!this.#stop.signal.aborted)
      this.#options.log(`${this.#options.cluster}: kubelet: ${what instanceof Error ? what.message : String(what)}`)
  }
}
