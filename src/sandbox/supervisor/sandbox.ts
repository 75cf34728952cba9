// A sandbox: several clusters side by side in this process, a control plane over them, and everything that they start.
// Assembles; what each part does is its own.
import { randomBytes } from 'node:crypto'
import { createWriteStream, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { loadAccess, registerCluster, standardRegistrations } from '../../clusters/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import { findEnvoy } from '../envoy/index.ts'
import { FaultError, type FaultOrder, Faults } from '../faults/index.ts'
import { SandboxCluster } from './cluster.ts'
import { ControlPlane } from './control-plane.ts'
import { socketPath } from './control-socket.ts'
import { faultTargets } from './fault-targets.ts'
import { sandboxDirectory } from './home.ts'
import {
  type ClusterAccess,
  type KubeconfigContent,
  kubeconfigFor,
  mergeKubeconfig,
  unmergeKubeconfig,
  writeKubeconfig,
} from './kubeconfig.ts'
import { takeLock } from './lock.ts'
import { SandboxMachines } from './machines.ts'
import { Applier } from './manifests.ts'
import { meshAuthorities } from './mesh-authority.ts'
import { managementNamespaces, remoteSecret } from './mesh-objects.ts'
import { type OrderDesk, openOrderDesk } from './orders.ts'
import { freePort } from './ports.ts'
import { type OnProgress, runStep } from './progress.ts'
import { type Claim, claimAddresses } from './ranges.ts'
import { installSample } from './samples.ts'
import { type ClusterSpec, clustersOf, type SampleSpec, type SandboxSpec, SpecError } from './spec.ts'
import { readState, type SandboxState, writeState } from './state.ts'
import { type SandboxStatus, statusOf } from './status.ts'

export interface SandboxOptions {
  /** Tells sandboxes of one user apart. */
  readonly name?: string
  readonly spec: SandboxSpec
  /** A kubeconfig of the user's to which the contexts are added. */
  readonly kubeconfigFile?: string | undefined
  /** Clusters whose API server exists already, by cluster name. */
  readonly on?: ReadonlyMap<string, ClusterAccess>
  readonly onProgress?: OnProgress
  /** Takes orders over the sandbox's Unix socket; `down` asks the caller to close the sandbox. */
  readonly onDown?: () => void
  readonly env?: NodeJS.ProcessEnv
  readonly signal?: AbortSignal
  /** False leaves out the control plane: bare clusters. */
  readonly controlPlane?: boolean
}

export interface SandboxHandle {
  readonly name: string
  readonly directory: string
  /** File with a context per cluster. */
  readonly kubeconfig: string
  readonly clusters: readonly SandboxCluster[]
  readonly machines: SandboxMachines
  readonly controlPlane: ControlPlane | undefined
  readonly socket: string
  readonly spec: SandboxSpec
  status(): Promise<SandboxStatus>
  installSample(sample: SampleSpec): Promise<void>
  /** Begins or heals a fault; returns its name. */
  fault(order: FaultOrder): Promise<string>
  /** Faults in force. */
  faults(): FaultOrder[]
  restartControlPlane(): Promise<void>
  close(): Promise<void>
}

/** Starts a sandbox, or starts one again that was there before; resolves when it is ready for use. */
export async function startSandbox(options: SandboxOptions): Promise<SandboxHandle> {
  const name = options.name ?? 'default'
  const directory = sandboxDirectory(name, options.env)
  const unlock = takeLock(directory, name, socketPath(directory))
  const sandbox = new Sandbox(name, directory, options, unlock)
  try {
    await sandbox.start()
    return sandbox
  } catch (error) {
    await sandbox.close()
    throw error
  }
}

const readyWithinMs = 90_000

export class Sandbox implements SandboxHandle {
  readonly name: string
  readonly directory: string
  readonly kubeconfig: string
  readonly socket: string
  readonly spec: SandboxSpec
  readonly clusters: SandboxCluster[] = []
  readonly machines: SandboxMachines
  controlPlane: ControlPlane | undefined
  private readonly options: SandboxOptions
  private readonly unlock: () => void
  private readonly onProgress: OnProgress
  private readonly log: (message: string) => void
  private readonly endLog: () => void
  private envoyPath: Promise<string> | undefined
  private state: SandboxState
  private kubeconfigContent: KubeconfigContent | undefined
  private closing: Promise<void> | undefined
  private desk: OrderDesk | undefined
  private readonly allFaults: Faults
  private readonly cuts = new Set<string>()

  constructor(name: string, directory: string, options: SandboxOptions, unlock: () => void) {
    this.name = name
    this.directory = directory
    this.options = options
    this.spec = options.spec
    this.unlock = unlock
    this.kubeconfig = join(directory, 'kubeconfig')
    this.socket = socketPath(directory)
    this.onProgress = (event) => {
      this.desk?.progress(event)
      options.onProgress?.(event)
    }
    this.allFaults = new Faults(faultTargets(this))
    this.machines = new SandboxMachines({
      specs: options.spec.vms ?? [],
      clusterOf: (cluster) => this.clusterOf(cluster),
      directory: join(directory, 'machines'),
      envoy: () => this.envoy(),
      xds: () => `127.0.0.1:${this.state.ports['xds']}`,
      log: (message) => this.log(message),
    })
    const before = readState(directory)
    this.state = {
      spec: options.spec,
      clusters: before?.clusters ?? {},
      ports: before?.ports ?? {},
      ...(options.kubeconfigFile === undefined ? {} : { kubeconfigFile: options.kubeconfigFile }),
    }
    mkdirSync(join(directory, 'logs'), { recursive: true })
    const stream = createWriteStream(join(directory, 'logs', 'sandbox.log'), { flags: 'a' })
    // A log that cannot be written (a full disk) must not end what it tells of.
    stream.on('error', (error) => console.error(`sandbox.log: ${error.message}`))
    this.log = (message) => void stream.write(`${new Date().toISOString()} ${message}\n`)
    this.endLog = () => stream.end()
  }

  async start(): Promise<void> {
    const { onProgress } = this
    const specs = clustersOf(this.spec)
    this.desk = await openOrderDesk(this.socket, () => (this.options.onDown ?? (() => void this.close()))())
    await runStep(onProgress, 'find Envoy', async () => void (await this.envoy()))
    await runStep(onProgress, `start ${specs.length} API server${specs.length === 1 ? '' : 's'}`, async () => {
      for (const spec of specs) this.clusters.push(await this.openCluster(spec))
    })
    await this.remember()
    await this.machines.place()
    await runStep(onProgress, 'start controllers and kubelets', () => this.eachCluster((cluster) => cluster.run()))
    if (this.options.controlPlane !== false) {
      await runStep(onProgress, 'prepare namespaces', async () => {
        const authorities = await this.authorities()
        await this.eachCluster((cluster) => this.prepare(cluster, authorities.get(cluster.spec.name)))
      })
      await this.startControlPlane()
      for (const machine of this.machines.placed) {
        const start = (): Promise<void> => this.machines.start(machine, readyWithinMs, this.options.signal)
        await runStep(onProgress, `start vm ${machine.spec.name}`, start)
      }
    }
    for (const sample of this.spec.samples ?? []) {
      await runStep(onProgress, `install ${sample.sample} on ${sample.context}`, () => this.installSample(sample))
    }
    this.desk.open(this)
  }

  status(): Promise<SandboxStatus> {
    return statusOf(this)
  }

  async installSample(sample: SampleSpec): Promise<void> {
    const cluster = this.clusterOf(sample.context)
    const { signal } = this.options
    await installSample({
      ...sample,
      context: cluster.spec.context,
      kubeconfig: cluster.kubeconfig,
      ...(signal ? { signal } : {}),
    })
  }

  fault(order: FaultOrder): Promise<string> {
    return this.allFaults.apply(order)
  }

  faults(): FaultOrder[] {
    return this.allFaults.list()
  }

  async restartControlPlane(): Promise<void> {
    if (!this.controlPlane) throw new Error('the sandbox runs without a control plane')
    await this.controlPlane.restart()
    await this.controlPlane.awaitReady(readyWithinMs, this.options.signal)
  }

  /** Lets nothing that `from` opens reach `to`, or joins them again. Throws `FaultError` where nothing stands between. */
  setCut(from: string, to: string, cut: boolean): void {
    const [source, end] = [this.clusterOf(from).spec, this.clusterOf(to).spec]
    if (source.network === end.network) {
      throw new FaultError(`${source.name} and ${end.name} are in one network: there is nothing between them to cut`)
    }
    if (cut) this.cuts.add(`${source.name} ${end.name}`)
    else this.cuts.delete(`${source.name} ${end.name}`)
    this.setPeers()
  }

  close(): Promise<void> {
    this.closing ??= this.shutDown()
    return this.closing
  }

  private async shutDown(): Promise<void> {
    await this.desk?.close()
    await this.machines.close()
    await this.controlPlane?.stop()
    await Promise.all(this.clusters.map((cluster) => cluster.close()))
    const { kubeconfigFile } = this.options
    if (kubeconfigFile !== undefined && this.kubeconfigContent)
      unmergeKubeconfig(kubeconfigFile, this.kubeconfigContent)
    this.endLog()
    this.unlock()
  }

  private envoy(): Promise<string> {
    this.envoyPath ??= findEnvoy({
      env: this.options.env ?? process.env,
      onProgress: (detail) => this.onProgress({ step: 'find Envoy', state: 'note', detail }),
      ...(this.options.signal ? { signal: this.options.signal } : {}),
    }).then((found) => found.path)
    return this.envoyPath
  }

  /** The cluster of a context; of a cluster name, too. Throws `SpecError`. */
  clusterOf(context: string): SandboxCluster {
    const found =
      this.clusters.find((c) => c.spec.context === context) ?? this.clusters.find((c) => c.spec.name === context)
    if (!found) {
      throw new SpecError(
        `there is no context ${context}; there are ${this.clusters.map((c) => c.spec.context).join(', ')}`,
      )
    }
    return found
  }

  private eachCluster(work: (cluster: SandboxCluster) => Promise<void>): Promise<unknown> {
    return Promise.all(this.clusters.map(work))
  }

  private async openCluster(spec: ClusterSpec): Promise<SandboxCluster> {
    const known = this.state.clusters[spec.name]
    const claim: Claim = await claimAddresses(known?.slot)
    const on = this.options.on?.get(spec.name)
    try {
      const cluster = await SandboxCluster.open({
        spec,
        directory: join(this.directory, 'clusters', spec.name),
        claim,
        port: known?.port,
        envoy: () => this.envoy(),
        machines: () => this.machines.map,
        kubeletToken: randomBytes(24).toString('base64url'),
        xds: () => (this.options.controlPlane === false ? undefined : `127.0.0.1:${this.state.ports['xds']}`),
        log: this.log,
        ...(on ? { on } : {}),
      })
      this.state.clusters[spec.name] = {
        slot: claim.addresses.slot,
        ...(cluster.port === undefined ? {} : { port: cluster.port }),
      }
      return cluster
    } catch (error) {
      claim.release()
      throw error
    }
  }

  /** Writes what the next start, and the user, need to find. */
  private async remember(): Promise<void> {
    for (const name of ['xds', 'http', 'xdsPlaintext']) this.state.ports[name] = await freePort(this.state.ports[name])
    writeState(this.directory, this.state)
    this.kubeconfigContent = kubeconfigFor(this.clusters.map((cluster) => cluster.access))
    writeKubeconfig(this.kubeconfig, this.kubeconfigContent)
    const { kubeconfigFile } = this.options
    if (kubeconfigFile !== undefined) mergeKubeconfig(kubeconfigFile, this.kubeconfigContent)
    this.setPeers()
  }

  private setPeers(): void {
    const home = this.clusters.find((cluster) => cluster.spec.management)
    /** What `cluster` does with what `from` opens. */
    const stateOf = (cluster: SandboxCluster, from: SandboxCluster): 'open' | 'silent' =>
      this.cuts.has(`${from.spec.name} ${cluster.spec.name}`) ? 'silent' : 'open'
    for (const cluster of this.clusters) {
      const others = this.clusters.filter((other) => other !== cluster)
      cluster.setPeers(
        others.map((other) => ({
          name: other.spec.name,
          addresses: other.claim.addresses.pods,
          state: stateOf(cluster, other),
        })),
      )
      // The control plane lives on the management cluster; a cut takes its sight of the other one, too.
      if (home && cluster !== home) cluster.setFront(stateOf(cluster, home))
    }
  }

  /** Clusters without a management cluster are one mesh, whose certificates have one root. */
  private async authorities(): Promise<ReadonlyMap<string, KubeObject>> {
    const members = this.members()
    if (members.length < 2 || this.clusters.some(({ spec }) => spec.management)) return new Map()
    const names = members.map(({ spec }) => spec.name)
    return meshAuthorities(this.directory, names)
  }

  private members(): SandboxCluster[] {
    return this.clusters.filter((cluster) => cluster.spec.registered)
  }

  private async prepare(cluster: SandboxCluster, authority: KubeObject | undefined): Promise<void> {
    if (cluster.spec.registered) await cluster.prepareMesh(authority ? [authority] : [])
    if (!cluster.spec.management) return
    await this.applyTo(cluster, async (applier) => {
      await applier.apply(
        managementNamespaces.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
      )
    })
  }

  private async startControlPlane(): Promise<void> {
    const management = this.clusters.find((cluster) => cluster.spec.management)
    const members = this.members()
    const watched = management ? [management] : members
    const { ports } = this.state
    this.controlPlane = new ControlPlane({
      clusters: watched.map(({ spec, access }) => ({ name: spec.name, access })),
      directory: this.directory,
      ports: { xds: ports['xds'] ?? 0, http: ports['http'] ?? 0, xdsPlaintext: ports['xdsPlaintext'] ?? 0 },
      workloadCertTtl: this.spec.workloadCertTtl,
      nameServers: this.spec.nameServers,
      onExit: (how) => this.log(`control plane ended (${how}); it is started again`),
    })
    await runStep(this.onProgress, 'start the control plane', async () => {
      this.controlPlane?.start()
      await this.controlPlane?.awaitReady(readyWithinMs, this.options.signal)
    })
    await runStep(this.onProgress, management ? 'register clusters' : 'join clusters', async () => {
      if (management) await this.register(management, members)
      else await this.join(members)
    })
    // Meshes that a dialect federates have their own ways into each other's networks.
    const eastWest = !management && new Set(members.map(({ spec }) => spec.network)).size > 1
    await runStep(this.onProgress, 'install gateways', () =>
      Promise.all(members.map((cluster) => cluster.installGateways({ eastWest }, readyWithinMs, this.options.signal))),
    )
  }

  /** Registers every cluster with the management cluster, itself included, as `fairlead cluster add` does. */
  private async register(management: SandboxCluster, members: readonly SandboxCluster[]): Promise<void> {
    await this.applyTo(management, async (applier) => {
      // The control plane installs its definitions when it holds its Lease.
      for (const { group } of standardRegistrations)
        await applier.awaitServed(`${group}/v1alpha1`, 'KubernetesCluster', readyWithinMs, this.options.signal)
    })
    for (const member of members) {
      if (member !== management) await member.awaitFront(readyWithinMs)
      await registerCluster({
        name: member.spec.name,
        access: loadAccess(member.kubeconfig, member.spec.context),
        management: loadAccess(management.kubeconfig, management.spec.context),
        registrations: standardRegistrations,
        ...(member !== management && member.frontUrl !== undefined ? { server: member.frontUrl } : {}),
        report: (step) => this.log(`register ${member.spec.name}: ${step}`),
      })
    }
  }

  private async join(members: readonly SandboxCluster[]): Promise<void> {
    for (const cluster of members) {
      await this.applyTo(cluster, async (applier) => {
        for (const other of members) {
          if (other === cluster) continue
          await applier.apply([remoteSecret(other.spec, await other.accessFor(`istio-reader:${cluster.spec.name}`))])
        }
      })
    }
  }

  private async applyTo(cluster: SandboxCluster, work: (applier: Applier) => Promise<void>): Promise<void> {
    const applier = new Applier(cluster.kubeconfig, cluster.spec.context)
    try {
      await work(applier)
    } finally {
      applier.close()
    }
  }
}
