// What a caller may have meant whose request goes to nothing that its proxy knows: names and ports that are known.
import { nearNames } from '../lib/index.ts'
import { parseIp } from './address.ts'
import type { ProxyConfig } from './call.ts'
import { findVirtualHost } from './route.ts'
import type { Hop } from './trace.ts'

/** Sentences; none if the request goes to a service that the proxy knows, or to an address. */
export function hintsFor(proxy: ProxyConfig, { call, decision }: Hop): string[] {
  const host = call.host.replace(/:\d*$/, '').toLowerCase()
  if (host === '' || parseIp(host)) return []
  if (decision.ending === 'no-virtual-host' || decision.ending === 'no-route')
    return hintsOfRoutes(proxy, decision, host)
  if (!goesAnywhere(proxy, decision)) return []
  const known = portsByHost(proxy)
  const own = [...known].filter(([full]) => formsOf(full).includes(host))
  const elsewhere = own.flatMap(([full, ports]) =>
    ports.has(call.port)
      ? `${full} is known here, but not by the name ${host}`
      : `${full} is known at port ${[...ports].sort((a, b) => a - b).join(', ')}, not ${call.port}`,
  )
  if (elsewhere.length > 0) return elsewhere
  const near = nearNames(
    host,
    [...known.keys()].flatMap(formsOf).filter((form) => dots(form) === dots(host)),
  )
  const meant = near.length === 0 ? '' : `; did you mean ${near.join(' or ')}?`
  return [`the proxy knows no service by the name ${host}, and takes it for something outside${meant}`]
}

/** Whether a sidecar takes a call for one to the outside, or refuses it as such. */
function goesAnywhere({ listeners, routes }: ProxyConfig, { ending, ...decision }: Hop['decision']): boolean {
  if (ending || !listeners.some(({ name }) => name === 'virtualOutbound')) return false
  // Clusters of services have the direction in their names; what goes anywhere has not.
  if (decision.destinations.some(({ cluster }) => cluster.includes('|'))) return false
  if (decision.virtualHost === undefined) return decision.destinations.length > 0
  const hosts = routes.get(decision.routeConfiguration ?? '')?.virtualHosts
  return hosts?.find(({ name }) => name === decision.virtualHost)?.domains.includes('*') ?? false
}

function hintsOfRoutes(proxy: ProxyConfig, { routeConfiguration = '' }: Hop['decision'], host: string): string[] {
  const config = proxy.routes.get(routeConfiguration)
  // A virtual host of that name is there; its routes are told as near misses.
  if (!config || findVirtualHost(config, host)) return []
  const names = [...new Set(config.virtualHosts.flatMap(({ domains }) => domains))].filter((name) => !/:/.test(name))
  const near = nearNames(host, names)
  const told = near.length > 0 ? near : names.slice(0, 5)
  return told.length === 0 ? [] : [`hosts that are served here: ${told.join(', ')}`]
}

const dots = (name: string): number => name.split('.').length

/** Ports at which a host is known, by the names of clusters (`outbound|80||cart.shop.svc.cluster.local`). */
function portsByHost({ clusters }: ProxyConfig): ReadonlyMap<string, ReadonlySet<number>> {
  const found = new Map<string, Set<number>>()
  for (const name of clusters.keys()) {
    const [, port = '', subset = '', host = ''] = /^outbound\|(\d+)\|([^|]*)\|(.+)$/.exec(name) ?? []
    if (host !== '' && subset === '') found.set(host, (found.get(host) ?? new Set()).add(Number(port)))
  }
  return found
}

/** How a service is called: `cart`, `cart.shop`, `cart.shop.svc`, in full. */
function formsOf(host: string): string[] {
  const [name = '', namespace = ''] = host.split('.')
  return host.includes('.svc.') ? [name, `${name}.${namespace}`, `${name}.${namespace}.svc`, host] : [host]
}
