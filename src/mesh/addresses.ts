import { isIpv6, type Service } from '../discovery/index.ts'
import type { ProxyScope } from './scope.ts'

/**
 * Virtual addresses (or ranges) by which a proxy's programs know a service: those of its own cluster, else those that the
 * mesh gave it if the proxy resolves names so, else the service's own. Empty for headless services.
 */
export function addressesFor(
  service: Service,
  { cluster, autoAddresses, ipFamilies }: Pick<ProxyScope, 'cluster' | 'autoAddresses' | 'ipFamilies'>,
): readonly string[] {
  const usable = (list: readonly string[]): readonly string[] =>
    ipFamilies === 'both' ? list : list.filter((address) => isIpv6(address) === (ipFamilies === 'v6'))
  const own = usable(service.addresses.get(cluster) ?? [])
  if (own.length > 0) return own
  const given = autoAddresses ? usable(service.autoAddresses) : []
  if (given.length > 0) return given
  // A ServiceEntry's addresses are only compared with, never dialled, so their family does not matter.
  return service.registry === 'kubernetes' ? usable(service.defaultAddresses) : service.defaultAddresses
}
