// What the verbs of a scenario work on: the sandbox from outside, through kubectl, its kubeconfig and its addresses.
import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { AnswerClass, Load, RequestPlan } from '../../src/sandbox/traffic/index.ts'
import type { ScenarioSandbox } from './sandbox.ts'

export const root = join(import.meta.dirname, '../..')

/** A check that does not hold: what was expected and what came. */
export class Failure extends Error {}

export interface CommandResult {
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
}

export interface Context {
  readonly sandbox: ScenarioSandbox
  /** Folder of the acceptance file; the files that it names are looked for there first. */
  readonly folder: string
  readonly answers: Readonly<Record<string, AnswerClass>>
  readonly loads: Map<string, { load: Load; answers: Readonly<Record<string, AnswerClass>>; close(): void }>
  /** Values of named groups, kept within a step. */
  readonly groups: Map<string, string>
  /** Addresses of gateways that were found before: clients know them, whatever becomes of the API. */
  readonly gateways: Map<string, string>
  readonly skip: ReadonlySet<string>
  /** Ends when the run is interrupted. */
  readonly signal: AbortSignal
}

/** Runs kubectl against a context of the sandbox; never throws, the exit code says how it went. */
export function kubectl(context: Context, args: readonly string[], stdin?: string): Promise<CommandResult> {
  return command('kubectl', ['--kubeconfig', context.sandbox.kubeconfig, ...args], context, stdin)
}

export function command(
  file: string,
  args: readonly string[],
  context: Context,
  stdin?: string,
): Promise<CommandResult> {
  const path = `${join(root, 'node_modules/.bin')}:${process.env['PATH']}`
  const env = { ...process.env, ...context.sandbox.environment, KUBECONFIG: context.sandbox.kubeconfig, PATH: path }
  return new Promise((resolve) => {
    const options = { env, maxBuffer: 64 << 20, timeout: 180_000, killSignal: 'SIGKILL' as const, cwd: root }
    const child = execFile(file, [...args], options, (error, stdout, stderr) => {
      const exit = error ? (typeof error.code === 'number' ? error.code : 1) : 0
      resolve({ exit, stdout, stderr: stderr === '' && error && exit === 1 ? error.message : stderr })
    })
    child.stdin?.on('error', () => child.stdin?.destroy()) // kubectl may refuse before it has read everything
    child.stdin?.end(stdin)
  })
}

export async function kubectlOk(context: Context, args: readonly string[], stdin?: string): Promise<string> {
  const result = await kubectl(context, args, stdin)
  if (result.exit !== 0) throw new Failure(`kubectl ${args.join(' ')}: exit ${result.exit}: ${result.stderr.trim()}`)
  return result.stdout
}

/** A file that a scenario names: beside the scenario, in ../../seeds/yaml from it, else among the guides' objects. */
export function findFile(context: Context, name: string): string {
  const places = [context.folder, join(context.folder, '../../seeds/yaml'), join(root, 'examples/guides')]
  const found = places.map((place) => join(place, name)).find((path) => existsSync(path))
  if (found === undefined) throw new Failure(`no file ${name} in ${places.join(', ')}`)
  return found
}

interface Pod {
  metadata: { name: string; labels?: Record<string, string>; annotations?: Record<string, string> }
  spec: { containers: { env?: { name: string; value?: string }[] }[] }
  status: { podIP?: string; conditions?: { type: string; status: string }[] }
}

/** The request plans of a `call` or `load`: one for each place that it may come from. `close` ends port-forwards. */
export async function requestPlans(
  context: Context,
  call: { from: string; url: string; method?: string; headers?: Record<string, string> },
): Promise<{ plans: RequestPlan[]; close(): void }> {
  const request = {
    ...(call.method ? { method: call.method } : {}),
    ...(call.headers ? { headers: call.headers } : {}),
  }
  if (call.from === 'outside') return outside(context, call.url, request)
  if (call.from.startsWith('vm ')) {
    const proxy = await context.sandbox.vmProxy(call.from.slice(3))
    return { plans: [{ ...request, url: call.url, proxy }], close() {} }
  }
  const [cluster, namespace, deployment] = call.from.split('/')
  if (!cluster || !namespace || !deployment) throw new Failure(`from: ${call.from} is not context/namespace/deployment`)
  const pods = (await podsOf(context, cluster, namespace, deployment)).filter(isReady)
  if (pods.length === 0) throw new Failure(`${call.from} has no pod that is ready`)
  return {
    plans: pods.map((pod) => ({ ...request, url: call.url, proxy: { host: pod.status.podIP ?? '', port: 15001 } })),
    close() {},
  }
}

export async function podsOf(context: Context, cluster: string, namespace: string, deployment: string): Promise<Pod[]> {
  const at = ['--context', cluster, '-n', namespace]
  const found = await kubectlOk(context, [...at, 'get', 'deployment', deployment, '-o', 'json'])
  const { spec } = JSON.parse(found) as { spec: { selector: { matchLabels: Record<string, string> } } }
  const selector = Object.entries(spec.selector.matchLabels).map(([key, value]) => `${key}=${value}`)
  const list = await kubectlOk(context, [...at, 'get', 'pods', '-l', selector.join(','), '-o', 'json'])
  return (JSON.parse(list) as { items: Pod[] }).items
}

export function isReady(pod: Pod): boolean {
  const deleted = (pod.metadata as { deletionTimestamp?: string }).deletionTimestamp !== undefined
  return !deleted && (pod.status.conditions ?? []).some((c) => c.type === 'Ready' && c.status === 'True')
}

async function outside(context: Context, url: string, request: Omit<RequestPlan, 'url'>) {
  const [kind, cluster = '', target = '', port = '', path = '/'] = url.split(/\s+/)
  if (kind === 'gateway') {
    const base = await gatewayBase(context, cluster, target, port)
    return { plans: [{ ...request, url: `${base}${path}` }], close() {} }
  }
  if (kind === 'port-forward') {
    const [namespace = '', ...resource] = target.split('/')
    const forward = await portForward(context, cluster, namespace, resource.join('/'), port)
    return { plans: [{ ...request, url: `http://127.0.0.1:${forward.port}${path}` }], close: forward.close }
  }
  throw new Failure(`url of a call from outside starts with gateway or port-forward, not ${kind}`)
}

/** `http://ADDRESS:PORT` of a Service of type LoadBalancer; as it was last if the API does not answer. */
async function gatewayBase(context: Context, cluster: string, target: string, port: string): Promise<string> {
  const [namespace = '', service = ''] = target.split('/')
  const key = `${cluster} ${target} ${port}`
  const found = await kubectl(context, ['--context', cluster, '-n', namespace, 'get', 'service', service, '-o', 'json'])
  const known = context.gateways.get(key)
  if (found.exit !== 0) {
    if (known !== undefined && found.stderr.includes('was refused')) return known
    throw new Failure(`service ${target} of ${cluster}: ${found.stderr.trim()}`)
  }
  const { metadata, status } = JSON.parse(found.stdout) as {
    metadata: { annotations?: Record<string, string> }
    status: { loadBalancer?: { ingress?: { ip?: string }[] } }
  }
  const ip = status.loadBalancer?.ingress?.[0]?.ip
  if (ip === undefined) throw new Failure(`service ${target} of ${cluster} has no load balancer address`)
  const shifted = JSON.parse(metadata.annotations?.['fairlead.dev/load-balancer-ports'] ?? '{}') as Record<
    string,
    number
  >
  const base = `http://${ip}:${shifted[port] ?? port}`
  context.gateways.set(key, base)
  return base
}

/** Starts `kubectl port-forward` on a free local port and waits until it says that it listens. */
async function portForward(context: Context, cluster: string, namespace: string, resource: string, port: string) {
  const args = ['--kubeconfig', context.sandbox.kubeconfig, '--context', cluster, '-n', namespace]
  const child = spawn('kubectl', [...args, 'port-forward', resource, `:${port}`], { stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const read = (chunk: Buffer): void => {
    printed += chunk.toString()
    const local = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(printed)?.[1]
    if (local !== undefined) resolve(Number(local))
  }
  child.stdout.on('data', read)
  child.stderr.on('data', read)
  child.on('exit', (code) => reject(new Failure(`kubectl port-forward ended with ${code}: ${printed.trim()}`)))
  const end = (): void => void child.kill('SIGTERM')
  context.signal.addEventListener('abort', end, { once: true })
  const timer = setTimeout(
    () => reject(new Failure(`kubectl port-forward is not ready after 20 s: ${printed}`)),
    20_000,
  )
  try {
    return { port: await promise, close: end }
  } catch (error) {
    end()
    throw error
  } finally {
    clearTimeout(timer)
  }
}
