// The machines of a sandbox: where each stands on this computer, and how it comes by the files that it joins a mesh with.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isNotFound, KubeClient, loadAccess, sleep } from '../../clusters/index.ts'
import type { Machines } from '../../mesh/index.ts'
import type { WorkloadGroup } from '../../resources/istio/index.ts'
import { ConfigureError, configureMachine, writeMachineFiles } from '../../vm/index.ts'
import { preparePrograms } from '../images/index.ts'
import { lowPortsOn, realPorts } from '../kubelet/index.ts'
import { filesFolder, type MachineProgram, machineProgram, SandboxMachine } from '../machines/index.ts'
import type { SandboxCluster } from './cluster.ts'
import { Applier, readExample } from './manifests.ts'
import { systemNamespace } from './mesh-objects.ts'
import { sampleNames } from './sample-names.ts'
import { type MachineSpec, SpecError } from './spec.ts'

/** A machine with its place on this computer. */
export interface PlacedMachine {
  readonly spec: MachineSpec
  readonly cluster: SandboxCluster
  readonly address: string
  readonly programAddress: string
  readonly program: MachineProgram | undefined
  /** Port as others know it → number under which it is open. */
  readonly ports: ReadonlyMap<number, number>
}

export interface MachinesOptions {
  readonly specs: readonly MachineSpec[]
  /** Finds a cluster by its name. Throws `SpecError`. */
  readonly clusterOf: (name: string) => SandboxCluster
  /** For files and logs of all machines. */
  readonly directory: string
  readonly envoy: () => Promise<string>
  readonly xds: () => string
  readonly log: (message: string) => void
}

const tokenSeconds = 3600
const groupPollMs = 500

/** All machines of a sandbox. */
export class SandboxMachines {
  readonly #options: MachinesOptions
  #placed: PlacedMachine[] = []
  readonly #running = new Map<string, SandboxMachine>()
  readonly #closing = new AbortController()

  constructor(options: MachinesOptions) {
    this.#options = options
  }

  /** Finds each machine its place; before proxies start, since they are told. Throws `SpecError`. */
  async place(): Promise<void> {
    const { specs, clusterOf, directory } = this.#options
    if (specs.length === 0) return
    checkSpecs(specs)
    const programs = preparePrograms(join(directory, 'programs'))
    for (const [index, spec] of specs.entries()) {
      const cluster = clusterOf(spec.cluster)
      if (!cluster.spec.registered)
        throw new SpecError(`vm ${spec.name}: cluster ${spec.cluster} is not part of the mesh`)
      const { address, programAddress } = cluster.claim.addresses.machine(index + 1)
      const program = programOf(spec, programs)
      const ports = realPorts(spec.ports ?? program?.ports ?? [], await lowPortsOn(address))
      this.#placed.push({ spec, cluster, address, programAddress, program, ports })
    }
  }

  /** Where proxies find machines that the mesh knows by addresses which are not of this computer. */
  get map(): Machines {
    const entries = this.#placed.flatMap(({ spec, address, ports }) => {
      const moved = [...ports].filter(([port, real]) => port !== real)
      return spec.address === undefined ? [] : [[spec.address, { address, ports: Object.fromEntries(moved) }] as const]
    })
    return Object.fromEntries(entries)
  }

  get placed(): readonly PlacedMachine[] {
    return this.#placed
  }

  find(name: string): SandboxMachine | undefined {
    return this.#running.get(name)
  }

  /**
   * Gives a machine its files, as an operator would, and switches it on. Resolves when its proxy is ready. One that is to
   * register with a group that is not there yet is started when the group comes.
   */
  async start(placed: PlacedMachine, withinMs: number, signal?: AbortSignal): Promise<void> {
    const { spec, cluster } = placed
    const [namespace = '', account = ''] = spec.serviceAccount.split('/')
    await makeAccount(cluster, namespace, account)
    if (spec.group === undefined || (await this.#group(placed))) return this.#switchOn(placed, withinMs, signal)
    this.#options.log(`vm ${spec.name}: waits for WorkloadGroup ${spec.group}`)
    void this.#startLater(placed, withinMs)
  }

  async #startLater(placed: PlacedMachine, withinMs: number): Promise<void> {
    const { signal } = this.#closing
    const say = (error: unknown): void =>
      this.#options.log(`vm ${placed.spec.name}: ${error instanceof Error ? error.message : String(error)}`)
    while (!signal.aborted && !(await this.#group(placed).catch(() => undefined))) await sleep(groupPollMs, signal)
    if (!signal.aborted) await this.#switchOn(placed, withinMs, signal).catch(say)
  }

  async #switchOn(placed: PlacedMachine, withinMs: number, signal?: AbortSignal): Promise<void> {
    const { spec, cluster, address, programAddress, program, ports } = placed
    const { directory, envoy, log } = this.#options
    const own = join(directory, spec.name)
    mkdirSync(own, { recursive: true, mode: 0o700 })
    const end = Date.now() + withinMs
    writeMachineFiles(filesFolder(own), await this.#files(placed, end, signal))
    const { region, zone } = cluster.spec
    const machine = new SandboxMachine({
      name: spec.name,
      directory: own,
      envoyPath: await envoy(),
      address,
      programAddress,
      ports,
      machines: this.map,
      locality: { region, zone },
      program,
      compileCache: join(directory, 'compiled'),
      log: (line) => log(`vm ${spec.name}: ${line}`),
    })
    this.#running.set(spec.name, machine)
    await machine.open()
    while (!(await machine.ready())) {
      signal?.throwIfAborted()
      if (Date.now() > end)
        throw new Error(`vm ${spec.name} is not ready after ${withinMs / 1000} s; its logs: ${own}/logs`)
      await delay(100)
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all([...this.#running.values()].map((machine) => machine.close()))
  }

  /** The group that the machine is to register with, if it is there by now. */
  async #group({ spec, cluster }: PlacedMachine): Promise<WorkloadGroup | undefined> {
    if (spec.group === undefined) return undefined
    const client = new KubeClient(loadAccess(cluster.kubeconfig, cluster.spec.context), 'fairlead-sandbox')
    try {
      return (await client.get(workloadGroups, spec.group, spec.serviceAccount.split('/')[0])) as WorkloadGroup
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    } finally {
      client.close()
    }
  }

  async #files(placed: PlacedMachine, end: number, signal?: AbortSignal): Promise<Record<string, string>> {
    const { spec, cluster, address } = placed
    const [namespace = '', account = ''] = spec.serviceAccount.split('/')
    const xds = URL.parse(`tcp://${this.#options.xds()}`)
    const group: WorkloadGroup = {
      apiVersion: 'networking.istio.io/v1',
      kind: 'WorkloadGroup',
      metadata: { name: spec.group ?? spec.name, namespace },
      spec: {
        metadata: { labels: spec.labels ?? {} },
        template: { serviceAccount: account, network: spec.network ?? cluster.spec.network },
      },
    }
    const client = new KubeClient(loadAccess(cluster.kubeconfig, cluster.spec.context), 'fairlead-sandbox')
    try {
      for (;;) {
        try {
          return await configureMachine({
            client,
            group: (await this.#group(placed)) ?? group,
            cluster: cluster.spec.name,
            systemNamespace,
            address: spec.address ?? address,
            controlPlaneIp: xds?.hostname,
            controlPlanePort: Number(xds?.port),
            autoRegister: spec.group !== undefined,
            captureDns: false,
            tokenSeconds,
          })
        } catch (error) {
          // The root reaches a new namespace a moment after it was made.
          if (!(error instanceof ConfigureError) || Date.now() > end) throw error
          signal?.throwIfAborted()
          await delay(100)
        }
      }
    } finally {
      client.close()
    }
  }
}

function checkSpecs(specs: readonly MachineSpec[]): void {
  for (const field of ['name', 'address'] as const) {
    const seen = new Set<string>()
    for (const { [field]: value } of specs) {
      if (value !== undefined && seen.has(value)) throw new SpecError(`two machines have the ${field} ${value}`)
      if (value !== undefined) seen.add(value)
    }
  }
}

function programOf(spec: MachineSpec, programs: string): MachineProgram | undefined {
  if (spec.sample === undefined) return undefined
  if (!sampleNames().includes(spec.sample))
    throw new SpecError(`vm ${spec.name}: there is no sample ${spec.sample}; there are ${sampleNames().join(', ')}`)
  const found = machineProgram(readExample(`samples/${spec.sample}.yaml`), { deployment: spec.deployment, programs })
  if (!found)
    throw new SpecError(
      `vm ${spec.name}: sample ${spec.sample} has no Deployment ${spec.deployment ?? ''} that a machine can run`,
    )
  return found
}

const workloadGroups = {
  group: 'networking.istio.io',
  version: 'v1',
  plural: 'workloadgroups',
  kind: 'WorkloadGroup',
  namespaced: true,
}

async function makeAccount(cluster: SandboxCluster, namespace: string, name: string): Promise<void> {
  const applier = new Applier(cluster.kubeconfig, cluster.spec.context)
  try {
    await applier.apply([
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    ])
  } finally {
    applier.close()
  }
}
