import { clone, create } from '@bufbuild/protobuf'
import {
  type Route,
  RouteActionSchema,
  type RouteMatch,
  RouteMatchSchema,
  RouteSchema,
} from '#gen/envoy/config/route/v3/route_components_pb.js'
import { type RouteConfiguration, RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js'
import { RegexMatcherSchema } from '#gen/envoy/type/matcher/v3/regex_pb.js'
import type { World } from '../../../discovery/index.ts'
import type { ProxyScope } from '../../../mesh/index.ts'
import type { Built } from '../built.ts'
import { faultFilter } from '../filters/fault.ts'
import { fixedClusters } from '../names.ts'
import { buildOutboundRoutes } from '../routes/route-configuration.ts'
import { dialledOf, serviceRoutes } from './names.ts'

/**
 * The routes of one service as gRPC clients understand them: what they would refuse is left out, and what answers in place of
 * a service fails the call. Undefined if the name is none of a service that the scope sees.
 */
export function clientRoutes(world: World, scope: ProxyScope, name: string): Built<RouteConfiguration> | undefined {
  const dialled = dialledOf(name)
  const built = dialled && buildOutboundRoutes(world, scope, serviceRoutes(dialled))
  if (!built || built.resource.virtualHosts.length === 0) return undefined
  const resource = create(RouteConfigurationSchema, {
    name,
    virtualHosts: built.resource.virtualHosts.slice(0, 1).map((host) => ({
      name: host.name,
      domains: ['*'],
      routes: host.routes.flatMap((route) => clientRoute(route) ?? []),
    })),
  })
  return { resource, origin: built.origin }
}

/** Undefined for a route that no call of a client could take: it asks for what they do not have. */
function clientRoute(route: Route): Route | undefined {
  const match = route.match && clientMatch(route.match)
  if (!match) return undefined
  const { action, name } = route
  if (action.case !== 'route') {
    // Clients could be told not to forward, but some end when they are told so.
    const clusterSpecifier = { case: 'cluster', value: fixedClusters.blackHole } as const
    return create(RouteSchema, { name, match, action: { case: 'route', value: { clusterSpecifier } } })
  }
  const made = clone(RouteSchema, route)
  const { retryPolicy, clusterSpecifier } = action.value
  const fault = route.typedPerFilterConfig[faultFilter]
  if (clusterSpecifier.case === 'weightedClusters')
    for (const each of clusterSpecifier.value.clusters) each.typedPerFilterConfig = {}
  return create(RouteSchema, {
    ...made,
    match,
    typedPerFilterConfig: fault ? { [faultFilter]: fault } : {},
    action: {
      case: 'route',
      value: create(RouteActionSchema, {
        clusterSpecifier,
        hashPolicy: action.value.hashPolicy,
        ...(action.value.timeout && {
          maxStreamDuration: { maxStreamDuration: action.value.timeout, grpcTimeoutHeaderMax: action.value.timeout },
        }),
        ...(retryPolicy && {
          retryPolicy: {
            retryOn: retryPolicy.retryOn,
            ...(retryPolicy.numRetries !== undefined && { numRetries: retryPolicy.numRetries }),
            ...(retryPolicy.retryBackOff && { retryBackOff: retryPolicy.retryBackOff }),
          },
        }),
      }),
    },
  })
}

function clientMatch(match: RouteMatch): RouteMatch | undefined {
  // Calls have no query; nobody has verified a token for the client.
  if (match.queryParameters.length > 0 || match.dynamicMetadata.length > 0) return undefined
  const path = match.pathSpecifier
  switch (path.case) {
    case 'prefix':
    case 'path':
    case 'safeRegex':
      return match
    case 'pathSeparatedPrefix': {
      const quoted = path.value.replace(/[\\.+*?()|[\]{}^$]/g, String.raw`\$&`)
      const regex = create(RegexMatcherSchema, { regex: `${quoted}(/.*)?` })
      return { ...clone(RouteMatchSchema, match), pathSpecifier: { case: 'safeRegex', value: regex } }
    }
    default:
      return undefined
  }
}
