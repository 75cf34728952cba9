// Gateways of all kinds → Istio objects of each cluster. Read from top to bottom.
import { compareText } from '../../../lib/index.ts'
import type { Problem } from '../../../report/index.ts'
import { asList, asText, at, type ClusterObject, canonical, type Plain } from '../../shared/index.ts'
import type { TsbCluster } from '../clusters.ts'
import { gatewayServices, type Resolved } from '../east-west-gateways.ts'
import type { Hierarchy, Workspace } from '../hierarchy.ts'
import { namespacesIn } from '../namespaces.ts'
import type { Trusts } from '../remote-services.ts'
import { multiclusterNamespace, written } from '../written.ts'
import { gatewayPolicies } from './authorization.ts'
import { egressAllowances, egressServers } from './egress.ts'
import { gatewayFilters } from './filters.ts'
import { dividedHost, hostEntryObjects } from './host-entries.ts'
import { gatewayObject, selectorKey } from './listeners.ts'
import { type OfferContext, offersFor } from './offers.ts'
import { type PlacedServer, placeServers, tenantOf } from './places.ts'
import { callPort, gatewayRoutes } from './routes.ts'
import { readServers, type Server, tlsModeOf } from './servers.ts'
import { serviceTlsRules } from './service-tls.ts'
import { localService, serviceReference } from './services.ts'

export interface GatewayInputs {
  readonly hierarchy: Hierarchy
  readonly clusters: readonly TsbCluster[]
  readonly resolved: Resolved
  readonly trusts: Trusts
  /** Namespaces, as `cluster/namespace`, that are not open to everybody. */
  readonly closed: ReadonlySet<string>
  /** The service, as `NAMESPACE/HOST`, by which a namespace's calls to outside hosts go; '': none is said. */
  readonly egressOf: (cluster: TsbCluster, namespace: string) => string
}

export interface GatewayResult {
  readonly objects: readonly ClusterObject[]
  readonly problems: readonly Problem[]
  /** Addresses that clusters are sent to; names among them are to be resolved. */
  readonly addresses: readonly string[]
}

export function gatewayObjects(inputs: GatewayInputs): GatewayResult {
  const { hierarchy, clusters, trusts, closed } = inputs
  const problems: Problem[] = []
  const servers = [...readServers(hierarchy, problems), ...egressServers(hierarchy, problems)].sort(byAge)
  const placed = placeServers(servers, clusters, hierarchy, problems)
  const offers: OfferContext = { placed, trusts, described: hierarchy.all('Cluster') }
  const entries = new Map<string, ClusterObject[]>()
  const context = { ...inputs, problems, placed, offers, entries }
  const calls = clusters.flatMap((client) => calledHosts(client, context))
  const routes = placed.flatMap((each) => [
    ...gatewayObject(each),
    ...routesOf(each, context),
    ...serviceTlsRules(each),
  ])
  const leaving = placed.filter(({ server }) => server.use === 'EGRESS').flatMap((each) => egressObjects(each, context))
  const byGateway = Map.groupBy(placed, ({ cluster, server }) => `${cluster.name} ${selectorKey(server)}`)
  const unknown = (): void => undefined
  const policies = [...byGateway.values()].flatMap((all) => {
    const isClosed = all.some(({ cluster, server }) => closed.has(`${cluster.name}/${server.selector.namespace}`))
    return [
      ...gatewayPolicies(all, isClosed, (each) => egressAllowances(each, { hierarchy, clusters, unknown })),
      ...gatewayFilters(all, (server) => tellerOf(server, problems)),
    ]
  })
  return {
    objects: [...routes, ...calls, ...leaving, ...[...entries.values()].flat(), ...policies],
    // A server that is on several clusters tells the same of each.
    problems: [...new Map(problems.map((each) => [canonical(each), each])).values()],
    addresses: placed.flatMap(({ gateways }) => gateways.flatMap(({ addresses }) => addresses)),
  }
}

/** Who was first has a host, or a port. */
function byAge(a: Server, b: Server): number {
  const ageOf = ({ object }: Server): string => asText(object.object.metadata.creationTimestamp)
  return compareText(ageOf(a), ageOf(b))
}

function tellerOf({ object, path }: Server, problems: Problem[]) {
  return (below: string, message: string): void => {
    problems.push({
      code: 'not-supported',
      severity: 'error',
      object: object.ref,
      path: `spec.${path}.${below}`,
      message,
    })
  }
}

interface Context extends GatewayInputs {
  readonly problems: Problem[]
  readonly placed: readonly PlacedServer[]
  readonly offers: OfferContext
  /** Hosts that stand for some of the gateways of a host, by cluster and name. */
  readonly entries: Map<string, ClusterObject[]>
}

/** The VirtualService of a server, and what it refers to. */
function routesOf(placed: PlacedServer, context: Context): ClusterObject[] {
  const { server, cluster, name, isInner } = placed
  if (server.port === undefined && !isInner) return []
  const { namespace } = server.selector
  const spec = gatewayRoutes(placed, [`${namespace}/${name}`], {
    ...context,
    hostOf: (_, { choices }) => {
      const { hostname, protocol } = server
      const offers = offersFor(cluster, { hostname, protocol, asking: server }, choices, context.offers)
      const host = dividedHost(hostname, canonical([server.object.name, server.path, choices]))
      const ports = [callPort(placed)]
      const levels = levelsOf(context.hierarchy, server)
      const entry = { client: cluster, host, hostname, protocol, ports, offers, exportTo: [namespace], levels }
      const made = hostEntryObjects(entry, context.resolved)
      context.entries.set(`${cluster.name}/${host}`, made)
      return made.length === 0 ? undefined : host
    },
  })
  if (spec === undefined) return []
  return [written({ cluster: cluster.name, kind: 'VirtualService', namespace, name, spec })]
}

/** Hosts that the mesh's own proxies call: they come to the gateways by mutual TLS, nearest first. */
function calledHosts(client: TsbCluster, context: Context): ClusterObject[] {
  // A host of TCP has nothing but its port to be known by, which others may have too; so it must be said to be for the mesh.
  const isCalled = ({ protocol, use }: Server): boolean =>
    use === 'TRANSIT' || (use === 'INGRESS' && protocol === 'HTTP')
  const hosts = new Set(context.placed.flatMap(({ server }) => (isCalled(server) ? keyOf(server) : [])))
  const inner = context.placed.filter(
    ({ server, isInner }) => isInner && server.use !== 'EGRESS' && hosts.has(keyOf(server)),
  )
  const byHost = Map.groupBy(inner, ({ server }) => keyOf(server))
  return [...byHost.values()].flatMap((all) => {
    const [first] = all
    if (first === undefined) return []
    const { hostname, protocol } = first.server
    const exportTo = whoSees(first.server, client, context.hierarchy)
    const offers = offersFor(client, { hostname, protocol }, [], context.offers)
    const entry = { client, host: hostname, hostname, protocol, ports: portsOf(all), offers, exportTo }
    if (exportTo.length === 0) return []
    return hostEntryObjects({ ...entry, levels: levelsOf(context.hierarchy, first.server) }, context.resolved)
  })
}

const keyOf = ({ protocol, hostname }: Server): string => `${protocol} ${hostname}`

/** Ports by which proxies of the mesh call a host; not those of TLS, which would be encrypted twice. */
function portsOf(all: readonly PlacedServer[]): number[] {
  const plain = all.flatMap(({ server }) => (tlsModeOf(server.said) === 'DISABLED' ? (server.port ?? []) : []))
  return [...new Set([...all.map(callPort), ...plain])].sort((a, b) => a - b)
}

function levelsOf(hierarchy: Hierarchy, { group, said }: Server): Plain[] {
  const { workspace } = group
  return [
    ...hierarchy.settingsAbove(workspace.object.place).map(({ spec }) => spec),
    workspace.setting?.spec ?? {},
    said,
  ]
}

/**
 * Namespaces that see a host: those of its tenant, as their workspace says (`hostsReachability`); those that no workspace
 * owns; and of other tenants those that ask for it by name, since to them the host may be another.
 */
function whoSees(server: Server, client: TsbCluster, { workspaces, owners }: Hierarchy): string[] {
  const blind = new Set(workspaces.filter((workspace) => !sees(workspace, server)))
  if (blind.size === 0) return ['*']
  return namespacesIn(client).filter((namespace) => {
    const owner = owners.of(client.name, namespace)
    return owner === undefined || !blind.has(owner)
  })
}

function sees({ setting, object }: Workspace, server: Server): boolean {
  const said = setting?.spec['hostsReachability']
  const { organization, tenant } = object.place
  if (said === undefined) return tenantOf(server) === `${organization}/${tenant}`
  return asList(at(said, 'hostnames')).some((match) => matches(match, server.hostname))
}

function matches(match: unknown, hostname: string): boolean {
  const [exact, prefix, regex] = ['exact', 'prefix', 'regex'].map((key) => asText(at(match, key)))
  if (exact) return exact === hostname
  if (prefix) return hostname.startsWith(prefix)
  try {
    return new RegExp(`^(?:${regex})$`).test(hostname)
  } catch {
    return false
  }
}

/** Calls to an outside host go to the gateway first, for the namespaces that leave by it. */
function egressObjects(placed: PlacedServer, context: Context): ClusterObject[] {
  const { server, cluster, name } = placed
  const { hostname, protocol } = server
  const exportTo = whoLeavesBy(placed, context)
  if (exportTo.length === 0 || !placed.isInner) return []
  const host = dividedHost(hostname, canonical([name, 'egress']))
  const offers = placed.gateways.length === 0 ? [] : [{ at: placed, weight: 0 }]
  const ports = [80]
  const entry = { client: cluster, host, hostname, protocol, ports, offers, exportTo, levels: [] }
  const route = { route: [{ destination: { host, port: { number: 80 } } }] }
  // While the gateway is gone nobody leaves: the host must not be called around it.
  const closed = { directResponse: { status: 503 } }
  const made = hostEntryObjects(entry, context.resolved)
  const spec = { hosts: [hostname], exportTo, http: [made.length === 0 ? closed : route] }
  const place = { cluster: cluster.name, namespace: multiclusterNamespace }
  return [...made, written({ ...place, kind: 'VirtualService', name: `egress-${name}`, spec }), ...outsideHost(placed)]
}

/**
 * Namespaces that leave by a gateway: those whose TrafficSetting names it. What a Gateway serves as EGRESS is for all of
 * its workspace that name no other.
 */
function whoLeavesBy({ server, cluster }: PlacedServer, { egressOf, hierarchy }: Context): string[] {
  const own = new Set(gatewayServices(cluster, server.selector))
  return namespacesIn(cluster).filter((namespace) => {
    const said = egressOf(cluster, namespace)
    const reference = serviceReference(said)
    if (reference === undefined)
      return server.object.kind === 'Gateway' && hierarchy.owners.of(cluster.name, namespace) === server.group.workspace
    const service = localService(cluster, reference)
    return service !== undefined && own.has(service)
  })
}

/** The outside host itself, where no ServiceEntry of a user says where it is. */
function outsideHost({ server, cluster }: PlacedServer): ClusterObject[] {
  const { hostname, object } = server
  if (object.kind !== 'EgressGateway') return []
  const isKnown = cluster.facts
    .objects('networking.istio.io/ServiceEntry')
    .some(
      ({ metadata, spec }) =>
        metadata.labels?.['fairlead.dev/owner'] === undefined && asList(at(spec, 'hosts')).includes(hostname),
    )
  if (isKnown) return []
  const spec = {
    hosts: [hostname],
    location: 'MESH_EXTERNAL',
    resolution: 'DNS',
    ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
  }
  const name = `egress-${hostname.replaceAll('.', '-')}`
  return [written({ cluster: cluster.name, kind: 'ServiceEntry', namespace: multiclusterNamespace, name, spec })]
}
