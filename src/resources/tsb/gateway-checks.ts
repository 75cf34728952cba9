// What the schemas cannot say, of gateways.
import type { Place } from '../dsl.ts'
import { checkFailover } from './checks.ts'
import type { EgressGatewaySpec, GatewaySpec, IngressGatewaySpec, Tier1GatewaySpec } from './gateways.ts'

/** Calls of other clusters come in here; no server may have it. */
const reservedPort = 15443

interface Server {
  readonly name?: string
  readonly hostname?: string
  readonly port?: number
}

/** What every server of a gateway must have; servers of one list have names of their own. */
function checkServers(place: Place, servers: readonly Server[] | undefined): void {
  const names = new Set<string>()
  place.each(servers, (at, { name, hostname, port }) => {
    if (!name) at.field('name').error('Required value', 'required')
    else if (names.has(name)) at.field('name').error(`another server is called ${JSON.stringify(name)}`, 'conflict')
    names.add(name ?? '')
    if (!hostname) at.field('hostname').error('Required value', 'required')
    if (port === reservedPort) at.field('port').error(`port ${reservedPort} is for calls of other clusters`)
    if (port !== undefined && port > 65535) at.field('port').error(`Invalid value: ${port}: must be at most 65535`)
  })
}

function checkSelector(place: Place, spec: { readonly workloadSelector?: { readonly namespace?: string } }): void {
  if (spec.workloadSelector === undefined) place.field('workloadSelector').error('Required value', 'required')
}

type Routing = NonNullable<NonNullable<GatewaySpec['http']>[number]['routing']>
type Rule = NonNullable<Routing['rules']>[number]

function checkGatewayRule(at: Place, rule: Rule): void {
  const { route, redirect, directResponse } = rule
  if (route === undefined && redirect === undefined && directResponse === undefined)
    at.error('one of route, redirect, directResponse must be set', 'required')
  if (route !== undefined) checkRoute(at.field('route'), route)
}

function checkRoute(at: Place, route: NonNullable<Rule['route']>): void {
  const { serviceDestination, clusterDestination } = route
  if (serviceDestination !== undefined) {
    checkServiceHost(at.field('serviceDestination').field('host'), serviceDestination.host)
  } else if (clusterDestination === undefined)
    at.error('one of serviceDestination, clusterDestination must be set', 'required')
  else checkClusters(at.field('clusterDestination').field('clusters'), clusterDestination.clusters)
}

function checkServiceHost(at: Place, host: string | undefined): void {
  if (!host) at.error('Required value', 'required')
  else if (!/^[^/]+\/[^/]+$/.test(host)) at.error(`Invalid value: ${JSON.stringify(host)}: must be NAMESPACE/HOST`)
}

interface ClusterChoice {
  readonly name?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly network?: string
  readonly weight?: number
}

/** Weights are percentages: none at all, or 100 together. */
function checkClusters(place: Place, clusters: readonly ClusterChoice[] | undefined): void {
  place.each(clusters, (at, { name, labels, network }) => {
    if (!name && labels === undefined && !network) at.error('one of name, labels must be set', 'required')
    if (name && labels !== undefined) at.field('labels').error('name is set: only one of name, labels may be')
  })
  const weights = (clusters ?? []).map(({ weight = 0 }) => weight)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  if (total !== 0 && total !== 100) place.error(`the weights are ${total} together, not 100`)
}

export function checkGateway(place: Place, spec: GatewaySpec): void {
  checkSelector(place, spec)
  checkServers(place.field('http'), spec.http)
  checkServers(place.field('tls'), spec.tls)
  checkServers(place.field('tcp'), spec.tcp)
  place.field('http').each(spec.http, (at, server) => {
    checkFailover(at.field('failoverSettings'), server.failoverSettings)
    if (server.trafficMode === 'TRANSIT' && server.port !== undefined)
      at.field('port').warn('a transit server has no port of its own')
    at.field('routing').field('rules').each(server.routing?.rules, checkGatewayRule)
  })
  for (const list of ['tls', 'tcp'] as const)
    place.field(list).each(spec[list], (at, server) => {
      checkFailover(at.field('failoverSettings'), server.failoverSettings)
      if (server.route === undefined) at.field('route').error('Required value', 'required')
      else checkRoute(at.field('route'), server.route)
    })
}

export function checkIngressGateway(place: Place, spec: IngressGatewaySpec): void {
  checkSelector(place, spec)
  for (const list of ['http', 'tcp', 'tlsPassthrough'] as const) checkServers(place.field(list), spec[list])
  place.field('http').each(spec.http, (at, server) =>
    at
      .field('routing')
      .field('rules')
      .each(server.routing?.rules, (item, { route, redirect, directResponse }) => {
        if (route === undefined && redirect === undefined && directResponse === undefined)
          item.error('one of route, redirect, directResponse must be set', 'required')
        if (route !== undefined) checkServiceHost(item.field('route').field('host'), route.host)
      }),
  )
  for (const list of ['tcp', 'tlsPassthrough'] as const)
    place
      .field(list)
      .each(spec[list], (at, { route }) => checkServiceHost(at.field('route').field('host'), route?.host))
}

const tier1Servers = [
  'externalServers',
  'internalServers',
  'passthroughServers',
  'tcpExternalServers',
  'tcpInternalServers',
] as const

export function checkTier1Gateway(place: Place, spec: Tier1GatewaySpec): void {
  checkSelector(place, spec)
  for (const list of tier1Servers) {
    const servers: readonly (Server & { readonly clusters?: readonly ClusterChoice[] })[] | undefined = spec[list]
    checkServers(place.field(list), servers)
    place.field(list).each(servers, (at, { clusters }) => checkClusters(at.field('clusters'), clusters))
  }
}

export function checkEgressGateway(place: Place, spec: EgressGatewaySpec): void {
  checkSelector(place, spec)
  if (spec.authorization === undefined || spec.authorization.length === 0)
    place.field('authorization').warn('no rules: nobody may leave the mesh here')
  place.field('authorization').each(spec.authorization, (at, { to }) => {
    if ((to ?? []).length === 0) at.field('to').error('Required value', 'required')
  })
}
