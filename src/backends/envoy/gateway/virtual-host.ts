import { create } from '@bufbuild/protobuf'
import {
  type Route,
  type VirtualHost,
  VirtualHost_TlsRequirementType,
  VirtualHostSchema,
} from '#gen/envoy/config/route/v3/route_components_pb.js'
import { meshConfigOf, type World } from '../../../discovery/index.ts'
import { virtualRule } from '../../../mesh/index.ts'
import type { ObjectRef } from '../../../report/index.ts'
import type { Built } from '../built.ts'
import { countsAttempts, withForwardedHost } from '../filters/proxy-headers.ts'
import type { RouteContext } from '../routes/context.ts'
import { leavesNothing } from '../routes/match.ts'
import { routesOfRule } from '../routes/route.ts'
import { destinationHasRungs } from '../routes/rungs.ts'
import type { GatewayVirtualHostKey } from './virtual-host-keys.ts'

/** A virtual host of a gateway: the routes of all rules for its hosts, those that take everything behind the others. */
export function gatewayVirtualHost(world: World, key: GatewayVirtualHostKey): Built<VirtualHost> {
  const routes: Route[] = []
  const origin: ObjectRef[] = []
  for (const { rule: ruleKey, gateway, port, tls } of key.parts) {
    const rule = world.get(virtualRule, ruleKey)
    if (!rule) continue
    const context: RouteContext = {
      world,
      client: { ...key.client, port, gateways: new Set([gateway]) },
      semantics: rule.semantics,
      tls,
      destinations: key.destinations,
      hasRungs: (binding, number, subset) => destinationHasRungs(world, binding, number, subset),
    }
    routes.push(...routesOfRule(rule, context))
    origin.push(...rule.origin)
  }
  const mesh = meshConfigOf(world)
  const services = [...key.destinations.values()].flatMap(({ service }) => service.origin)
  return {
    resource: create(VirtualHostSchema, {
      name: key.name,
      domains: [...key.domains],
      routes: withForwardedHost(mesh, [
        ...routes.filter((route) => !leavesNothing(route)),
        ...routes.filter(leavesNothing),
      ]),
      includeRequestAttemptCount: countsAttempts(mesh),
      requireTls: key.requireTls ? VirtualHost_TlsRequirementType.ALL : VirtualHost_TlsRequirementType.NONE,
    }),
    origin: [...origin, ...services],
  }
}
