import { toBinary } from '@bufbuild/protobuf'
import { VirtualHostSchema } from '#gen/envoy/config/route/v3/route_components_pb.js'
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js'
import { typeUrls } from '../../../ads/index.ts'
import {
  hasHostsOnDemand,
  outboundRouteParts,
  routesOf,
  routesOnDemand,
  virtualHost,
} from '../../../backends/envoy/index.ts'
import type { Query, World } from '../../../discovery/index.ts'
import type { ProxyScope } from '../../../mesh/index.ts'
import { encodeElement, encodeGroup, encodeResource, joinParts, sameGroup, samePart } from '../encode.ts'
import { inGroups } from '../part-groups.ts'
import { envoyFilterOf } from '../proxy-problems.ts'
import type { Part, PartGroup, XdsResource } from '../xds-resource.ts'
import { leads } from './encode.ts'
import { remembered } from './keys.ts'

const virtualHostsField = 2 // Of RouteConfiguration.

type VirtualHostKey = Parameters<typeof virtualHost.keyOf>[0]

const encodedVirtualHost: Query<VirtualHostKey, Part> = {
  name: 'xds/virtual-host',
  keyOf: remembered(virtualHost.keyOf),
  compute: (world, key) => encodeElement(VirtualHostSchema, virtualHostsField, virtualHost.compute(world, key)),
  equals: samePart,
}

/**
 * Virtual hosts that follow each other, in the order of the key. Route configurations are put together from some dozens of
 * these where they have a thousand hosts, and most of them are the same in all.
 */
const encodedVirtualHosts: Query<readonly VirtualHostKey[], PartGroup> = {
  name: 'xds/virtual-hosts',
  keyOf: remembered((keys) => keys.map(encodedVirtualHost.keyOf).join(' ')),
  compute: (world, keys) => encodeGroup(keys.map((key) => world.get(encodedVirtualHost, key))),
  equals: sameGroup,
}

/** The virtual hosts stand in front of those of the shell, as bytes that all route configurations share. */
export function makeRoute(world: World, scope: ProxyScope, name: string): XdsResource | undefined {
  const schema = RouteConfigurationSchema
  if (hasHostsOnDemand(scope, name)) {
    const parts = outboundRouteParts(world, scope, name)
    return parts && encodeResource(schema, typeUrls.route, name, { resource: routesOnDemand(parts), origin: [] })
  }
  if (scope.onDemand) {
    const built = routesOf(world, scope, name)
    return built && encodeResource(schema, typeUrls.route, name, built, leads(schema, built, scope))
  }
  if (scope.patches.routes.length > 0) return makePatchedRoute(world, scope, name)
  const parts = outboundRouteParts(world, scope, name)
  if (!parts) return undefined
  const hosts = inGroups(parts.virtualHosts).map((keys) => world.get(encodedVirtualHosts, keys))
  return joinParts(typeUrls.route, name, hosts, toBinary(RouteConfigurationSchema, parts.shell))
}

/** Virtual hosts that patches leave as they are, are the shared ones. */
function makePatchedRoute(world: World, scope: ProxyScope, name: string): XdsResource | undefined {
  const built = routesOf(world, scope, name)
  if (!built) return undefined
  const { virtualHosts, ...rest } = built.resource
  const unpatched = outboundRouteParts(world, scope, name)?.virtualHosts ?? []
  const known = new Map(unpatched.map((key) => world.get(encodedVirtualHost, key)).map((part) => [part.name, part]))
  const origin = scope.patches.routes.map((id) => envoyFilterOf({ cluster: scope.cluster, id }).object)
  const parts = virtualHosts.map((resource): Part => {
    const made = encodeElement(VirtualHostSchema, virtualHostsField, { resource, origin })
    const plain = known.get(made.name)
    if (!plain) return made
    return plain.version === made.version ? plain : { ...made, origin: [...origin, ...plain.origin] }
  })
  const shell = toBinary(RouteConfigurationSchema, { ...rest, virtualHosts: [] })
  const { patches = [] } = built
  return joinParts(typeUrls.route, name, inGroups(parts).map(encodeGroup), shell, { origin, patches })
}
