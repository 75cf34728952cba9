// A machine outside all clusters, as processes of this computer: a program, and an Envoy that got its files as any
// machine's gets them.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Machines } from '../../mesh/index.ts'
import type { ReadinessProbe } from '../../resources/istio/index.ts'
import { readMachine } from '../../vm/index.ts'
import type { Victim } from '../faults/index.ts'
import type { ProgramFault } from '../images/index.ts'
import { ProcessTable, type RunningProcess } from '../kubelet/processes/index.ts'
import {
  HealthReporter,
  type Proxy,
  type ProxyOptions,
  proxyEnvironment,
  proxyPorts,
  startProxy,
} from '../sidecar/index.ts'
import { Daemon } from './daemon.ts'
import { watchHealth } from './health.ts'
import { machineProxy } from './machine-proxy.ts'
import type { MachineProgram } from './program.ts'

export interface MachineOptions {
  readonly name: string
  /** Of this machine alone; the files that it joins the mesh with are in `files` below it. */
  readonly directory: string
  readonly envoyPath: string
  /** Where its Envoy listens, and where its programs do. */
  readonly address: string
  readonly programAddress: string
  /** Port as others know it → number under which it is open. */
  readonly ports: ReadonlyMap<number, number>
  readonly machines: Machines
  readonly locality: { readonly region: string; readonly zone: string }
  readonly program: MachineProgram | undefined
  /** Where Node keeps what it has compiled of the programs. */
  readonly compileCache: string
  readonly log: (line: string) => void
}

/** Folder of the files that a machine joins the mesh with. */
export function filesFolder(directory: string): string {
  return join(directory, 'files')
}

export class SandboxMachine {
  readonly name: string
  readonly address: string
  readonly #options: MachineOptions
  readonly #processes: ProcessTable
  readonly #daemons: Daemon[]
  #proxy: Proxy | undefined
  #fault: ProgramFault = {}
  #stopped = false

  constructor(options: MachineOptions) {
    this.#options = options
    this.name = options.name
    this.address = options.address
    this.#processes = new ProcessTable(join(options.directory, 'processes'))
    const daemon = (name: string, start: (signal: AbortSignal) => Promise<RunningProcess>): Daemon =>
      new Daemon({ name, logFile: join(options.directory, 'logs', `${name}.log`), start, log: options.log })
    const { program } = options
    this.#daemons = [
      ...(program ? [daemon('program', async () => this.#startProgram(program))] : []),
      daemon('envoy', (signal) => this.#startProxy(signal)),
    ]
  }

  /** Switches it on. What an earlier run has left of it is ended first. */
  async open(): Promise<void> {
    await this.#processes.open()
    this.#switchOn()
  }

  /** Whether its Envoy has its configuration. */
  async ready(): Promise<boolean> {
    return (await this.#proxy?.ready()) ?? false
  }

  /** What faults are done to. Killed, a machine stays off until the fault is healed. */
  get victim(): Victim {
    return {
      name: this.name,
      setProgramFault: (fault) => {
        this.#fault = fault ?? {}
        for (const process of this.#running()) this.#applyFault(process)
      },
      signal: (signal) => {
        if (signal === 'SIGKILL') return this.#switchOff()
        this.#stopped = signal === 'SIGSTOP'
        for (const process of this.#running()) process.signal(signal)
      },
      revive: () => this.#switchOn(),
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#daemons.map((daemon) => daemon.close()))
    await this.#processes.close()
  }

  #switchOn(): void {
    for (const daemon of this.#daemons) daemon.start()
  }

  #switchOff(): void {
    for (const daemon of this.#daemons) void daemon.stop()
  }

  #running(): RunningProcess[] {
    return this.#daemons.flatMap(({ process }) => process ?? [])
  }

  #applyFault(process: RunningProcess): void {
    if (process.child.connected) process.child.send({ fault: this.#fault })
    if (this.#stopped) process.signal('SIGSTOP')
  }

  #startProgram({ launch }: MachineProgram): RunningProcess {
    const { name, address, programAddress, ports, directory, compileCache } = this.#options
    const home = join(directory, 'home')
    mkdirSync(join(home, 'tmp'), { recursive: true })
    const isProgram = launch.kind === 'program'
    const env = {
      PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
      HOME: home,
      TMPDIR: join(home, 'tmp'),
      HOSTNAME: name,
      ...proxyEnvironment(address, proxyPorts.outbound),
      FAIRLEAD_LISTEN_ADDRESS: programAddress,
      FAIRLEAD_PORTS: [...ports.values()].join(','),
      FAIRLEAD_SERVED_BY: name,
      NODE_COMPILE_CACHE: compileCache,
      ...launch.env,
    }
    const started = this.#processes.start({ argv: launch.argv, env, cwd: home, ipc: isProgram })
    queueMicrotask(() => this.#applyFault(started))
    return started
  }

  /** For as long as the proxy runs: a machine whose proxy is down cannot be called anyway. */
  #watchHealth(probe: ReadinessProbe, options: ProxyOptions, proxy: RunningProcess): void {
    const { directory, programAddress, ports } = this.#options
    const reporter = new HealthReporter(options)
    const over = new AbortController()
    void proxy.exited.then(() => {
      over.abort()
      reporter.stop()
    })
    void watchHealth({
      probe,
      endpoint: (port) => ({ host: programAddress, port: ports.get(port) ?? port }),
      cwd: join(directory, 'home'),
      env: { PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin' },
      signal: over.signal,
      verdict: (problem) => reporter.report(problem),
    })
  }

  async #startProxy(signal: AbortSignal): Promise<RunningProcess> {
    const { directory, ports, name, ...place } = this.#options
    const { address, programAddress } = place
    const inbound = [...ports].map(([port, real]) => ({
      port,
      bind: `${address}:${real}`,
      app: `${programAddress}:${real}`,
    }))
    // Read each time: who copies new files to a machine restarts its proxy.
    const machine = readMachine(filesFolder(directory))
    const options = machineProxy(machine, name, { ...place, directory: join(directory, 'proxy'), ports: inbound })
    let running: RunningProcess | undefined
    const env = { PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin' }
    this.#proxy = await startProxy({
      ...options,
      signal,
      spawn: (argv, cwd) => {
        running = this.#processes.start({ argv, env, cwd })
        return running.child
      },
    })
    if (!running) throw new Error('BUG: the proxy was not started as a process of the machine')
    this.#applyFault(running)
    if (machine.probe) this.#watchHealth(machine.probe, options, running)
    return running
  }
}
