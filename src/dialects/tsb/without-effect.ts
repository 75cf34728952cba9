// What TSB's objects say that nothing is made of yet: it is told on the object, never passed over in silence.
import type { Problem } from '../../report/index.ts'
import type { TsbKind, TsbObject } from './objects.ts'

/** What people write for each other, or the server for them; wherever it stands. */
const always: readonly string[] = ['displayName', 'description', 'fqn', 'etag']
const owned = ['namespaceSelector', 'namespaceSelectors', 'deletionProtectionEnabled'] as const
const failover = ['topologyChoice', 'failoverPriority', 'regionalFailover'].map((field) => `failoverSettings.${field}`)
const within = (path: string, fields: readonly string[]): string[] => fields.map((field) => `${path}.${field}`)

const tokens = ['jwt', 'rules', 'requireJwt']
const asked = [
  'uri',
  'pathPrefix',
  'timeout',
  'includeRequestHeaders',
  'allowedUpstreamHeaders',
  'tls.mode',
  'tls.files',
]
const requests = ['local', ...within('external', asked)]
const security = [
  'authentication',
  'authenticationSettings.trafficMode',
  ...within('authenticationSettings.http', tokens),
  ...within('authorization', ['mode', 'serviceAccounts', 'rules', ...within('http', requests)]),
  'propagationStrategy',
]

const limits = [
  ...within('externalService', [
    'domain',
    'rateLimitServerUri',
    'rules',
    'failClosed',
    'timeout',
    'tls.mode',
    'tls.files',
  ]),
  'local',
]
const traffic = [
  ...within('inbound', failover),
  ...within('inbound.rateLimiting', limits),
  'inbound.resilience',
  ...['outbound.', ''].flatMap((part) => [
    `${part}reachability`,
    `${part}egress.host`,
    `${part}upstreamTrafficSettings.hosts`,
    `${part}upstreamTrafficSettings.settings.loadBalancer`,
    `${part}upstreamTrafficSettings.settings.resilience`,
  ]),
  'resilience',
  ...within('rateLimiting', limits),
]

const selected = within('workloadSelector', ['namespace', 'labels'])
const server = ['name', 'hostname', 'port', 'tls']
const guarded = [
  ...within('authentication', tokens),
  ...within('authorization', requests),
  ...within('rateLimiting', limits),
]
const rules = ['match', 'modify', 'redirect', 'directResponse', 'timeout', 'corsPolicy', 'disableExternalAuthorization']
const routing = [...within('rules', rules), 'corsPolicy']
const toService = ['host', 'port', 'tls']
const routes = [...within('serviceDestination', toService), 'clusterDestination']
const gateway = [
  ...selected,
  ...within('http', [
    ...server,
    ...guarded,
    ...failover,
    'trafficMode',
    'transit',
    ...within('routing', [...routing, ...within('rules.route', routes)]),
  ]),
  ...within('tls', [...server, ...failover, ...within('route', routes)]),
  ...within('tcp', [...server, ...failover, 'trafficMode', 'transit', ...within('route', routes)]),
  ...within('egressAuthorization', ['from.mode', 'from.serviceAccounts', 'to']),
]
const ingressGateway = [
  ...selected,
  ...within('http', [...server, ...guarded, ...within('routing', [...routing, 'rules.route'])]),
  ...within('tcp', [...server, 'route']),
  ...within('tlsPassthrough', [...server, 'route']),
]
const tier1Gateway = [
  ...selected,
  ...within('externalServers', [...server, ...guarded, 'clusters', 'redirect']),
  ...within('internalServers', [...server, ...guarded, 'clusters']),
  ...within('passthroughServers', [...server, 'clusters']),
  ...within('tcpExternalServers', [...server, 'clusters']),
  ...within('tcpInternalServers', [...server, 'clusters']),
]
const egressGateway = [
  ...selected,
  ...within('authorization', ['from.mode', 'from.serviceAccounts', 'from.rules', 'to']),
]

/** Why fields do nothing, by the end of their paths. Of the rest it is only said that they do not. */
const reasons: Readonly<Record<string, string>> = {
  oidc: 'requests cannot be sent to a login page; all that it is for are refused',
  waf: 'requests are not inspected for attacks; put a firewall in front of the gateway',
  extension: 'plugins are not loaded into proxies',
  identityMatch: 'what counts is always the certificate of the caller, which gateways on port 15443 pass on untouched',
  extensions: 'plugins are not loaded into proxies',
  wasmPlugins: 'plugins are not loaded into proxies',
  openapi: 'routes are said by routing rules',
  'rateLimiting.settings':
    'needs a rate limit service: name one in externalService, or let each proxy count for itself with local',
  automaticLoadBalancing: 'shares between clusters follow what is ready there, not metrics',
  authentication: 'proxies decide for each endpoint whether mutual TLS is spoken, by what it can do',
  'egress.port': 'the gateway is called at its port for calls of the mesh',
  configGenerationMetadata: 'what is made carries the marks of its maker only; objects of direct groups carry yours',
  profiles: 'there are no profiles; settings are inherited from workspace, tenant and organization',
  isolationBoundary: 'there is one boundary, of all clusters of the organization',
  flagger: 'shares of versions are said in the route itself',
  argoRollout: 'shares of versions are said in the route itself',
  'tls.secretName': 'name files of the proxy, or a service of the mesh, whose mutual TLS is automatic',
}

/** Fields that count, with everything below them; of lists each item. Kinds that are not here do nothing. */
const effective: Readonly<Partial<Record<TsbKind, readonly string[]>>> = {
  Workspace: [...owned, 'privileged', 'securityDomain'],
  TrafficGroup: [...owned, 'configMode'],
  GatewayGroup: [...owned, 'configMode'],
  SecurityGroup: [...owned, 'configMode', 'securityDomain'],
  IstioInternalGroup: [...owned, 'configMode'],
  WorkspaceSetting: [
    ...within('defaultEastWestGatewaySettings', ['workloadSelector', 'exposedServices']),
    'hostsReachability',
    ...failover,
    'regionalFailover',
    ...within('defaultTrafficSetting', traffic),
    ...within('defaultSecuritySetting', security),
  ],
  OrganizationSetting: [
    'networkSettings',
    ...failover,
    'regionalFailover',
    ...within('defaultTrafficSetting', traffic),
    ...within('defaultSecuritySetting', security),
  ],
  TenantSetting: [...within('defaultTrafficSetting', traffic), ...within('defaultSecuritySetting', security)],
  TrafficSetting: traffic,
  ServiceTrafficSetting: ['service', ...within('settings', traffic)],
  ServiceRoute: [
    'service',
    ...within('subsets', ['name', 'labels', 'weight', 'portLevelSettings']),
    ...within('httpRoutes', ['name', 'match', 'destination', 'fault', 'mirrors']),
    'tcpRoutes',
    'portLevelSettings',
    'stickySession',
  ],
  SecuritySetting: security,
  ServiceSecuritySetting: [
    'service',
    ...within('settings', security),
    'subsets.name',
    ...within('subsets.settings', security),
  ],
  DirectObject: ['object'],
  Gateway: gateway,
  IngressGateway: ingressGateway,
  EgressGateway: egressGateway,
  Tier1Gateway: tier1Gateway,
}

/** Whether something is made of a field, by its path without indices. Undefined: the kind is not in force in clusters. */
export function hasEffect(kind: TsbKind, path: string): boolean | undefined {
  const counting = effective[kind]
  const at = path.lastIndexOf('.')
  const isAlways =
    always.includes(path.slice(at + 1)) && counting?.some((each) => at < 0 || each.startsWith(path.slice(0, at + 1)))
  return counting && (isAlways || counting.some((each) => path === each || path.startsWith(`${each}.`)))
}

/** A problem for each part that does nothing, at the outermost field that has no part that counts. */
export function withoutEffect({ kind, object, ref }: TsbObject): Problem[] {
  const counting = effective[kind]
  if (counting === undefined) {
    const message = `nothing is made of kind ${kind} yet; the object has no effect`
    return [{ code: 'not-supported', severity: 'error', object: ref, path: '', message }]
  }
  const idle = idleFields(object.spec, '', 'spec', counting)
  return idle.map((path) => {
    const reason = Object.entries(reasons).find(([end]) => path === `spec.${end}` || path.endsWith(`.${end}`))
    const message =
      reason === undefined ? 'nothing is made of this field yet; it has no effect' : `has no effect: ${reason[1]}`
    return { code: 'not-supported', severity: 'warning', object: ref, path, message }
  })
}

/** `path` without indices, as `counting` has it; `shown` with them. */
function idleFields(value: unknown, path: string, shown: string, counting: readonly string[]): string[] {
  if (Array.isArray(value)) return value.flatMap((item, i) => idleFields(item, path, `${shown}[${i}]`, counting))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => {
    const own = path === '' ? name : `${path}.${name}`
    const place = `${shown}.${name}`
    if (always.includes(name) || counting.includes(own)) return []
    return counting.some((each) => each.startsWith(`${own}.`)) ? idleFields(inner, own, place, counting) : [place]
  })
}
