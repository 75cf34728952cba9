// What of a gateway's servers only Envoy's own filters can do: servers that are asked, limits.
import { asMap, at, type ClusterObject, type Plain } from '../../shared/index.ts'
import type { PatchedProxies } from '../filters/envoy-filter.ts'
import { externalAuthorization } from '../filters/external-authorization.ts'
import { rateLimiting } from '../filters/rate-limiting.ts'
import type { PlacedServer } from './places.ts'
import { routeName } from './routes.ts'
import type { Server } from './servers.ts'

export type TellOf = (server: Server) => PatchedProxies['tell']

/** For the servers of one gateway on one cluster. */
export function gatewayFilters(servers: readonly PlacedServer[], tellOf: TellOf): ClusterObject[] {
  const http = servers.filter(({ server }) => server.protocol === 'HTTP')
  // A host may have several ports; they are one virtual host each, by the same name.
  const byHost = [...new Map([...http].reverse().map((each) => [each.server.hostname, each])).values()].reverse()
  const limited = byHost.filter(({ server }) => server.said['rateLimiting'] !== undefined)
  const isLocal = ({ server }: PlacedServer): boolean => at(server.said, 'rateLimiting', 'local') !== undefined
  const limits = [limited.filter((each) => !isLocal(each)), limited.filter(isLocal)].flatMap((all) =>
    all.flatMap((each, stage) => {
      const said: Plain = asMap(each.server.said['rateLimiting'])
      return rateLimiting(said, proxiesOf(each, tellOf), { domain: each.server.hostname, stage, path: 'rateLimiting' })
    }),
  )
  return [...limits, ...byHost.flatMap((each, index) => askedOf(each, index, byHost, tellOf))]
}

function proxiesOf({ server, cluster, name }: PlacedServer, tellOf: TellOf): PatchedProxies {
  const { namespace, labels } = server.selector
  return { cluster, namespace, labels, name, context: 'GATEWAY', tell: tellOf(server) }
}

function askedOf(placed: PlacedServer, index: number, hosts: readonly PlacedServer[], tellOf: TellOf): ClusterObject[] {
  const { said, hostname, rules } = placed.server
  const external = at(said, 'authorization', 'external')
  if (external === undefined) return []
  const exemptRoutes = rules.flatMap((rule, at) =>
    rule.said['disableExternalAuthorization'] === true ? [{ domain: hostname, route: routeName(placed, at) }] : [],
  )
  const exempt = hosts.filter((other) => other !== placed).map(({ server }) => server.hostname)
  return externalAuthorization(external, proxiesOf(placed, tellOf), { suffix: `.${index}`, exempt, exemptRoutes })
}
