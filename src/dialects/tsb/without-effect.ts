// What TSB's objects say that nothing is made of yet: it is told on the object, never passed over in silence.
import type { Problem } from '../../report/index.ts'
import type { TsbKind, TsbObject } from './objects.ts'

const always = ['displayName', 'description', 'fqn', 'etag'] as const
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

/** Why fields do nothing, by the end of their paths. Of the rest it is only said that they do not. */
const reasons: Readonly<Record<string, string>> = {
  oidc: 'requests cannot be sent to a login page; all that it is for are refused',
  waf: 'requests are not inspected for attacks; put a firewall in front of the gateway',
  extension: 'plugins are not loaded into proxies',
  identityMatch: 'what counts is always the certificate of the caller, which gateways on port 15443 pass on untouched',
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
    ...failover,
    'regionalFailover',
    ...within('defaultTrafficSetting.inbound', failover),
    ...within('defaultSecuritySetting', security),
  ],
  OrganizationSetting: [
    'networkSettings',
    ...failover,
    'regionalFailover',
    ...within('defaultTrafficSetting.inbound', failover),
    ...within('defaultSecuritySetting', security),
  ],
  TenantSetting: [...within('defaultTrafficSetting.inbound', failover), ...within('defaultSecuritySetting', security)],
  TrafficSetting: within('inbound', failover),
  ServiceTrafficSetting: ['service', ...within('settings.inbound', failover)],
  ServiceRoute: [
    'service',
    ...within('subsets', ['name', 'labels', 'weight', 'portLevelSettings.port', 'portLevelSettings.trafficType']),
    ...within('httpRoutes', ['name', 'match', 'destination', 'fault', 'mirrors']),
    'tcpRoutes',
  ],
  SecuritySetting: security,
  ServiceSecuritySetting: [
    'service',
    ...within('settings', security),
    'subsets.name',
    ...within('subsets.settings', security),
  ],
  DirectObject: ['object'],
}

/** A problem for each part that does nothing, at the outermost field that has no part that counts. */
export function withoutEffect({ kind, object, ref }: TsbObject): Problem[] {
  const counting = effective[kind]
  if (counting === undefined) {
    const message = `nothing is made of kind ${kind} yet; the object has no effect`
    return [{ code: 'not-supported', severity: 'error', object: ref, path: '', message }]
  }
  const idle = idleFields(object.spec, '', 'spec', [...always, ...counting])
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
    if (counting.includes(own)) return []
    return counting.some((each) => each.startsWith(`${own}.`)) ? idleFields(inner, own, place, counting) : [place]
  })
}
