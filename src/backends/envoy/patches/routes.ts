// Patches of route configurations, virtual hosts and routes.
import { clone } from '@bufbuild/protobuf'
import {
  type Route,
  RouteSchema,
  type VirtualHost,
  VirtualHostSchema,
} from '#gen/envoy/config/route/v3/route_components_pb.js'
import { type RouteConfiguration, RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js'
import type { EnvoyFilterMatch } from '../../../mesh/index.ts'
import { mergeInto } from './merge.ts'
import { mergeOf, type Patch, type Patches, valueOf } from './patch.ts'
import { changed } from './sequence.ts'

/** What names of route configurations mean. */
export interface RoutePorts {
  /** Port of a route configuration; 0 = none. */
  readonly portOf: (name: string) => number
  /** Of gateways: what a name says beside the port; Service ports that lead to a port of the workload. */
  readonly gateway?: { readonly gatewayPorts: readonly (readonly [number, number])[] }
  /** One configuration is for all ports, which its virtual hosts name (`host:port`). */
  readonly allPorts?: boolean
}

type RouteMatch = NonNullable<EnvoyFilterMatch['routeConfiguration']>
type RoutePatch = Patch<'ROUTE_CONFIGURATION' | 'VIRTUAL_HOST' | 'HTTP_ROUTE'>

/** A route configuration after its patches. */
export function patchRoutes(patches: Patches, given: RouteConfiguration, ports: RoutePorts): RouteConfiguration {
  const routes = clone(RouteConfigurationSchema, given)
  const isHere = (patch: RoutePatch): boolean => isConfiguration(routes.name, patch, ports)
  for (const patch of patches.of('ROUTE_CONFIGURATION').filter(isHere)) {
    const lists = mergeOf(patch)
    if (!lists) continue
    patches.applied(patch)
    for (const value of valueOf(patch)) mergeInto(RouteConfigurationSchema, routes, value, lists)
  }
  const isPort =
    ({ name }: VirtualHost) =>
    (patch: RoutePatch): boolean => {
      const { portNumber = 0 } = patch.match.routeConfiguration ?? {}
      return !ports.allPorts || portNumber === 0 || name.endsWith(`:${portNumber}`)
    }
  const ofHosts = patches.of('VIRTUAL_HOST').filter(isHere)
  const ofRoutes = patches.of('HTTP_ROUTE').filter(isHere)
  routes.virtualHosts = routes.virtualHosts.flatMap(
    (host) => patchHost(patches, host, ofHosts.filter(isPort(host))) ?? [],
  )
  for (const host of routes.virtualHosts) patchHttpRoutes(patches, host, ofRoutes.filter(isPort(host)))
  for (const patch of ofHosts.filter(({ operation }) => operation === 'ADD')) {
    patches.applied(patch)
    routes.virtualHosts.push(...valueOf(patch))
  }
  return routes
}

function isConfiguration(
  own: string,
  { match, applyTo }: RoutePatch,
  { portOf, gateway, allPorts }: RoutePorts,
): boolean {
  const { name = '', portNumber = 0, portName = '', gateway: gatewayName = '' } = match.routeConfiguration ?? {}
  if (name !== '' && name !== own) return false
  if (allPorts) return portNumber === 0 || applyTo !== 'ROUTE_CONFIGURATION'
  if (!gateway) return portNumber === 0 || portNumber === portOf(own)
  const parts = gatewayRouteName(own)
  if (portName !== '' && portName !== parts.portName) return false
  if (gatewayName !== '' && gatewayName !== parts.gateway) return false
  if (portNumber === 0) return true
  const before = gateway.gatewayPorts.filter(([, target]) => target === parts.port).map(([port]) => port)
  return before.length > 0 ? before.includes(portNumber) : parts.port === portNumber
}

/** `http.80`, `https.443.web.front.shop`: the gateway as `shop/front`. */
function gatewayRouteName(name: string): { port: number; portName: string; gateway: string } {
  const [protocol = '', port = '', portName = '', gateway = '', namespace = ''] = name.split('.')
  const isTls = protocol === 'https'
  return { port: Number(port) || 0, portName: isTls ? portName : '', gateway: isTls ? `${namespace}/${gateway}` : '' }
}

/** Undefined if a patch removes the virtual host. */
function patchHost(
  patches: Patches,
  given: VirtualHost,
  all: readonly Patch<'VIRTUAL_HOST'>[],
): VirtualHost | undefined {
  let host = given
  for (const patch of all) {
    const lists = mergeOf(patch)
    const { operation } = patch
    if (!isHost(host, patch.match.routeConfiguration) || !(lists || operation === 'REMOVE' || operation === 'REPLACE'))
      continue
    patches.applied(patch)
    if (operation === 'REMOVE') return undefined
    const [value = host] = valueOf(patch)
    if (lists) mergeInto(VirtualHostSchema, host, value, lists)
    else host = value
  }
  return host
}

function isHost(host: VirtualHost, match: RouteMatch | undefined): boolean {
  const { name = '', domainName = '' } = match?.vhost ?? {}
  return (name === '' || name === host.name) && (domainName === '' || host.domains.includes(domainName))
}

/** First what changes routes that are there, then what adds some. */
function patchHttpRoutes(patches: Patches, host: VirtualHost, all: readonly Patch<'HTTP_ROUTE'>[]): void {
  const here = all.filter(({ match }) => isHost(host, match.routeConfiguration))
  for (const patch of here) {
    const lists = mergeOf(patch)
    if (!lists && patch.operation !== 'REMOVE') continue
    const meant = host.routes.filter((route) => isRoute(route, patch.match.routeConfiguration))
    if (meant.length > 0) patches.applied(patch)
    if (lists)
      for (const route of meant) for (const value of valueOf(patch)) mergeInto(RouteSchema, route, value, lists)
    else host.routes = host.routes.filter((route) => !meant.includes(route))
  }
  for (const patch of here) {
    const { operation } = patch
    if (mergeOf(patch) || operation === 'REMOVE') continue
    const isNamed = (route: Route): boolean => isRoute(route, patch.match.routeConfiguration)
    const named = patch.match.routeConfiguration?.vhost?.route ? isNamed : undefined
    // Only where the named route is, though in front of all.
    if (operation === 'INSERT_FIRST' && named && !host.routes.some(named)) continue
    const after = changed(host.routes, { operation, named, make: () => valueOf(patch) })
    if (!after) continue
    host.routes = after
    patches.applied(patch)
  }
}

const actions: Readonly<Record<string, string>> = {
  route: 'ROUTE',
  redirect: 'REDIRECT',
  directResponse: 'DIRECT_RESPONSE',
}

function isRoute(route: Route, match: RouteMatch | undefined): boolean {
  const { name = '', action = 'ANY' } = match?.vhost?.route ?? {}
  const own = actions[route.action.case ?? '']
  return (name === '' || name === route.name) && (action === 'ANY' || own === undefined || action === own)
}
