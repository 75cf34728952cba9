// Who may send which requests to a gateway: tokens and rules of its servers, each for its own host.
import { asMap, asText, at, type ClusterObject, canonical, compact, type Plain } from '../../shared/index.ts'
import { eastWestPort, gatewayServices } from '../east-west-gateways.ts'
import {
  type Allowance,
  allowancesOf,
  type Condition,
  jwtRules,
  ruleOf,
  rulesAgainst,
  tokensOf,
  withoutToken,
} from '../security/index.ts'
import { longHash, written } from '../written.ts'
import { selectorKey } from './listeners.ts'
import type { PlacedServer } from './places.ts'
import { tlsModeOf } from './servers.ts'

/** Who may send requests out by a server for outside hosts; undefined: everybody of the mesh. */
export type EgressRules = (server: PlacedServer) => readonly Allowance[] | undefined

/** The servers of one gateway, on one cluster. `isClosed`: its namespace is not open to everybody. */
export function gatewayPolicies(
  servers: readonly PlacedServer[],
  isClosed: boolean,
  egress: EgressRules,
): ClusterObject[] {
  const [first] = servers
  if (first === undefined) return []
  const { cluster, server } = first
  const { namespace, labels } = server.selector
  const name = `tsb-gateway-${longHash(selectorKey(server)).slice(0, 8)}`
  const make = (kind: string, suffix: string, spec: object): ClusterObject =>
    written({
      cluster: cluster.name,
      kind,
      namespace,
      name: `${name}${suffix}`,
      spec: { selector: { matchLabels: labels }, ...spec },
    })
  const tokens = tokenRules(servers)
  const ruled = ruledServers(servers, egress)
  const refused = [...refusals(servers), ...(isClosed ? refusedByRules(ruled) : [])]
  const allowed = allowRules(servers, ruled, isClosed)
  return [
    ...(tokens.length > 0 ? [make('RequestAuthentication', '', { jwtRules: tokens })] : []),
    ...(refused.length > 0 ? [make('AuthorizationPolicy', '-deny', { action: 'DENY', rules: refused })] : []),
    ...(allowed.length > 0 ? [make('AuthorizationPolicy', '-allow', { action: 'ALLOW', rules: allowed })] : []),
  ]
}

const authenticationOf = ({ server }: PlacedServer): Plain | undefined =>
  server.said['authentication'] as Plain | undefined

const isHttp = ({ server }: PlacedServer): boolean => server.protocol === 'HTTP'

/** Tokens are verified whatever host they are sent to; only which one must be there depends on the host. */
function tokenRules(servers: readonly PlacedServer[]): object[] {
  const http = servers.filter(isHttp)
  const tokens = http.flatMap((each) => tokensOf(authenticationOf(each)))
  const distinct = [...new Map(tokens.map((token) => [canonical(token), token])).values()]
  const everywhere = http.every((each) => authenticationOf(each)?.['requireJwt'] === true)
  return jwtRules(distinct, everywhere)
}

const hostsOf = (hostname: string): readonly string[] => (hostname === '*' ? ['*'] : [hostname, `${hostname}:*`])

/** Requests without the token that their host wants; and all of a host whose users would have to log in. */
function refusals(servers: readonly PlacedServer[]): object[] {
  return servers.filter(isHttp).flatMap((each) => {
    const said = authenticationOf(each)
    const rules = placesOf(each).map(ruleOf)
    if (said?.['oidc'] !== undefined) return rules
    if (said?.['requireJwt'] !== true) return []
    return rules.map((rule) => ({ ...withoutToken(tokensOf(said)), ...rule }))
  })
}

/**
 * Where a host's requests come in. Of connections that are no requests only ports and names of TLS can be known; without
 * them a denial would be of all connections of the gateway.
 */
function placesOf(placed: PlacedServer): Allowance[] {
  const { server, isInner } = placed
  const host = hostCondition(server.hostname)
  const at = (ports: readonly string[]): Condition => ({ place: 'operation', field: 'ports', values: ports })
  const outer = server.port === undefined ? [] : portsOf(placed, server.port)
  const isTls = tlsModeOf(server.said) !== 'DISABLED'
  const secured = [...(isTls ? outer : []), ...(isInner ? [String(eastWestPort)] : [])]
  const sni: Condition = { place: 'when', field: 'connection.sni', values: [server.hostname] }
  return [
    ...(isTls || outer.length === 0 ? [] : [[host, at(outer)]]),
    ...(secured.length === 0 ? [] : [[host, at(secured), sni]]),
  ]
}

/** Where the namespace lets callers in, rules of hosts must keep out those that they do not name. */
function refusedByRules(ruled: readonly Ruled[]): object[] {
  return ruled.flatMap(({ placed, allowances }) => {
    const places = placesOf(placed)
    return rulesAgainst(allowances, places) ?? places.map(ruleOf)
  })
}

interface Ruled {
  readonly placed: PlacedServer
  readonly allowances: readonly Allowance[]
}

/** Servers whose requests are allowed one by one. */
function ruledServers(servers: readonly PlacedServer[], egress: EgressRules): Ruled[] {
  return servers.flatMap((placed) => {
    const local = isHttp(placed) ? allowancesOf(asMap(placed.server.said['authorization'])) : undefined
    const allowances = placed.server.use === 'EGRESS' ? both(egress(placed), local) : local
    return allowances === undefined ? [] : [{ placed, allowances }]
  })
}

/** A port as clients name it, and as the gateway's pods have it. */
function portsOf({ server, cluster }: PlacedServer, port: number): string[] {
  const services = gatewayServices(cluster, server.selector).flatMap(({ ports }) => ports)
  const targets = services.filter(({ number }) => number === port).map(({ targetPort }) => asText(targetPort))
  return [...new Set([String(port), ...targets.filter((each) => /^\d+$/.test(each))])]
}

/** Rules of hosts that have some; once there is one, everything else must be let in by name. */
function allowRules(servers: readonly PlacedServer[], ruled: readonly Ruled[], isClosed: boolean): object[] {
  if (ruled.length === 0) return isClosed ? [{}] : []
  const rules = ruled.flatMap(({ placed: { server }, allowances }) =>
    allowances.map((each) => ruleOf([...each, hostCondition(server.hostname)])),
  )
  const hosts = [...new Set(ruled.flatMap(({ placed: { server } }) => hostsOf(server.hostname)))]
  const others = hosts.includes('*') ? [] : [{ to: [{ operation: { notHosts: hosts } }] }]
  return [...rules, ...others, ...servers.flatMap(connectionRules), passedOn]
}

/** What callers may, and what requests may, as far as either is said. */
function both(
  callers: readonly Allowance[] | undefined,
  requests: readonly Allowance[] | undefined,
): readonly Allowance[] | undefined {
  if (callers === undefined || requests === undefined) return callers ?? requests
  return callers.flatMap((caller) => requests.map((request) => [...caller, ...request]))
}

const hostCondition = (hostname: string): Condition => ({
  place: 'operation',
  field: 'hosts',
  values: hostsOf(hostname),
})

/** Connections that are no requests have no host: they are let in by port, and by the name that TLS asks for. */
function connectionRules(placed: PlacedServer): object[] {
  const { protocol, port, hostname, said } = placed.server
  if (protocol === 'HTTP' || port === undefined) return []
  const ports = [...portsOf(placed, port), String(eastWestPort)]
  const isNamed = protocol === 'TLS' || at(said, 'tls') !== undefined
  const when = isNamed ? [{ key: 'connection.sni', values: [hostname] }] : []
  return [compact({ to: [{ operation: { ports } }], when })]
}

/** What passes into the mesh is encrypted for the workload behind, whose own policies decide. */
const passedOn = {
  to: [{ operation: { ports: [String(eastWestPort)] } }],
  when: [{ key: 'connection.sni', values: ['outbound_*'] }],
}
