import { kinds, type WorkloadEntryObject, type World, workloadEntriesByAddress } from '../discovery/index.ts'
import type { Proxy } from './proxy.ts'

/**
 * A proxy with what its WorkloadEntry says of it: machines need not know their labels, place and network. What the
 * proxy says itself wins. Pods have no entry, so for them it is the proxy as it is.
 */
export function withEntry(world: World, proxy: Proxy): Proxy {
  const [address] = proxy.addresses
  if (proxy.type !== 'sidecar' || address === undefined) return proxy
  const entries = world.lookup(proxy.cluster, workloadEntriesByAddress, `${proxy.namespace}/${address}`)
  const entry = entries.find((object) => isEntryOf(object as WorkloadEntryObject, proxy)) as
    | WorkloadEntryObject
    | undefined
  if (!entry || world.object(proxy.cluster, kinds.pod, `${proxy.namespace}/${proxy.name}`)) return proxy
  const { labels, network = '', locality = '' } = entry.spec ?? {}
  return {
    ...proxy,
    labels: { ...entry.metadata.labels, ...labels, ...proxy.labels },
    network: proxy.network || network,
    locality: proxy.locality || locality,
  }
}

/** Two networks may use one address: where both sides name theirs, it must be the same. */
function isEntryOf({ spec }: WorkloadEntryObject, { network, serviceAccount }: Proxy): boolean {
  const sameNetwork = !spec?.network || network === '' || spec.network === network
  return sameNetwork && (!spec?.serviceAccount || spec.serviceAccount === serviceAccount)
}
