// What the schemas cannot say, of workspaces, groups, settings and routes.
import { durationMs, type Place } from '../dsl.ts'
import type { WorkspaceSettingSpec } from './hierarchy.ts'
import { readNamespacePattern } from './namespace-pattern.ts'
import type { SecuritySettingSpec } from './security-setting.ts'
import type { ServiceRouteSpec } from './service-route.ts'
import type { TrafficSettingSpec } from './traffic-setting.ts'

interface Namespaces {
  readonly namespaceSelector?: { readonly names?: readonly string[] }
  readonly namespaceSelectors?: readonly { readonly name?: string }[]
}

/** The patterns of a selector, in whichever form they are written. */
export function namespaceNames(spec: Namespaces | undefined): readonly string[] {
  return [
    ...(spec?.namespaceSelector?.names ?? []),
    ...(spec?.namespaceSelectors ?? []).flatMap(({ name }) => (name === undefined ? [] : [name])),
  ]
}

export function checkNamespaces(place: Place, spec: Namespaces): void {
  const { namespaceSelector, namespaceSelectors } = spec
  const names = place.field('namespaceSelector').field('names')
  if (namespaceSelectors !== undefined)
    place
      .field('namespaceSelectors')
      .warn('namespaceSelectors is an old form; write namespaceSelector: {names: [CLUSTER/NAMESPACE, …]}')
  if (namespaceNames(spec).length === 0) names.error('Required value: at least one CLUSTER/NAMESPACE', 'required')
  const seen = new Set<string>()
  names.each(namespaceSelector?.names, (at, name) => {
    if (readNamespacePattern(name) === undefined) at.error(wrongPattern(name))
    else if (seen.has(name)) at.warn(`${JSON.stringify(name)} is there already`)
    seen.add(name)
  })
  place.field('namespaceSelectors').each(namespaceSelectors, (at, { name = '' }) => {
    if (readNamespacePattern(name) === undefined) at.field('name').error(wrongPattern(name))
  })
}

function wrongPattern(name: string): string {
  return `Invalid value: ${JSON.stringify(name)}: must be CLUSTER/NAMESPACE, where CLUSTER may be "*", and NAMESPACE a name, a prefix (ns*) or "*"`
}

export function checkWorkspaceSetting(place: Place, spec: WorkspaceSettingSpec): void {
  if (spec.defaultTrafficSetting !== undefined)
    checkTrafficSetting(place.field('defaultTrafficSetting'), spec.defaultTrafficSetting)
  if (spec.defaultSecuritySetting !== undefined)
    checkSecuritySetting(place.field('defaultSecuritySetting'), spec.defaultSecuritySetting)
  const selectors = new Set<string>()
  place.field('defaultEastWestGatewaySettings').each(spec.defaultEastWestGatewaySettings, (at, item) => {
    const { namespace, labels } = item.workloadSelector ?? {}
    const selector = at.field('workloadSelector')
    if (item.workloadSelector === undefined) selector.error('Required value', 'required')
    else if (Object.keys(labels ?? {}).length === 0) selector.field('labels').error('Required value', 'required')
    const key = JSON.stringify([namespace, Object.entries(labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))])
    if (selectors.has(key)) selector.error('another item has this selector already', 'conflict')
    selectors.add(key)
    at.field('exposedServices').each(item.exposedServices, (service, { serviceLabels }) => {
      if (Object.keys(serviceLabels ?? {}).length === 0)
        service.field('serviceLabels').warn('no labels: every service of the workspace is exposed')
    })
  })
  if (spec.regionalFailover !== undefined && spec.failoverSettings !== undefined)
    place.field('regionalFailover').warn('failoverSettings is given, and wins')
  checkFailover(place.field('failoverSettings'), spec.failoverSettings)
}

type Failover = NonNullable<WorkspaceSettingSpec['failoverSettings']>

/** Labels of failoverPriority. */
export function checkFailover(place: Place, settings: Failover | undefined): void {
  place.field('failoverPriority').each(settings?.failoverPriority, (at, label) => {
    const [key = '', ...values] = label.split('=')
    if (key === '' || values.length > 1) at.error(`Invalid value: ${JSON.stringify(label)}: must be KEY or KEY=VALUE`)
  })
  if (settings?.failoverPriority?.length && settings.topologyChoice !== undefined)
    place.field('topologyChoice').warn('failoverPriority is given, and wins')
  place.field('regionalFailover').each(settings?.regionalFailover, (at, { from, to }) => {
    if (!from || !to || from === to) at.error('from and to must be two different regions')
  })
}

/** Older spelling → where it is said now. */
const moved = {
  reachability: 'outbound.reachability',
  egress: 'outbound.egress',
  upstreamTrafficSettings: 'outbound.upstreamTrafficSettings',
  rateLimiting: 'inbound.rateLimiting',
} as const

export function checkTrafficSetting(place: Place, spec: TrafficSettingSpec): void {
  for (const [field, now] of Object.entries(moved)) {
    const [part = '', name = ''] = now.split('.')
    const newer = (spec as Record<string, Record<string, unknown> | undefined>)[part]?.[name]
    const older = (spec as Record<string, unknown>)[field]
    if (older !== undefined && newer !== undefined) place.field(field).warn(`${now} is given, and wins`)
  }
  checkFailover(place.field('inbound').field('failoverSettings'), spec.inbound?.failoverSettings)
  checkReachability(place.field('reachability'), spec.reachability)
  checkReachability(place.field('outbound').field('reachability'), spec.outbound?.reachability)
  const upstream: UpstreamCheck = (at, { hosts, settings }) => {
    if ((hosts ?? []).length === 0) at.field('hosts').error('Required value', 'required')
    const { resilience } = settings ?? {}
    const here = at.field('settings').field('resilience')
    if (resilience?.outlierDetection !== undefined && resilience.circuitBreakerSensitivity !== 'CUSTOM')
      here.field('outlierDetection').warn('it counts only with circuitBreakerSensitivity: CUSTOM')
    const percent = resilience?.outlierDetection?.maxEjectionPercent ?? 0
    if (percent > 100) here.field('outlierDetection').field('maxEjectionPercent').error(`Invalid value: ${percent}`)
    const connect = resilience?.connectionPool?.tcp?.connectTimeout
    if (connect !== undefined && (durationMs(connect) ?? 1) < 1)
      here.field('connectionPool').field('tcp').field('connectTimeout').error('must be at least 1ms')
  }
  place.field('upstreamTrafficSettings').each(spec.upstreamTrafficSettings, upstream)
  place.field('outbound').field('upstreamTrafficSettings').each(spec.outbound?.upstreamTrafficSettings, upstream)
}

type Upstream = NonNullable<TrafficSettingSpec['upstreamTrafficSettings']>[number]
type UpstreamCheck = (place: Place, upstream: Upstream) => void

function checkReachability(place: Place, reachability: TrafficSettingSpec['reachability']): void {
  const { mode, hosts } = reachability ?? {}
  if (mode === 'CUSTOM' && (hosts ?? []).length === 0) place.field('hosts').warn('no hosts: nothing can be reached')
  if (mode !== 'CUSTOM' && hosts !== undefined) place.field('hosts').warn('hosts count only with mode: CUSTOM')
  place.field('hosts').each(hosts, (at, host) => {
    if (!/^[^/]+\/[^/]+$/.test(host)) at.error(`Invalid value: ${JSON.stringify(host)}: must be NAMESPACE/HOST`)
  })
}

export function checkSecuritySetting(place: Place, spec: SecuritySettingSpec): void {
  if (spec.authentication !== undefined && spec.authenticationSettings?.trafficMode !== undefined)
    place.field('authentication').warn('authenticationSettings.trafficMode is given, and wins')
  const { mode, serviceAccounts, rules } = spec.authorization ?? {}
  const at = place.field('authorization')
  if (mode !== 'CUSTOM' && serviceAccounts !== undefined)
    at.field('serviceAccounts').warn('serviceAccounts count only with mode: CUSTOM')
  if (mode !== 'RULES' && rules !== undefined) at.field('rules').warn('rules count only with mode: RULES')
  at.field('serviceAccounts').each(serviceAccounts, (item, account) => {
    if (!/^[^/]+\/[^/]+$/.test(account))
      item.error(`Invalid value: ${JSON.stringify(account)}: must be NAMESPACE/ACCOUNT, NAMESPACE/* or ./*`)
  })
  for (const verdict of ['allow', 'deny'] as const) {
    const seen = new Set<string>()
    at.field('rules')
      .field(verdict)
      .each(rules?.[verdict], (item, { from, to }) => {
        if (!from?.fqn) item.field('from').field('fqn').error('Required value', 'required')
        if (!to?.fqn) item.field('to').field('fqn').error('Required value', 'required')
        const key = `${from?.fqn} ${to?.fqn}`
        if (seen.has(key)) item.error('this rule is there already', 'conflict')
        seen.add(key)
      })
  }
}

export function checkServiceRoute(place: Place, spec: ServiceRouteSpec): void {
  const service = place.field('service')
  if (!spec.service) service.error('Required value', 'required')
  else if (!/^[^/]+\/[^/]+$/.test(spec.service))
    service.error(`Invalid value: ${JSON.stringify(spec.service)}: must be NAMESPACE/HOST`)
  const names = new Set<string>()
  place.field('subsets').each(spec.subsets, (at, { name, labels }) => {
    if (!name) at.field('name').error('Required value', 'required')
    else if (names.has(name)) at.field('name').error(`another subset is called ${JSON.stringify(name)}`, 'conflict')
    names.add(name ?? '')
    if (Object.keys(labels ?? {}).length === 0) at.field('labels').warn('no labels: every pod of the service')
  })
  const total = (spec.subsets ?? []).reduce((sum, { weight = 0 }) => sum + weight, 0)
  if (total === 0 && (spec.subsets ?? []).length > 1)
    place.field('subsets').warn('no subset has a weight, so none gets requests')
  for (const field of ['httpRoutes', 'tcpRoutes'] as const)
    place.field(field).each<Route>(spec[field], (at, route) => {
      if (!route.name) at.field('name').error('Required value', 'required')
      if ((route.destination ?? []).length === 0) at.field('destination').error('Required value', 'required')
      at.field('destination').each(route.destination, (item, { subset }) => {
        if (subset !== undefined && subset !== '' && !names.has(subset))
          item.field('subset').error(`there is no subset ${JSON.stringify(subset)}`, 'reference-not-found')
      })
    })
}

interface Route {
  readonly name?: string
  readonly destination?: readonly { readonly subset?: string }[]
}
