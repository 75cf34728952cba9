import { hostCovers, type Query, sameItems, worldQuery } from '../../discovery/index.ts'
import { mayRule } from '../tenants.ts'
import { meshGateway, type RouteShape, routeShapes } from '../virtual-services/index.ts'
import { byAudience } from '../virtual-services/select.ts'
import { sees } from '../visibility.ts'
import type { GatewayServerPlan } from './model.ts'

/** Routing rules by the gateways that they are bound to, oldest first. */
const rulesByGateway = worldQuery('mesh/rules-by-gateway', (world): ReadonlyMap<string, readonly RouteShape[]> => {
  const found = new Map<string, RouteShape[]>()
  for (const rule of world.get(routeShapes, undefined)) {
    for (const gateway of new Set(rule.gateways)) {
      if (gateway === meshGateway) continue
      const known = found.get(gateway)
      if (known) known.push(rule)
      else found.set(gateway, [rule])
    }
  }
  return found
})

/** The rules bound to a gateway that proxies of a namespace see, those that count first in front. */
export const rulesOfGateway: Query<{ gateway: string; namespace: string }, readonly RouteShape[]> = {
  name: 'mesh/rules-of-gateway',
  keyOf: ({ gateway, namespace }) => `${namespace}|${gateway}`,
  compute: (world, { gateway, namespace }) => {
    const bound = world.get(rulesByGateway, undefined).get(gateway) ?? []
    return byAudience(
      bound.filter(
        ({ audience, namespace: from, hosts }) => sees(audience, namespace) && mayRule(world, from, hosts, namespace),
      ),
      namespace,
    )
  },
  equals: sameItems,
}

/** Hosts that both a server and a rule are for: of two that overlap the narrower one. */
export function sharedHosts({ hosts }: GatewayServerPlan, rule: Pick<RouteShape, 'namespace' | 'hosts'>): string[] {
  const found = new Set<string>()
  for (const { namespace, host } of hosts) {
    if (namespace !== '' && namespace !== rule.namespace) continue
    for (const own of rule.hosts) {
      if (hostCovers(own, host)) found.add(host)
      else if (hostCovers(host, own)) found.add(own)
    }
  }
  return [...found]
}
