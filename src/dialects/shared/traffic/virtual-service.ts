// The VirtualService of a service for the callers of one cluster.
import type { Service, ServicePort } from '../model.ts'
import type { ClusterRoutes } from './applied.ts'
import { type HttpRoute, type RouteContext, routeFeatures } from './features/index.ts'
import { matchesAll, type RequestMatch } from './route-match.ts'
import { pathFirst, pathLast } from './route-order.ts'

interface Draft {
  readonly match: RequestMatch
  readonly port: number | undefined
  readonly route: HttpRoute
}

/**
 * The routes, most specific first; none if no policy sets anything. They end with a route per port that sends what no
 * policy means to the service itself, since a VirtualService answers what it does not match with 404.
 */
export function httpRoutes(service: Service, { context, routes }: ClusterRoutes): HttpRoute[] {
  const ports = portsOf(service.ports)
  const drafts: Draft[] = []
  for (const { atom, claims } of routes.values())
    for (const port of ports) {
      const parts = routeFeatures.flatMap(({ field, emit }) => {
        const claimed = claims.get(field)
        return claimed === undefined ? [] : [emit(claimed.value as never, context, port)]
      })
      const route = Object.assign({ route: [ownDestination(service, context, port)] }, ...parts) as HttpRoute
      drafts.push({ match: atom.match, port, route })
    }
  if (drafts.length === 0) return []
  const compare = orderOf(routes)
  drafts.sort((a, b) => compare(a.match, b.match) || (a.port ?? 0) - (b.port ?? 0))
  const open = ports.filter((port) => !drafts.some((draft) => draft.port === port && matchesAll(draft.match)))
  const rest = open.map((port) => ({ match: {}, port, route: { route: [ownDestination(service, context, port)] } }))
  return [...drafts, ...rest].map(({ match, port, route }) => {
    const condition = { ...match, ...(port !== undefined && { port }) }
    return { ...(Object.keys(condition).length > 0 && { match: [condition] }), ...route }
  })
}

/** The order of the policies' generation; where several meet, that of the newer ones. */
function orderOf(routes: ClusterRoutes['routes']): typeof pathFirst {
  const owners = [...routes.values()].flatMap(({ claims }) => [...claims.values()].map(({ owner }) => owner.dialect))
  return owners.every(({ routeOrder }) => routeOrder === 'path-last') ? pathLast : pathFirst
}

/** A service whose ports are not known gets routes for any port. */
function portsOf(ports: readonly ServicePort[]): readonly (number | undefined)[] {
  return ports.length === 0 ? [undefined] : ports.map(({ number }) => number)
}

function ownDestination(
  service: Service,
  { cluster, hostOn }: RouteContext,
  port: number | undefined,
): Record<string, unknown> {
  return {
    destination: {
      host: hostOn(service, cluster) ?? service.localHost,
      ...(port !== undefined && { port: { number: port } }),
    },
  }
}
