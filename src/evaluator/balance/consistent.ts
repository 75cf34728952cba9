// Which endpoint a hash belongs to. Source: Envoy's ring_hash_lb.cc, maglev_lb.cc and thread_aware_lb_impl.cc.
import { xxHash64 } from './xxhash.ts'

/** An endpoint on a ring or in a table; weights of all together make 1. */
export interface HashedHost {
  /** What its places are counted from: its address. */
  readonly key: string
  readonly weight: number
}

/** Endpoints by hash. */
export interface HashTable {
  /** Key of the endpoint of a hash. */
  find(hash: bigint): string
  /** What part of all hashes belongs to an endpoint. */
  shareOf(key: string): number
}

const whole = 2 ** 64

/** A ketama ring: every endpoint stands on it many times, and takes the hashes up to each of its places. */
export function ringOf(hosts: readonly HashedHost[], minimum: number, maximum: number): HashTable {
  const least = Math.min(...hosts.map(({ weight }) => weight))
  const scale = Math.min(Math.ceil(least * minimum) / least, maximum)
  const places: { hash: bigint; key: string }[] = []
  let target = 0
  for (const { key, weight } of hosts) {
    target += scale * weight
    for (let index = 0; places.length < target; index++) places.push({ hash: xxHash64(`${key}_${index}`), key })
  }
  places.sort((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0))
  const shares = new Map<string, number>()
  for (const [index, { hash, key }] of places.entries()) {
    const before = places[index - 1]?.hash ?? (places.at(-1)?.hash ?? 0n) - BigInt(whole)
    shares.set(key, (shares.get(key) ?? 0) + Number(hash - before) / whole)
  }
  return {
    find(hash) {
      let [low, high] = [0, places.length]
      while (low < high) {
        const middle = (low + high) >> 1
        if ((places[middle]?.hash ?? 0n) < hash) low = middle + 1
        else high = middle
      }
      return places[low % places.length]?.key ?? ''
    },
    shareOf: (key) => shares.get(key) ?? 0,
  }
}

/** A Maglev table: endpoints take turns, each going through the table in an order of its own. */
export function maglevOf(hosts: readonly HashedHost[], size: number): HashTable {
  const most = Math.max(...hosts.map(({ weight }) => weight))
  const entries = [...hosts]
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ key, weight }) => ({
      key,
      weight,
      at: Number(xxHash64(key) % BigInt(size)),
      skip: Number(xxHash64(key, 1n) % BigInt(size - 1)) + 1,
      due: 0,
      count: 0,
    }))
  const table = new Map<number, string>()
  let filled = 0
  for (let turn = 1; filled < size; turn++) {
    for (const entry of entries) {
      if (filled >= size) break
      // Those with less weight sit turns out.
      if (turn * entry.weight < entry.due) continue
      entry.due += most
      while (table.has(entry.at)) entry.at = (entry.at + entry.skip) % size
      table.set(entry.at, entry.key)
      entry.count++
      filled++
    }
  }
  return {
    find: (hash) => table.get(Number(hash % BigInt(size))) ?? '',
    shareOf: (key) => (entries.find((entry) => entry.key === key)?.count ?? 0) / size,
  }
}
