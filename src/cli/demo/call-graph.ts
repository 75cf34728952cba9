// Who calls whom, over clusters, as the proxies of the callers count it: drawn between two looks at their statistics.
import pc from 'picocolors'
import { kubectl } from './kubectl.ts'

const adminPort = 15000
const eastWestPort = 15443

export interface CallGraphOptions {
  readonly kubeconfig: string
  readonly signal: AbortSignal
  readonly contexts: readonly string[]
  /** Namespaces whose pods are asked. */
  readonly namespaces: readonly string[]
}

interface Pod {
  readonly context: string
  readonly namespace: string
  readonly app: string
  readonly ip: string
}

/** Calls since the proxies began, by caller, service and cluster that answered. */
type Counts = ReadonlyMap<string, Edge>

interface Edge {
  readonly from: string
  readonly to: string
  readonly cluster: string
  readonly calls: number
}

/** Returns a function that draws what was called since it was called last. */
export async function openCallGraph(options: CallGraphOptions): Promise<() => Promise<string[]>> {
  let before = await countCalls(options)
  return async () => {
    const now = await countCalls(options)
    const edges = [...now].flatMap(([key, edge]) => {
      // A host that left and came back counts from nothing.
      const earlier = before.get(key)?.calls ?? 0
      const calls = edge.calls >= earlier ? edge.calls - earlier : edge.calls
      return calls > 0 ? [{ ...edge, calls }] : []
    })
    before = now
    return drawEdges(edges)
  }
}

async function countCalls(options: CallGraphOptions): Promise<Counts> {
  const pods = (await Promise.all(options.contexts.map((context) => podsOf(options, context)))).flat()
  const gateways = (await Promise.all(options.contexts.map((context) => gatewaysOf(options, context)))).flat()
  const clusterOf = new Map([...gateways, ...pods].map(({ ip, context }) => [ip, context]))
  const counts = new Map<string, Edge>()
  const callers = pods.filter(({ namespace }) => options.namespaces.includes(namespace))
  const all = await Promise.all(callers.map(async (pod) => ({ pod, calls: await callsOf(pod, options.signal) })))
  for (const { pod, calls } of all)
    for (const { service, address, count } of calls) {
      const from = `${pod.app} ${pod.context}`
      const cluster = clusterOf.get(address) ?? address
      const key = `${from} ${service} ${cluster}`
      counts.set(key, { from, to: service, cluster, calls: (counts.get(key)?.calls ?? 0) + count })
    }
  return counts
}

async function podsOf({ kubeconfig, signal }: CallGraphOptions, context: string): Promise<Pod[]> {
  const get = ['--context', context, 'get', 'pods', '-A', '--field-selector', 'status.phase=Running', '-o', 'json']
  const { items } = JSON.parse(await kubectl(kubeconfig, get, signal)) as {
    items: {
      metadata: { namespace: string; labels?: Record<string, string>; deletionTimestamp?: string }
      status?: { podIP?: string }
    }[]
  }
  return items.flatMap(({ metadata, status }) => {
    const { namespace, labels, deletionTimestamp } = metadata
    if (status?.podIP === undefined || deletionTimestamp !== undefined) return []
    return [{ context, namespace, app: labels?.['app'] ?? '', ip: status.podIP }]
  })
}

/** Addresses by which other clusters reach this one. */
async function gatewaysOf({ kubeconfig, signal }: CallGraphOptions, context: string) {
  const get = ['--context', context, 'get', 'services', '-A', '-o', 'json']
  const { items } = JSON.parse(await kubectl(kubeconfig, get, signal)) as {
    items: { spec: { ports?: { port: number }[] }; status?: { loadBalancer?: { ingress?: { ip?: string }[] } } }[]
  }
  return items
    .filter(({ spec }) => spec.ports?.some(({ port }) => port === eastWestPort))
    .flatMap(({ status }) => status?.loadBalancer?.ingress ?? [])
    .flatMap(({ ip }) => (ip === undefined ? [] : [{ context, ip }]))
}

interface HostCount {
  readonly service: string
  readonly address: string
  readonly count: number
}

/** What the proxy of a pod sent, by service and address. A pod that has gone meanwhile sent nothing. */
async function callsOf({ ip }: Pod, signal: AbortSignal): Promise<HostCount[]> {
  const given = AbortSignal.any([signal, AbortSignal.timeout(3000)])
  let text: string
  try {
    const answer = await fetch(`http://${ip}:${adminPort}/clusters?format=json`, { signal: given })
    text = await answer.text()
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof TypeError || given.aborted) return []
    throw error
  }
  const { cluster_statuses: clusters = [] } = JSON.parse(text) as {
    cluster_statuses?: {
      name: string
      host_statuses?: {
        address: { socket_address?: { address: string } }
        stats?: { name: string; value?: string }[]
      }[]
    }[]
  }
  return clusters.flatMap(({ name, host_statuses: hosts = [] }) => {
    const [, service] = /^outbound\|\d+\|[^|]*\|([^.]+)\./.exec(name) ?? []
    if (service === undefined) return []
    return hosts.map(({ address, stats = [] }) => {
      const total = stats.find((stat) => stat.name === 'rq_total')?.value
      return { service, address: address.socket_address?.address ?? '', count: Number(total ?? 0) }
    })
  })
}

/** Lines of the picture: a line for each edge, callers one below the other. */
export function drawEdges(edges: readonly Edge[]): string[] {
  const sorted = [...edges].sort((a, b) => order(a) - order(b) || compare(a.from, b.from) || compare(a.to, b.to))
  const width = (of: (edge: Edge) => string): number => Math.max(0, ...sorted.map((edge) => of(edge).length))
  const [fromWidth, toWidth, callsWidth] = [
    width(({ from }) => from),
    width(({ to, cluster }) => `${to} ${cluster}`),
    width(({ calls }) => String(calls)),
  ]
  return sorted.map(({ from, to, cluster, calls }) => {
    const crosses = !from.endsWith(` ${cluster}`)
    const target = `${to} ${cluster}`.padEnd(toWidth)
    const arrow = crosses ? '══▶' : '──▶'
    const line = `  ${from.padEnd(fromWidth)} ${arrow} ${target}  ${String(calls).padStart(callsWidth)} calls`
    return crosses ? pc.magenta(`${line}, through the gateway`) : line
  })
}

/** Callers that nobody calls come first. */
const order = ({ from }: Edge): number => (from.startsWith('sleep') ? 0 : from.startsWith('productpage') ? 1 : 2)
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
