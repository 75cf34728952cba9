import { isWildcard, type Query, type World } from '../../../discovery/index.ts'
import { compareText, sameStructure } from '../../../lib/index.ts'
import {
  anyAdmits,
  type Binding,
  type GatewayServerPlan,
  type GuardedClient,
  gatewayPlan,
  type ProxyScope,
  type RouteShape,
  rulesOfGateway,
  sharedHosts,
  viewOf,
} from '../../../mesh/index.ts'
import { hostPort } from '../names.ts'

/** A rule that gives a virtual host routes, and in whose name. */
export interface GatewayRoutes {
  /** Key of the routing rule. */
  readonly rule: string
  /** The Gateway, if the rule's matches ask for one; else ''. */
  readonly gateway: string
  /** As the server says: what routes mean by the port, unless they name one. */
  readonly port: number
  /** Clients come by TLS that ends here. */
  readonly tls: boolean
}

/** Names a virtual host of a gateway: all that its content depends on, but the content of its rules. */
export interface GatewayVirtualHostKey {
  readonly kind: 'gateway'
  readonly name: string
  readonly domains: readonly string[]
  /** Plain HTTP is sent to https. */
  readonly requireTls: boolean
  /** In order; what takes everything comes last, whoever's it is. */
  readonly parts: readonly GatewayRoutes[]
  readonly client: Pick<GuardedClient, 'labels' | 'namespace'>
  /** Services that the rules lead to, by host. */
  readonly destinations: ReadonlyMap<string, Binding>
}

export type GatewayScope = Pick<ProxyScope, 'namespace' | 'labels' | 'view' | 'gatewayPorts'>

export function gatewayVirtualHostText(key: GatewayVirtualHostKey): string {
  const { name, domains, requireTls, parts, client, destinations } = key
  const bindings = [...destinations.values()].map((each) => each.key)
  return JSON.stringify(['gateway', name, domains, requireTls, parts, client, bindings])
}

/** The servers whose requests a route configuration routes; more than one where they share a socket. */
export function serversOfRoutes(world: World, scope: GatewayScope, routes: string): GatewayServerPlan[] {
  if (routes === '') return []
  return world.get(gatewayPlan, scope).ports.flatMap(({ servers }) => servers.filter((each) => each.routes === routes))
}

/** Virtual hosts of a gateway's route configuration, in the order of their names. */
export const gatewayVirtualHosts: Query<{ scope: GatewayScope; routes: string }, readonly GatewayVirtualHostKey[]> = {
  name: 'envoy/gateway-virtual-hosts',
  keyOf: ({ scope, routes }) =>
    JSON.stringify([routes, scope.namespace, scope.labels, viewOf.keyOf(scope.view), scope.gatewayPorts]),
  compute: (world, { scope, routes }) => {
    const servers = serversOfRoutes(world, scope, routes)
    const drafts = new Map<string, Draft>()
    for (const server of servers) {
      for (const rule of world.get(rulesOfGateway, { gateway: server.boundAs, namespace: scope.namespace }))
        addRule(drafts, scope, server, rule)
      if (server.tls?.httpsRedirect)
        for (const { host } of server.hosts) draftOf(drafts, host, server).requireTls = true
    }
    if (drafts.size === 0) return [blackHole(servers[0]?.number ?? 0)]
    const keys = collapse([...drafts.values()]).map((draft) => finish(world, scope, draft))
    return keys.sort((a, b) => compareText(a.name, b.name))
  },
  equals: (a, b) =>
    sameStructure(a.map(gatewayVirtualHostText), b.map(gatewayVirtualHostText)) &&
    a.every(({ destinations }, at) =>
      [...destinations].every(([host, each]) => b[at]?.destinations.get(host) === each),
    ),
}

interface Draft {
  readonly name: string
  readonly hosts: string[]
  requireTls: boolean
  readonly parts: GatewayRoutes[]
  readonly rules: RouteShape[]
}

function draftOf(drafts: Map<string, Draft>, host: string, { number }: GatewayServerPlan): Draft {
  const known = drafts.get(host)
  if (known) return known
  const draft = { name: hostPort(host, number), hosts: [host], requireTls: false, parts: [], rules: [] }
  drafts.set(host, draft)
  return draft
}

function addRule(drafts: Map<string, Draft>, scope: GatewayScope, server: GatewayServerPlan, rule: RouteShape): void {
  const { number, gateway, tls } = server
  const client = { labels: scope.labels, namespace: scope.namespace, port: number, gateways: new Set([gateway]) }
  if (!rule.has.http || !anyAdmits(rule.guards, client)) return
  const byGateway = rule.guards.some(({ gateways }) => gateways.length > 0)
  const part: GatewayRoutes = {
    rule: rule.key,
    gateway: byGateway ? gateway : '',
    port: number,
    tls: tls !== undefined && server.routes.startsWith('https.'),
  }
  for (const host of sharedHosts(server, rule)) {
    const draft = draftOf(drafts, host, server)
    // A server for many hosts sends all of them to https, those that rules name, too.
    if (tls?.httpsRedirect) draft.requireTls = true
    if (draft.parts.some((each) => sameStructure(each, part))) continue
    draft.parts.push(part)
    draft.rules.push(rule)
  }
}

/** Nobody has routes here: requests are answered with 404. */
function blackHole(port: number): GatewayVirtualHostKey {
  return {
    kind: 'gateway',
    name: `blackhole:${port}`,
    domains: ['*'],
    requireTls: false,
    parts: [],
    client: { labels: {}, namespace: '' },
    destinations: new Map(),
  }
}

/** Hosts with the same routes are one virtual host, named after the most specific of them. */
function collapse(drafts: readonly Draft[]): Draft[] {
  const found = new Map<string, Draft>()
  for (const draft of [...drafts].sort((a, b) => compareHosts(a.hosts[0] ?? '', b.hosts[0] ?? ''))) {
    const text = JSON.stringify([draft.requireTls, draft.parts])
    const known = found.get(text)
    if (known) known.hosts.push(...draft.hosts)
    else found.set(text, draft)
  }
  return [...found.values()]
}

/** Names before wildcards, longer before shorter. */
function compareHosts(a: string, b: string): number {
  return Number(isWildcard(a)) - Number(isWildcard(b)) || b.length - a.length || compareText(a, b)
}

function finish(
  world: World,
  scope: GatewayScope,
  { name, hosts, requireTls, parts, rules }: Draft,
): GatewayVirtualHostKey {
  const { byHost } = world.get(viewOf, scope.view)
  const destinations = rules.flatMap((rule) => rule.destinations.map(({ host }) => host))
  const byLabels = rules.some(({ sourceLabels }) => sourceLabels.length > 0)
  const byNamespace = rules.some(({ guards }) => guards.some(({ sourceNamespace }) => sourceNamespace !== ''))
  return {
    kind: 'gateway',
    name,
    domains: hosts,
    requireTls,
    parts,
    client: { labels: byLabels ? scope.labels : {}, namespace: byNamespace ? scope.namespace : '' },
    destinations: new Map(
      [...new Set(destinations)].flatMap((host) => {
        const binding = byHost.get(host)
        return binding ? [[host, binding] as const] : []
      }),
    ),
  }
}
