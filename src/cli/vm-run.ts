// Runs a machine's Envoy and its agent, from the folder that `fairlead vm bootstrap` (or istioctl) wrote.
import { existsSync, mkdirSync } from 'node:fs'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { findEnvoy } from '../sandbox/envoy/index.ts'
import { machineProxy, watchHealth } from '../sandbox/machines/index.ts'
import { HealthReporter, proxyEnvironment, proxyPorts, startProxy } from '../sandbox/sidecar/index.ts'
import { readMachine } from '../vm/index.ts'
import { VmUsageError } from './vm-target.ts'

interface RunOptions {
  readonly name?: string
  readonly address?: string
  readonly programAddress: string
  readonly ports?: string
  readonly stateDir?: string
}

export function registerRun(vm: Command, attempt: (work: () => Promise<void>) => Promise<void>): void {
  vm.command('run')
    .description('Run the Envoy of a machine, and the agent that keeps its certificate, until Ctrl-C')
    .argument('<folder>', 'files of fairlead vm bootstrap, or of istioctl x workload entry configure')
    .option('--name <name>', 'tells machines of one group apart; without: the name of the group')
    .option(
      '--address <address>',
      'where Envoy listens, for callers and as proxy of programs; without: as the files say',
    )
    .option('--program-address <address>', 'where programs listen', '127.0.0.1')
    .option('--ports <ports>', 'ports of programs (comma separated); without: as the files say')
    .option('--state-dir <folder>', 'for the certificate and logs; without: FOLDER/state')
    .action((folder: string, options: RunOptions) => attempt(() => run(resolve(folder), options)))
}

async function run(folder: string, options: RunOptions): Promise<void> {
  const machine = readMachine(folder)
  const address = options.address ?? machine.address ?? firstAddress()
  if (isIP(address) === 0) throw new VmUsageError(`--address ${address} is not an IP address`)
  const programAddress = options.programAddress
  if (address === programAddress)
    throw new VmUsageError(`programs and Envoy cannot both listen on ${address}: say --address or --program-address`)
  const directory = resolve(options.stateDir ?? join(folder, 'state'))
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort())
  const say = (line: string): void => console.log(line)
  const envoy = await findEnvoy({ onProgress: say, signal: stop.signal })
  const proxyOptions = machineProxy(machine, options.name ?? machine.name, {
    envoyPath: envoy.path,
    directory,
    address,
    programAddress,
    ports: portsOf(options.ports, machine.ports).map((port) => ({
      port,
      bind: `${address}:${port}`,
      app: `${programAddress}:${port}`,
    })),
    machines: {},
    locality: { region: '', zone: '' },
    log: say,
  })
  say(`${machine.namespace}/${proxyOptions.pod.name} asks ${machine.controlPlane} for a certificate`)
  const proxy = await startProxy({
    ...proxyOptions,
    signal: stop.signal,
    setpriv: ['/usr/bin/setpriv'].find(existsSync),
  })
  const reporter = new HealthReporter(proxyOptions)
  if (machine.probe) {
    void watchHealth({
      probe: machine.probe,
      endpoint: (port) => ({ host: programAddress, port }),
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '' },
      signal: stop.signal,
      verdict: (problem) => {
        say(problem === undefined ? 'the program is well' : `the program is not well: ${problem}`)
        reporter.report(problem)
      },
    })
  }
  say(
    `Envoy runs, process ${proxy.pid}; programs reach the mesh with http_proxy=${proxyEnvironment(address, proxyPorts.outbound)['http_proxy']}`,
  )
  const aborted = new Promise<void>((done) => stop.signal.addEventListener('abort', () => done(), { once: true }))
  const exit = await Promise.race([proxy.exited, aborted])
  stop.abort()
  reporter.stop()
  await proxy.stop(5000)
  if (!exit) return
  console.error(`Envoy ended (${exit.signal ?? `exit code ${exit.code}`}); its log: ${proxy.logFile}`)
  process.exitCode = 1
}

function portsOf(given: string | undefined, known: readonly number[]): number[] {
  if (given === undefined) return [...known]
  return given.split(',').map((text) => {
    const port = Number(text)
    if (Number.isInteger(port) && port > 0 && port < 65_536) return port
    throw new VmUsageError(`--ports ${given}: ${text} is not a port`)
  })
}

/** The first address of this machine that others may reach. */
function firstAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  const found = all.find(({ internal, family }) => !internal && family === 'IPv4')
  if (!found) throw new VmUsageError('this machine has no address that others can reach: say --address')
  return found.address
}
