// A container of a pod → a running process: image, environment, addresses, log, and how to talk to it.

import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { sleep } from '../../clusters/index.ts'
import { findImage, knownImages, type Launch, launchOf } from '../images/index.ts'
import { proxyEnvironment, proxyPorts } from '../sidecar/index.ts'
import { asText, readConfig } from './config-data.ts'
import { type Started, UnknownImage } from './container.ts'
import { ContainerLog } from './container-log.ts'
import { environmentOf, expand } from './env.ts'
import { type Mounts, rewritePaths } from './mounts.ts'
import { portNumber } from './ports.ts'
import { type ProbeTarget, probeTcp } from './probes.ts'
import { ProcessTable, type RunningProcess } from './processes/index.ts'
import type { PodSite } from './site.ts'
import type { Container, Pod } from './types.ts'

/** What commands in a container are run with. */
export interface ContainerSurroundings {
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  readonly mounts: Mounts
}

/** Starts a container. Throws `UnknownImage`, `ConfigError`, `StartError`, or what the API server answered. */
export async function startContainer(
  site: PodSite,
  pod: Pod,
  container: Container,
  attempt: number,
): Promise<Started & { surroundings: ContainerSurroundings; kind: Launch['kind'] }> {
  const reference = container.image ?? ''
  const image = findImage(reference)
  if (!image) throw new UnknownImage(`the sandbox knows no image of this name; it knows ${knownImages().join(', ')}`)
  const mounts = site.volumes.mountsOf(pod, container)
  const config = asText(await readConfig(site.node.api, pod, [container], []))
  const own = environmentOf(pod, container, site.facts, config)
  const resolve = (text: string): string => rewritePaths(expand(text, own), mounts)
  const declaredPorts = (container.ports ?? [])
    .filter((p) => (p.protocol ?? 'TCP') === 'TCP')
    .map((p) => p.containerPort)
  const launch = launchOf(image, reference, {
    command: (container.command ?? []).map(resolve),
    args: (container.args ?? []).map(resolve),
    env: Object.fromEntries(own),
    declaredPorts,
    programs: site.node.programs,
  })
  const folder = join(site.folder, 'containers', container.name)
  mkdirSync(join(folder, 'tmp'), { recursive: true })
  const env = {
    ...baseEnvironment(site, pod, folder),
    ...launch.env,
    // Commands of the user's own have to be told, too, where they are to listen: not every address is theirs.
    ...programEnvironment(site, launch.kind === 'program' ? launch.ports : declaredPorts, mounts),
    ...Object.fromEntries([...own].map(([name, value]) => [name, rewritePaths(value, mounts)])),
  }
  const cwd = container.workingDir === undefined ? folder : rewritePaths(container.workingDir, mounts)
  const surroundings = { env, cwd: container.workingDir === cwd ? folder : cwd, mounts }
  const target = targetOf(site, container, surroundings)
  if (launch.kind === 'proxy') {
    const started = await startProxy(site, container, attempt)
    return { ...started, target, surroundings, kind: launch.kind }
  }
  const isProgram = launch.kind === 'program'
  const process = site.node.processes.start({ argv: launch.argv, env, cwd: surroundings.cwd, ipc: isProgram })
  keepLog(site, container.name, attempt, process)
  const real = launch.ports.map((port) => site.ports.real.get(port) ?? port)
  const serving = isProgram ? untilListening(site.programAddress, real, process) : Promise.resolve()
  return { process, serving, target, surroundings, kind: launch.kind }
}

async function startProxy(
  site: PodSite,
  container: Container,
  attempt: number,
): Promise<Pick<Started, 'process' | 'serving'>> {
  if (!site.proxy) throw new Error('this cluster has no control plane for proxies')
  const started = await site.proxy.start(site.node.processes, { PATH: hostPath() })
  keepLog(site, container.name, attempt, started.process)
  return started
}

function hostPath(): string {
  return process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin'
}

function baseEnvironment({ node, folder, ...site }: PodSite, pod: Pod, home: string): Record<string, string> {
  const { hostname, port } = new URL(node.api.client.server)
  // A sidecar, or what stands for the cluster's own network. A gateway sends nothing of its own.
  const hasWay = site.proxied || !site.proxy
  const proxied: Record<string, string> = hasWay ? proxyEnvironment(site.address, proxyPorts.outbound) : {}
  // The API server is no service of the mesh.
  const direct = hasWay ? noProxy(proxied['no_proxy'] ?? '', hostname) : {}
  return {
    PATH: hostPath(),
    HOME: home,
    TMPDIR: join(home, 'tmp'),
    HOSTNAME: pod.spec?.hostname ?? pod.metadata.name,
    KUBERNETES_SERVICE_HOST: hostname,
    KUBERNETES_SERVICE_PORT: port === '' ? '443' : port,
    KUBERNETES_SERVICE_PORT_HTTPS: port === '' ? '443' : port,
    POD_DIR: folder,
    ...proxied,
    ...direct,
  }
}

function noProxy(known: string, host: string): Record<string, string> {
  const text = known.split(',').includes(host) ? known : `${known},${host}`
  return { no_proxy: text, NO_PROXY: text }
}

function programEnvironment(site: PodSite, ports: readonly number[], mounts: Mounts): Record<string, string> {
  return {
    FAIRLEAD_LISTEN_ADDRESS: site.programAddress,
    FAIRLEAD_PORTS: ports.map((port) => site.ports.real.get(port) ?? port).join(','),
    FAIRLEAD_SERVED_BY: site.servedBy,
    FAIRLEAD_MOUNTS: JSON.stringify(Object.fromEntries(mounts)),
    // Programs are small and many: what one has compiled, the next need not.
    NODE_COMPILE_CACHE: site.node.compileCache,
  }
}

function targetOf(site: PodSite, container: Container, surroundings: ContainerSurroundings): ProbeTarget {
  return {
    endpoint(port) {
      const number = portNumber(container, port)
      return number === undefined ? undefined : endpointOf(site, number)
    },
    exec: (command, timeoutMs) => run(site.node.processes, command, surroundings, timeoutMs),
  }
}

/** Where a port of a pod is open for those inside of it: programs apart from their proxy. */
export function endpointOf(site: PodSite, port: number): { host: string; port: number } {
  const isProxys = port >= 15_000 && port < 15_100 && !site.ports.real.has(port)
  return { host: isProxys ? site.address : site.programAddress, port: site.ports.real.get(port) ?? port }
}

async function run(
  processes: ProcessTable,
  command: readonly string[],
  { env, cwd, mounts }: ContainerSurroundings,
  timeoutMs: number,
): Promise<{ code: number; output: string }> {
  const process = processes.start({ argv: command.map((text) => rewritePaths(text, mounts)), env, cwd })
  let output = ''
  const listen = (chunk: Buffer): void => {
    if (output.length < 4096) output += chunk.toString()
  }
  process.child.stdin?.end()
  process.child.stdout?.on('data', listen)
  process.child.stderr?.on('data', listen)
  const timer = setTimeout(() => process.signal('SIGKILL'), timeoutMs)
  const { code } = await process.exited
  clearTimeout(timer)
  return { code, output }
}

/** Log file of one start of a container. */
export function logFile(folder: string, container: string, attempt: number): string {
  return join(folder, 'logs', container, `${attempt}.log`)
}

function keepLog({ folder }: PodSite, container: string, attempt: number, process: RunningProcess): void {
  const log = new ContainerLog(logFile(folder, container, attempt))
  process.child.stdout?.on('data', (chunk: Buffer) => log.write('stdout', chunk))
  process.child.stderr?.on('data', (chunk: Buffer) => log.write('stderr', chunk))
  void process.exited.then(() => log.close())
  const directory = join(folder, 'logs', container)
  for (const name of readdirSync(directory)) {
    // The one before is kept for `kubectl logs --previous`.
    if (Number.parseInt(name, 10) < attempt - 1) rmSync(join(directory, name), { force: true })
  }
}

const listenPatienceMs = 30_000

/** Waits until every port accepts connections; gives up waiting after a while, or when the process has ended. */
async function untilListening(host: string, ports: readonly number[], process: RunningProcess): Promise<void> {
  const over = new AbortController()
  void process.exited.then(() => over.abort())
  const end = Date.now() + listenPatienceMs
  for (const port of ports) {
    while (!over.signal.aborted && Date.now() < end && !(await probeTcp({ host, port }, 1000)).ok) {
      await sleep(30, over.signal)
    }
  }
}

/** Whether ports below 1024 can be bound by this user on an address. */
export function lowPortsOn(host: string): Promise<'free' | 'reserved'> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EACCES' ? 'reserved' : 'free'))
    server.listen({ host, port: 80, exclusive: true }, () => server.close(() => resolve('free')))
  })
}
