import { resolveHost } from '../../discovery/index.ts'
import type { Destination, HttpRoute, TcpRoute, TlsRoute, VirtualServiceSpec } from '../istio.ts'
import { meshGateway } from './model.ts'

// Names in a VirtualService are short for names in its namespace; here they are made whole.

/** `gateway`, `./gateway`, `namespace/gateway`, or as old manifests have it `gateway.namespace.svc.cluster.local`. */
export function resolveGateway(name: string, namespace: string): string {
  if (name === meshGateway) return name
  if (name.includes('/')) return name.startsWith('./') ? `${namespace}/${name.slice(2)}` : name
  const [own = '', ofNamespace] = name.split('.')
  return `${ofNamespace ?? namespace}/${own}`
}

function resolveGateways(gateways: readonly string[] | undefined, namespace: string): string[] {
  return (gateways ?? []).map((name) => resolveGateway(name, namespace))
}

export function resolveRuleGateways(spec: VirtualServiceSpec, namespace: string): string[] {
  const named = resolveGateways(spec.gateways, namespace)
  return named.length > 0 ? named : [meshGateway]
}

function resolveDestination<T extends { destination: Destination }>(route: T, namespace: string): T {
  return { ...route, destination: wholeDestination(route.destination, namespace) }
}

function wholeDestination(destination: Destination, namespace: string): Destination {
  return { ...destination, host: resolveHost(destination.host ?? '', namespace) }
}

export function resolveHttpRoute(route: HttpRoute, namespace: string): HttpRoute {
  const { match, route: destinations, mirror, mirrors, ...rest } = route
  return {
    ...rest,
    ...(match && { match: match.map((each) => withGateways(each, namespace)) }),
    ...(destinations && { route: withDestinations(destinations, namespace) }),
    ...(mirror && { mirror: wholeDestination(mirror, namespace) }),
    ...(mirrors && { mirrors: withDestinations(mirrors, namespace) }),
  }
}

/** A destination that says nothing leads nowhere; validation tells the user. */
function withDestinations<T extends { destination: Destination }>(routes: readonly T[], namespace: string): T[] {
  return routes
    .filter(({ destination }) => destination !== undefined)
    .map((each) => resolveDestination(each, namespace))
}

function withGateways<T extends { gateways?: string[] }>(match: T, namespace: string): T {
  return match.gateways ? { ...match, gateways: resolveGateways(match.gateways, namespace) } : match
}

export function resolveTlsRoute(route: TlsRoute, namespace: string): TlsRoute {
  return {
    ...route,
    match: (route.match ?? []).map((each) => withGateways(each, namespace)),
    route: withDestinations(route.route ?? [], namespace),
  }
}

export function resolveTcpRoute(route: TcpRoute, namespace: string): TcpRoute {
  return {
    ...route,
    ...(route.match && { match: route.match.map((each) => withGateways(each, namespace)) }),
    route: withDestinations(route.route ?? [], namespace),
  }
}
