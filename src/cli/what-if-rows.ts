// What the loss of clusters means for every service, as the proxies that stay see it.
import { type PlacedShare, type ProxyConfig, placedShares, usedClusters } from '../evaluator/index.ts'
import type { Loss } from './loss.ts'

/** Shares of requests by cluster; '' = outside of all. */
export type Shares = Readonly<Record<string, number>>

/** What becomes of the requests of some proxies for one port of a service. */
export interface Consequence {
  /** `name.namespace:port`, with the subset in brackets. */
  readonly service: string
  /** The cluster of the callers, or their workloads where not all of the cluster fare the same. */
  readonly from: string
  readonly now: Shares
  readonly then: Shares
  /** Share of requests that nobody answers then. */
  readonly unserved: number
  /** Ready pods in all clusters. */
  readonly pods: { readonly now: number; readonly then: number }
  /** Whether requests go elsewhere than now. */
  readonly touched: boolean
  /** Endpoints that get nothing now die: a place to go to in need. */
  readonly losesSpare: boolean
  readonly notes: readonly string[]
}

interface Caller {
  readonly cluster: string
  readonly workload: string
  readonly config: ProxyConfig
}

type View = Omit<Consequence, 'from' | 'pods'>

export function consequencesOf(callers: readonly Caller[], loss: Loss, without: readonly string[]): Consequence[] {
  const pods = countPods(callers, loss)
  const staying = callers.filter(({ cluster }) => !without.includes(cluster))
  const groups = new Map<string, { view: View; callers: Caller[] }>()
  for (const caller of staying)
    for (const view of viewsOf(caller.config, loss, without)) {
      const key = `${caller.cluster} ${JSON.stringify(view)}`
      const known = groups.get(key)
      if (known) known.callers.push(caller)
      else groups.set(key, { view, callers: [caller] })
    }
  const all = [...groups.values()]
  const count = (cluster: string, service: string): number =>
    all.filter(({ view, callers: own }) => view.service === service && own[0]?.cluster === cluster).length
  return all
    .map(({ view, callers: own }): Consequence => {
      const cluster = own[0]?.cluster ?? ''
      const names = own.map(({ workload }) => workload)
      const some = names.length > 2 ? `${names.slice(0, 2).join(', ')} and ${names.length - 2} more` : names.join(', ')
      const byCluster = pods.get(view.service) ?? new Map<string, number>()
      const sum = (clusters: readonly string[]): number =>
        clusters.reduce((total, each) => total + (byCluster.get(each) ?? 0), 0)
      const now = [...byCluster.keys()]
      return {
        ...view,
        from: count(cluster, view.service) > 1 ? `${cluster}: ${some}` : cluster,
        pods: { now: sum(now), then: sum(now.filter((each) => !without.includes(each))) },
      }
    })
    .sort((a, b) => b.unserved - a.unserved || compare(a.service, b.service) || compare(a.from, b.from))
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** What one proxy has to say of every service that it sends to. */
function viewsOf(config: ProxyConfig, loss: Loss, without: readonly string[]): View[] {
  const left = loss.proxy(config)
  return [...usedClusters(config)].flatMap((name) => {
    const [service, before, after] = [serviceOf(name), config.clusters.get(name), left.clusters.get(name)]
    if (service === undefined || !before || !after) return []
    const places = placedShares(config, before)
    if (places.length === 0) return []
    const dead = places.filter((place) => without.includes(loss.clusterOf(place)))
    const now = sharesOf(places, loss)
    // Where nobody is left at all, proxies try the dead.
    const reached = placedShares(left, after).filter((place) => !without.includes(loss.clusterOf(place)))
    const then = sharesOf(reached, loss)
    const served = Object.values(now).some((share) => share > 0)
    const unserved = served ? Math.max(0, 1 - Object.values(then).reduce((sum, share) => sum + share, 0)) : 0
    const rounded = unserved < 1e-6 ? 0 : unserved
    const used = dead.some(({ share }) => share > 0)
    const { outlierDetection } = before
    const limit = outlierDetection?.maxEjectionPercent ?? 10
    const notes =
      !used || rounded > 0.9999
        ? []
        : outlierDetection === undefined
          ? ['proxies do not eject what fails; until the endpoints are withdrawn, requests try the dead ones, too']
          : (100 * dead.length) / places.length > limit
            ? [`at most ${limit} % of the endpoints may be ejected, and ${dead.length} of ${places.length} die`]
            : []
    const touched = used || rounded > 0 || JSON.stringify(now) !== JSON.stringify(then)
    return [{ service, now, then, unserved: rounded, touched, losesSpare: dead.length > 0 && !touched, notes }]
  })
}

function sharesOf(places: readonly PlacedShare[], loss: Loss): Shares {
  const shares: Record<string, number> = {}
  for (const place of places) {
    const cluster = loss.clusterOf(place)
    shares[cluster] = (shares[cluster] ?? 0) + place.share
  }
  return Object.fromEntries(
    Object.entries(shares)
      .filter(([, share]) => share > 0)
      .map(([cluster, share]) => [cluster, Math.round(share * 10_000) / 10_000] as const)
      .sort(([a], [b]) => compare(a, b)),
  )
}

/** Ready pods of every service by cluster: as proxies of the cluster itself see them, else by the weights of gateways. */
function countPods(callers: readonly Caller[], loss: Loss): ReadonlyMap<string, Map<string, number>> {
  const seen = { inside: new Map<string, Map<string, number>>(), outside: new Map<string, Map<string, number>>() }
  for (const { cluster: home, config } of callers)
    for (const [name, cluster] of config.clusters) {
      const service = serviceOf(name)
      if (service === undefined) continue
      const counted = new Map<string, { inside: number; outside: number }>()
      for (const place of placedShares(config, cluster)) {
        if (!place.healthy) continue
        const own = loss.clusterOf(place)
        const known = counted.get(own) ?? { inside: 0, outside: 0 }
        counted.set(own, { inside: known.inside + 1, outside: known.outside + place.weight })
      }
      for (const [own, { inside, outside }] of counted)
        if (own === home) raise(seen.inside, service, own, inside)
        else raise(seen.outside, service, own, outside)
    }
  const found = new Map<string, Map<string, number>>()
  for (const [service, byCluster] of seen.outside) found.set(service, new Map(byCluster))
  for (const [service, byCluster] of seen.inside)
    for (const [cluster, count] of byCluster)
      found.set(service, (found.get(service) ?? new Map<string, number>()).set(cluster, count))
  return found
}

function raise(all: Map<string, Map<string, number>>, service: string, cluster: string, count: number): void {
  const own = all.get(service) ?? new Map<string, number>()
  own.set(cluster, Math.max(own.get(cluster) ?? 0, count))
  all.set(service, own)
}

/** `outbound|80|v1|cart.shop.svc.cluster.local` → `cart.shop:80 (v1)`; undefined for what is no service. */
function serviceOf(cluster: string): string | undefined {
  const [direction, port, subset, host = ''] = cluster.split('|')
  if (direction !== 'outbound') return undefined
  const short = host.replace(/\.svc\.cluster\.local$/, '')
  return `${short}:${port}${subset ? ` (${subset})` : ''}`
}
