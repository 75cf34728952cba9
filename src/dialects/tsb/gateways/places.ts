// Where gateways are: servers on the clusters that have their pods.
import type { Problem } from '../../../report/index.ts'
import { hasLabels } from '../../shared/index.ts'
import { backendsOf, type TsbCluster } from '../clusters.ts'
import { type EastWestGateway, eastWestPort, findGateways, gatewayServices } from '../east-west-gateways.ts'
import { type Hierarchy, holds } from '../hierarchy.ts'
import { selectorKey } from './listeners.ts'
import { serverName } from './names.ts'
import { isLastGateway, type Server, tlsModeOf } from './servers.ts'

/** A server on one cluster. */
export interface PlacedServer {
  readonly server: Server
  readonly cluster: TsbCluster
  /** Name of the Istio objects of this server. */
  readonly name: string
  /** The server answers calls of other clusters, and of the mesh, for its host. */
  readonly isInner: boolean
  /** Where other clusters reach the gateway; none while no pod of it is ready. */
  readonly gateways: readonly EastWestGateway[]
  /** Identities of the gateway's pods. */
  readonly identities: readonly string[]
}

/** All servers on all clusters of their groups that have the gateway. */
export function placeServers(
  servers: readonly Server[],
  clusters: readonly TsbCluster[],
  hierarchy: Hierarchy,
  problems: Problem[],
): PlacedServer[] {
  const placed = new Map<Server, PlacedServer[]>(ownServers(servers, problems).map((server) => [server, []]))
  for (const cluster of clusters) {
    const taken = new Map<string, Server>()
    const inner = new Set<string>()
    for (const server of placed.keys()) {
      const { selector, group } = server
      if (server.hostname === '' || Object.keys(selector.labels).length === 0) continue
      if (!holds(group, hierarchy.owners, cluster.name, selector.namespace) || !isThere(server, cluster)) continue
      const rival = rivalOf(server, taken)
      if (rival !== undefined) {
        problems.push(conflict(server, rival))
        continue
      }
      placed.get(server)?.push(placeOn(cluster, server, inner))
    }
  }
  const problemsOfNone = [...placed].flatMap(([server, all]) => (all.length === 0 ? [nowhere(server)] : []))
  problems.push(...distinct(problemsOfNone))
  return [...placed.values()].flat()
}

/**
 * Servers for hosts that are theirs to serve. A host belongs to the tenant that served it first: else one tenant's gateway
 * would take the calls that are for another's. Names of services belong to the services.
 */
function ownServers(servers: readonly Server[], problems: Problem[]): Server[] {
  const owners = new Map<string, string>()
  const refuse = ({ object, path }: Server, message: string): void => {
    const where = `spec.${path}.hostname`
    problems.push({ code: 'not-allowed', severity: 'error', object: object.ref, path: where, message })
  }
  return servers.filter((server) => {
    const { hostname } = server
    if (/\.svc(\.cluster\.local)?$/.test(hostname)) {
      refuse(server, `${hostname} is the name of a service, which gateways cannot take; the server has no effect`)
      return false
    }
    if (hostname === '*') return true
    if (!/^(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(hostname)) {
      if (hostname !== '') refuse(server, `${JSON.stringify(hostname)} is no name of a host; the server has no effect`)
      return false
    }
    const tenant = tenantOf(server)
    const owner = owners.get(hostname) ?? tenant
    owners.set(hostname, owner)
    if (owner === tenant) return true
    refuse(server, `another tenant serves ${hostname}; the server has no effect`)
    return false
  })
}

/** The tenant that a server is of. */
export function tenantOf({ object: { place } }: Server): string {
  return `${place.organization}/${place.tenant}`
}

function isThere({ selector: { namespace, labels }, selector }: Server, cluster: TsbCluster): boolean {
  const { facts } = cluster
  return (
    gatewayServices(cluster, selector).length > 0 ||
    facts.controllers.some((each) => each.namespace === namespace && hasLabels(each.podLabels, labels)) ||
    facts.podsIn(namespace).some(({ metadata }) => hasLabels(metadata.labels ?? {}, labels))
  )
}

/** Another server that has the host at the port, or the port for all of TCP; else the server has them from now on. */
function rivalOf(server: Server, taken: Map<string, Server>): Server | undefined {
  const { protocol, port = 'inner', hostname } = server
  const isWhole = protocol === 'TCP' && tlsModeOf(server.said) === 'DISABLED' && server.port !== undefined
  const key = `${selectorKey(server)} ${port} ${isWhole ? '*' : hostname}`
  const rival = taken.get(key)
  if (rival === undefined) taken.set(key, server)
  return rival
}

function placeOn(cluster: TsbCluster, server: Server, inner: Set<string>): PlacedServer {
  const { selector, hostname, protocol, use } = server
  const services = gatewayServices(cluster, selector)
  const hasPort = services.some(({ ports }) => ports.some(({ number }) => number === eastWestPort))
  const key = `${selectorKey(server)} ${hostname}`
  // One server of a host takes the mesh's calls; one that only redirects is not it.
  const isWanted = use !== 'INGRESS' || isLastGateway(server)
  const isInner = hasPort && hostname !== '*' && protocol !== 'TLS' && isWanted && !inner.has(key)
  if (isInner) inner.add(key)
  const accounts = services.flatMap((service) => backendsOf(cluster.facts, service).map((each) => each.serviceAccount))
  const controllers = cluster.facts.controllers.filter(
    (each) => each.namespace === selector.namespace && hasLabels(each.podLabels, selector.labels),
  )
  const all = [...accounts, ...controllers.map(({ serviceAccount }) => serviceAccount)]
  const identities = all.map((account) => `spiffe://${cluster.trustDomain}/ns/${selector.namespace}/sa/${account}`)
  const { gateways } = findGateways(cluster, selector)
  const name = serverName(server)
  return { server, cluster, name, isInner, gateways, identities: [...new Set(identities)].sort() }
}

function conflict({ object, path, hostname, port }: Server, rival: Server): Problem {
  const where = port === undefined ? 'for calls of the mesh' : `at port ${port}`
  const message = `${rival.object.kind} ${rival.object.name} (${rival.path}) serves ${hostname} ${where} of this gateway already; the server has no effect`
  return { code: 'conflict', severity: 'error', object: object.ref, path: `spec.${path}`, message }
}

function nowhere({ object, selector }: Server): Problem {
  const labels = Object.entries(selector.labels).map(([key, value]) => `${key}=${value}`)
  const message = `no cluster of the group has a gateway with labels ${labels.join(',')} in namespace ${selector.namespace}`
  return {
    code: 'reference-not-found',
    severity: 'warning',
    object: object.ref,
    path: 'spec.workloadSelector',
    message,
  }
}

function distinct(problems: readonly Problem[]): Problem[] {
  return [
    ...new Map(problems.map((each) => [`${each.object.namespace}/${each.object.name} ${each.message}`, each])).values(),
  ]
}
