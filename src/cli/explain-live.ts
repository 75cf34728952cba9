// `fairlead explain` against a running control plane: what it really gave its proxies, by its debug pages.
import { evaluatedJson, type Front } from '../control-plane/explain/index.ts'
import type { GivenResource, ProxyConfiguration, ProxyRow } from '../control-plane/index.ts'
import type { Mesh, ProxyConfig } from '../evaluator/index.ts'
import type { ObjectRef } from '../report/index.ts'
import { DebugApiError, type DebugApiOptions, getDebug } from './debug-api.ts'
import type { ProxySource } from './explain.ts'

export function liveMesh(options: DebugApiOptions): ProxySource {
  const known = new Map<string, ProxyConfig>()
  const rows = memo(async () => (await getDebug<ProxyRow[]>(options, '/debug/proxies')) ?? [])
  const fronts = memo(async () => (await getDebug<Front[]>(options, '/debug/fronts')) ?? [])
  const load = async (row: ProxyRow): Promise<ProxyConfig> => {
    const name = nameOf(row)
    const config = known.get(name) ?? (await configOf(options, row))
    known.set(name, config)
    return config
  }
  return {
    async find(name) {
      const all = await rows()
      const exact = all.filter((row) => row.proxy === name || nameOf(row) === name)
      const found = exact.length > 0 ? exact : onePerWorkload(all.filter((row) => isOfWorkload(row, name)))
      if (found.length > 1)
        throw new DebugApiError(`proxy ${name} is in several places: ${found.map(nameOf).join(', ')}`)
      return found[0] && load(found[0])
    },
    names: async () => (await rows()).map(nameOf),
    async clusters() {
      const known = (await getDebug<{ name: string }[]>(options, '/debug/clusters')) ?? []
      return [...new Set([...known.map(({ name }) => name), ...(await rows()).map(({ cluster }) => cluster)])].sort()
    },
    async owners() {
      const [all, doors] = [await rows(), await fronts()]
      const found = new Map<string, Set<string>>()
      const note = (address: string, cluster: string): void => {
        found.set(address, (found.get(address) ?? new Set()).add(cluster))
      }
      for (const row of all) note(addressOf(row), row.cluster)
      for (const door of doors) note(door.address, door.cluster)
      return (address) => [...(found.get(address) ?? [])]
    },
    async all() {
      const some = onePerWorkload(await rows())
      return Promise.all(
        some.map(async (row) => ({ cluster: row.cluster, workload: workloadOf(row), config: await load(row) })),
      )
    },
    async entryPort(address, port) {
      return (await fronts()).find((door) => door.podAddress === address && door.port === port)?.targetPort
    },
    async tracing(work) {
      const [all, doors] = [await rows(), await fronts()]
      for (;;) {
        const missing = new Set<ProxyRow>()
        const take = (address: string): ProxyConfig[] =>
          all
            .filter((row) => addressOf(row) === address)
            .flatMap((row) => {
              const config = known.get(nameOf(row))
              if (!config) missing.add(row)
              return config ?? []
            })
        const mesh: Mesh = {
          proxiesAt(address, port) {
            const own = take(address)
            if (own.length > 0) return own.map((proxy) => ({ proxy, port }))
            return doors
              .filter((door) => door.address === address && door.port === port)
              .flatMap((door) => take(door.podAddress).map((proxy) => ({ proxy, port: door.targetPort })))
          },
        }
        const result = work(mesh)
        if (missing.size === 0) return result
        await Promise.all([...missing].map(load))
      }
    },
  }
}

function memo<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}

function nameOf({ cluster, proxy }: ProxyRow): string {
  return `${cluster}/${proxy}`
}

/** Istio's node ids tell the address: `sidecar~10.0.0.1~pod.namespace~domain`. */
function addressOf({ nodeId }: ProxyRow): string {
  return nodeId.split('~')[1] ?? ''
}

async function configOf(options: DebugApiOptions, row: ProxyRow): Promise<ProxyConfig> {
  const name = nameOf(row)
  const given = await getDebug<ProxyConfiguration>(
    options,
    // A request asks for what the proxy has not got yet.
    `/debug/config/${name.split('/').map(encodeURIComponent).join('/')}?demandable=true`,
  )
  if (!given) throw new DebugApiError(`proxy ${name} has gone`)
  const plain = (list: readonly GivenResource[]) => list.map(({ resource }) => resource)
  const config = evaluatedJson(
    {
      listeners: plain(given.listeners),
      routes: plain(given.routes),
      clusters: plain(given.clusters),
      endpoints: plain(given.endpoints),
    },
    { name, addresses: [addressOf(row)], ...(row.identity !== '' && { principal: row.identity }) },
  )
  const lists = { listener: given.listeners, route: given.routes, cluster: given.clusters, endpoints: given.endpoints }
  return {
    ...config,
    origin: (sort, resource) => (lists[sort].find((each) => each.name === resource)?.origin ?? []).map(refOfText),
  }
}

/** `Kind namespace/name (cluster)` as messages show objects. */
function refOfText(text: string): ObjectRef {
  const [, kind = '', path = '', cluster = ''] = /^(\S+) (\S+)(?: \((.*)\))?$/.exec(text) ?? []
  const slash = path.indexOf('/')
  const [namespace, name] = slash < 0 ? ['', path] : [path.slice(0, slash), path.slice(slash + 1)]
  return { cluster, apiVersion: '', kind, namespace, name }
}

/** `NAME.NAMESPACE` of the Deployment that a proxy's pod is of. */
const workloadOf = ({ proxy, workload }: ProxyRow): string => `${workload}${proxy.slice(proxy.lastIndexOf('.'))}`

/** Whether a proxy stands for a Deployment: `NAME`, `NAME.NAMESPACE`, or either behind `CLUSTER/`. */
function isOfWorkload(row: ProxyRow, name: string): boolean {
  const names = [row.workload, workloadOf(row)]
  return row.workload !== '' && [...names, ...names.map((each) => `${row.cluster}/${each}`)].includes(name)
}

/** Pods of one Deployment are given the same. */
const onePerWorkload = (rows: readonly ProxyRow[]): ProxyRow[] => [
  ...new Map(rows.map((row) => [`${row.cluster}/${workloadOf(row)}`, row])).values(),
]
