// The endpoint of a hash, among the rungs of a cluster. Source: Envoy's ThreadAwareLoadBalancerBase.
import { type Cluster, Cluster_LbPolicy } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { isHashed, type Rung } from '../rungs.ts'
import { type HashTable, maglevOf, ringOf } from './consistent.ts'

/** Envoy's own defaults. */
const defaults = { leastPlaces: 1024, mostPlaces: 8 * 1024 * 1024, tableSize: 65537 }

/** The rungs of a cluster with the odds that a hash leaves: all to one endpoint; without a hash, by parts of the table. */
export function byHash(cluster: Cluster, rungs: readonly Rung[], hash: bigint | undefined): readonly Rung[] {
  if (!isHashed(cluster)) return rungs
  const chosen = hash === undefined ? undefined : rungOf(rungs, hash)
  return rungs.map((rung) => {
    const table = rung.share > 0 ? tableOf(cluster, rung) : undefined
    const key = hash === undefined ? undefined : table?.find(hash)
    const shareOf = (address: string): number => {
      if (!table) return 0
      if (key === undefined) return rung.share * table.shareOf(address)
      return rung === chosen && key === address ? 1 : 0
    }
    const share = chosen === undefined ? rung.share : rung === chosen ? 1 : 0
    return { ...rung, share, endpoints: rung.endpoints.map((each) => ({ ...each, share: shareOf(each.address) })) }
  })
}

/** The last two digits of a hash choose the rung. */
function rungOf(rungs: readonly Rung[], hash: bigint): Rung | undefined {
  const drawn = Number(hash % 100n) + 1
  let reached = 0
  return rungs.find(({ share }) => {
    reached += Math.round(share * 100)
    return drawn <= reached
  })
}

const tables = new Map<string, HashTable>()
const mostTables = 200

function tableOf(cluster: Cluster, rung: Rung): HashTable | undefined {
  const hosts = rung.endpoints
    .filter(({ share }) => share > 0)
    .map(({ address, share }) => ({ key: address, weight: share / rung.share }))
  if (hosts.length === 0) return undefined
  const { lbConfig } = cluster
  const ring = lbConfig.case === 'ringHashLbConfig' ? lbConfig.value : undefined
  const least = Number(ring?.minimumRingSize ?? defaults.leastPlaces)
  const most = Number(ring?.maximumRingSize ?? defaults.mostPlaces)
  const maglev = cluster.lbPolicy === Cluster_LbPolicy.MAGLEV
  const size = Number((lbConfig.case === 'maglevLbConfig' && lbConfig.value.tableSize) || defaults.tableSize)
  const name = JSON.stringify([hosts, maglev ? size : [least, most]])
  const known = tables.get(name)
  if (known) return known
  // Tables cost milliseconds, and the same few are asked for again and again.
  if (tables.size >= mostTables) tables.clear()
  const made = maglev ? maglevOf(hosts, size) : ringOf(hosts, least, most)
  tables.set(name, made)
  return made
}
