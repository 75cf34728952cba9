// Clusters that are taken for dead: what is left of the mesh without them.
import { hostAndPort, type Mesh, type Place, type ProxyConfig, withDead } from '../evaluator/index.ts'
import type { ProxySource } from './explain.ts'

export interface Loss {
  hasLost(proxy: ProxyConfig): boolean
  /** Where an endpoint stands; '' = in no known cluster. */
  clusterOf(place: Place): string
  proxy(proxy: ProxyConfig): ProxyConfig
  mesh(mesh: Mesh): Mesh
}

/** `fail` is told of names that no cluster has. */
export async function lossOf(
  source: ProxySource,
  without: readonly string[],
  fail: (message: string) => never,
): Promise<Loss> {
  const known = await source.clusters()
  for (const name of without)
    if (!known.includes(name)) fail(`--without ${name}: no cluster has that name; there are ${known.join(', ')}`)
  const owners = await source.owners()
  const clusterOf = ({ address, cluster }: Place): string => {
    // An address in exactly one cluster tells more than the registry that an entry for it was written in.
    const [only, ...more] = owners(hostAndPort(address)[0])
    return only !== undefined && more.length === 0 ? only : cluster
  }
  const lost = new Set(without)
  const made = new Map<ProxyConfig, ProxyConfig>()
  const proxy = (given: ProxyConfig): ProxyConfig => {
    if (lost.size === 0) return given
    const left = made.get(given) ?? withDead(given, (place) => lost.has(clusterOf(place)))
    made.set(given, left)
    return left
  }
  return {
    hasLost: ({ name }) => lost.has(name.split('/')[0] ?? ''),
    clusterOf,
    proxy,
    mesh: (mesh) => ({
      proxiesAt: (address, port) =>
        mesh.proxiesAt(address, port).map((taker) => ({ ...taker, proxy: proxy(taker.proxy) })),
    }),
  }
}
