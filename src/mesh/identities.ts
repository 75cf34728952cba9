import {
  endpointsOfService,
  meshConfigOf,
  type NamespacedHost,
  type Query,
  sameItems,
  servicesOfHost,
} from '../discovery/index.ts'
import { compareText } from '../lib/index.ts'

/**
 * Identities (SPIFFE) that the far end of a service may prove: those of its endpoints, each in the trust domain of its own
 * cluster, those that it declares, and the same in every alias of the mesh's trust domain.
 */
export const serviceIdentities: Query<NamespacedHost, readonly string[]> = {
  name: 'mesh/service-identities',
  keyOf: ({ namespace, host }) => `${namespace}/${host}`,
  compute: (world, { namespace, host }) => {
    const service = world.get(servicesOfHost, host).find((each) => each.namespace === namespace)
    const endpoints = world.get(endpointsOfService, { namespace, host })
    const own = [...(service?.identities ?? []), ...endpoints.map(({ workload }) => workload.identity)]
    const aliases = meshConfigOf(world).trustDomainAliases ?? []
    const all = own
      .filter((identity) => identity !== '')
      .flatMap((identity) => [identity, ...inDomains(identity, aliases)])
    return [...new Set(all)].sort(compareText)
  },
  equals: sameItems,
}

function inDomains(identity: string, domains: readonly string[]): string[] {
  const path = /^spiffe:\/\/[^/]+(\/.*)$/.exec(identity)?.[1]
  return path === undefined ? [] : domains.map((domain) => `spiffe://${domain}${path}`)
}
