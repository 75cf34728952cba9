// One embedded cluster: API server, controllers, load balancer, kubelet. Or, where the API server exists already
// (`--on`), the same without one of our own.
import { join } from 'node:path'
import type { Machines } from '../../mesh/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import { type ApiServer, startApiServer } from '../apiserver/index.ts'
import {
  type Controller,
  type LoadBalancer,
  loadBalancer,
  type Peer,
  type RunningControllers,
  runControllers,
} from '../controllers/index.ts'
import type { Victim } from '../faults/index.ts'
import { type RunningKubelet, startKubelet } from '../kubelet/index.ts'
import { type Child, keepRunning } from './child.ts'
import { type ClusterAccess, kubeconfigFor, writeKubeconfig } from './kubeconfig.ts'
import { Applier, awaitDeployments } from './manifests.ts'
import {
  eastWestGatewayName,
  eastWestObjects,
  gatewayName,
  gatewayObjects,
  meshObjects,
  systemNamespace,
} from './mesh-objects.ts'
import { awaitListening, freePort } from './ports.ts'
import type { Claim } from './ranges.ts'
import { RootFile } from './root-file.ts'
import type { ClusterSpec } from './spec.ts'

export interface ClusterOptions {
  readonly spec: ClusterSpec
  /** Folder of this cluster's files. */
  readonly directory: string
  readonly claim: Claim
  /** Port that it had before. */
  readonly port?: number | undefined
  /** Proof of the API server to the kubelet. */
  readonly kubeletToken: string
  /** How to reach the API server that exists already; without it, one of our own is started. */
  readonly on?: ClusterAccess
  readonly envoy: () => Promise<string>
  /** Machines outside of clusters that are not where the mesh knows them. */
  readonly machines: () => Machines
  /** Where proxies find their control plane, as host:port; undefined if there is none. */
  readonly xds: () => string | undefined
  readonly log: (message: string) => void
}

const frontPort = 6443

/** Everything of one cluster that this process runs. */
export class SandboxCluster {
  readonly spec: ClusterSpec
  readonly directory: string
  readonly claim: Claim
  readonly access: ClusterAccess
  /** A kubeconfig with this cluster's context only. */
  readonly kubeconfig: string
  private readonly kubeletToken: string
  private readonly options: ClusterOptions
  private readonly balancer: LoadBalancer
  private server: ApiServer | undefined
  private controllers: RunningControllers | undefined
  private balancerEnvoy: Child | undefined
  private kubelet: RunningKubelet | undefined
  private rootFile: RootFile | undefined

  private constructor(options: ClusterOptions, access: ClusterAccess, server?: ApiServer) {
    this.options = options
    this.kubeletToken = options.kubeletToken
    this.spec = options.spec
    this.directory = options.directory
    this.claim = options.claim
    this.access = access
    this.server = server
    this.kubeconfig = join(options.directory, 'kubeconfig')
    writeKubeconfig(this.kubeconfig, kubeconfigFor([access]))
    this.balancer = this.makeBalancer()
  }

  /** Starts the API server, if it is ours. */
  static async open(options: ClusterOptions): Promise<SandboxCluster> {
    if (options.on) return new SandboxCluster(options, options.on)
    const server = await startServer(options, await freePort(options.port))
    const admin = await server.issueCredential('fairlead-admin', ['system:masters'])
    const { context } = options.spec
    const user = { token: admin.token }
    const access = { context, server: server.url, certificateAuthority: server.caPem, user }
    return new SandboxCluster(options, access, server)
  }

  get port(): number | undefined {
    return this.server?.port
  }

  get balancerPid(): number | undefined {
    return this.balancerEnvoy?.id?.pid
  }

  get duties(): readonly string[] {
    return this.controllers?.duties ?? []
  }

  /** Starts controllers, load balancer and kubelet, and returns when they have read everything once. */
  async run(): Promise<void> {
    const more: Controller[] = [this.balancer.controller]
    const { name, context } = this.spec
    const { log } = this.options
    this.controllers = await runControllers({ cluster: name, kubeconfig: this.kubeconfig, context, more, log })
    await this.controllers.ready
    this.kubelet = await this.startKubelet()
    await this.kubelet.synced
  }

  private async startKubelet(): Promise<RunningKubelet> {
    const { name, region, zone, network, context, registered } = this.spec
    const { addresses } = this.claim
    const address = registered ? this.options.xds() : undefined
    if (address !== undefined) {
      this.rootFile = new RootFile(this.kubeconfig, context, join(this.directory, 'control-plane-root.pem'))
    }
    const proxies = address !== undefined && this.rootFile ? { address, rootFile: this.rootFile.path } : undefined
    return startKubelet({
      cluster: name,
      access: { kubeconfig: this.kubeconfig, context },
      dataDir: join(this.directory, 'kubelet'),
      node: { name: `${name}-control-plane`, region, zone },
      addresses: { node: addresses.node, pods: addresses.pods, programs: addresses.programs },
      token: this.kubeletToken,
      log: this.options.log,
      ...(proxies
        ? {
            proxies: {
              envoyPath: await this.options.envoy(),
              xds: proxies,
              network,
              machines: this.options.machines(),
            },
          }
        : {}),
    })
  }

  /** Makes what every cluster of the mesh has: system namespace, mesh configuration, and `more`. */
  async prepareMesh(more: readonly KubeObject[]): Promise<void> {
    const applier = new Applier(this.kubeconfig, this.spec.context)
    try {
      await applier.apply([...meshObjects(this.spec), ...more])
    } finally {
      applier.close()
    }
  }

  /** Installs the gateways, once the control plane is known to proxies, and waits until they are up. */
  async installGateways(which: { readonly eastWest: boolean }, withinMs: number, signal?: AbortSignal): Promise<void> {
    await this.rootFile?.written(withinMs, signal)
    const applier = new Applier(this.kubeconfig, this.spec.context)
    const names = [gatewayName]
    try {
      await applier.apply(gatewayObjects(), systemNamespace)
      if (which.eastWest) {
        const objects = eastWestObjects(this.spec.network)
        // The control plane installs the definitions when it holds its Lease.
        for (const { apiVersion, kind } of objects) await applier.awaitServed(apiVersion, kind, withinMs, signal)
        await applier.apply(objects, systemNamespace)
        names.push(eastWestGatewayName)
      }
      await awaitDeployments(applier, systemNamespace, names, { withinMs, ...(signal ? { signal } : {}) })
    } finally {
      applier.close()
    }
  }

  /** A credential that another cluster, or the control plane, uses to reach this one. */
  async accessFor(user: string): Promise<ClusterAccess> {
    if (!this.server) return this.access
    const credential = await this.server.issueCredential(user, ['system:masters'])
    return { ...this.access, user: { token: credential.token } }
  }

  /** Pods that run on this machine, for faults. */
  victims(namespace?: string, deployment?: string): Victim[] {
    return this.kubelet?.victims(namespace, deployment) ?? []
  }

  setPeers(peers: readonly Peer[]): void {
    this.balancer.setPeers(peers)
  }

  /** URL under which the control plane finds the API server of this cluster from another one. */
  get frontUrl(): string | undefined {
    return this.options.on ? undefined : `https://${this.claim.addresses.apiFront}:${frontPort}`
  }

  /** Waits until the front is open. */
  async awaitFront(withinMs: number): Promise<void> {
    if (!this.options.on) await awaitListening(this.claim.addresses.apiFront, frontPort, withinMs)
  }

  /** Opens the way from the control plane to the API server, or cuts it. */
  setFront(state: Peer['state']): void {
    if (this.options.on) return
    const target = { address: '127.0.0.1', port: Number(new URL(this.access.server).port) }
    const { apiFront } = this.claim.addresses
    this.balancer.setFronts([{ name: 'kubernetes API', address: apiFront, port: frontPort, target, state }])
  }

  /** Takes the API server away, or brings it back on the same port with all that it knew. */
  async setReachable(reachable: boolean): Promise<void> {
    if (this.options.on) throw new Error(`the API server of ${this.spec.name} is not ours to stop`)
    if (reachable && !this.server) {
      this.server = await startServer(this.options, Number(new URL(this.access.server).port))
    } else if (!reachable && this.server) {
      const { server } = this
      this.server = undefined
      await server.close()
    }
  }

  get reachable(): boolean {
    return this.options.on !== undefined || this.server !== undefined
  }

  async close(): Promise<void> {
    await this.kubelet?.close()
    await this.rootFile?.close()
    await this.controllers?.close()
    await this.balancerEnvoy?.stop()
    await this.server?.close()
    this.server = undefined
    this.claim.release()
  }

  private makeBalancer(): LoadBalancer {
    const { addresses } = this.claim
    const directory = join(this.directory, 'load-balancer')
    return loadBalancer({
      directory,
      addresses: addresses.loadBalancers,
      adminAddress: addresses.loadBalancerAdmin,
      startEnvoy: async (bootstrapFile) => {
        const quiet = ['--disable-hot-restart', '--concurrency', '1', '--drain-time-s', '1', '-l', 'warning']
        this.balancerEnvoy = keepRunning({
          name: `load balancer of ${this.spec.name}`,
          command: await this.options.envoy(),
          args: ['-c', bootstrapFile, ...quiet],
          logFile: join(this.directory, 'logs', 'load-balancer.log'),
          onExit: (how) => this.options.log(`${this.spec.name}: load balancer ended (${how}); it is started again`),
        })
      },
    })
  }
}

function startServer(options: ClusterOptions, port: number): Promise<ApiServer> {
  const { spec, directory, log, kubeletToken } = options
  return startApiServer({
    dataDir: join(directory, 'store'),
    port,
    kubelet: { token: kubeletToken },
    alternativeNames: [options.claim.addresses.apiFront],
    onError: (error) => log(`${spec.name}: API server: ${error instanceof Error ? error.stack : String(error)}`),
  })
}
