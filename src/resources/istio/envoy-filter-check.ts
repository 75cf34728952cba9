import type { Place } from '../check.ts'
import type { EnvoyFilter, EnvoyFilterMatch, EnvoyFilterPatch } from './envoy-filter.ts'
import { faultOfRegex } from './regex.ts'
import { checkLabelSelector } from './selector-check.ts'

type ApplyTo = NonNullable<EnvoyFilterPatch['applyTo']>

const listenerClass: readonly ApplyTo[] = ['LISTENER', 'FILTER_CHAIN', 'NETWORK_FILTER', 'HTTP_FILTER']
const routeClass: readonly ApplyTo[] = ['ROUTE_CONFIGURATION', 'VIRTUAL_HOST', 'HTTP_ROUTE']
const longestVersion = 1024

/**
 * Whether applyTo, match and patch fit together. Whether the patch is a valid Envoy resource is checked where
 * Envoy's types are known.
 */
export function checkEnvoyFilter(root: Place, { spec = {} }: EnvoyFilter): void {
  const place = root.field('spec')
  place.warn(
    'patches the Envoy configuration itself, which may differ in every version; prefer other kinds',
    'version-dependent',
  )
  checkLabelSelector(place.field('workloadSelector'), spec.workloadSelector)
  place.field('configPatches').each(spec.configPatches, (at, patch) => {
    const { context, waypoint } = patch.match ?? {}
    const isWaypoint = context === 'WAYPOINT'
    if (waypoint && !isWaypoint) at.field('match').field('waypoint').error('needs context WAYPOINT')
    if (isWaypoint && !waypoint) at.field('match').error('context WAYPOINT is matched by waypoint')
    if (isWaypoint) return
    checkPatch(at, patch)
    checkProxyVersion(at.field('match').field('proxy').field('proxyVersion'), patch.match?.proxy?.proxyVersion)
    const { portName } = patch.match?.listener ?? {}
    if (portName)
      at.field('match').field('listener').field('portName').warn('has no effect: ports of listeners have no names')
    if (patch.applyTo !== undefined) checkMatch(at.field('match'), patch.applyTo, patch.match)
  })
}

function checkPatch(place: Place, { applyTo = 'INVALID', patch }: EnvoyFilterPatch): void {
  if (applyTo === 'INVALID') place.field('applyTo').error('Required value', 'required')
  const at = place.field('patch')
  if (patch === undefined) at.error('Required value', 'required')
  else if ((patch.operation ?? 'INVALID') === 'INVALID') at.field('operation').error('Required value', 'required')
  else if (patch.operation !== 'REMOVE' && patch.value === undefined)
    at.field('value').error(`operation ${patch.operation} needs a value`, 'required')
}

function checkProxyVersion(place: Place, version: string | undefined): void {
  if (version === undefined || version === '') return
  if (version.length > longestVersion) place.warn(`is longer than ${longestVersion} characters and has no effect`)
  else {
    const fault = faultOfRegex(version)
    if (fault !== undefined) place.error(`${JSON.stringify(version)} is no regular expression: ${fault}`)
  }
}

function checkMatch(place: Place, applyTo: ApplyTo, match: EnvoyFilterMatch | undefined): void {
  const { listener, routeConfiguration, cluster, waypoint } = match ?? {}
  if (listener === undefined && routeConfiguration === undefined && cluster === undefined && waypoint === undefined)
    return
  if (listenerClass.includes(applyTo)) {
    if (listener === undefined) place.error(`${applyTo} is matched by listener`)
    else
      checkFilterMatch(
        place.field('listener').field('filterChain').field('filter'),
        applyTo,
        listener.filterChain?.filter,
      )
  }
  if (routeClass.includes(applyTo) && routeConfiguration === undefined)
    place.error(`${applyTo} is matched by routeConfiguration`)
  if (applyTo === 'CLUSTER' && cluster === undefined) place.error('CLUSTER is matched by cluster')
}

const httpConnectionManagers = ['envoy.filters.network.http_connection_manager', 'envoy.http_connection_manager']

interface FilterMatch {
  readonly name?: string
  readonly subFilter?: { readonly name?: string }
}

function checkFilterMatch(place: Place, applyTo: ApplyTo, filter: FilterMatch | undefined): void {
  if (filter === undefined) return
  if (applyTo === 'LISTENER' || applyTo === 'FILTER_CHAIN') place.warn(`has no effect with ${applyTo}`)
  const { name = '', subFilter } = filter
  if (name === '') {
    place.field('name').error('Required value', 'required')
    return
  }
  warnOldName(place.field('name'), name)
  if (subFilter === undefined) return
  const at = place.field('subFilter')
  if (applyTo !== 'HTTP_FILTER') at.error('can be matched with applyTo HTTP_FILTER only')
  else if (!httpConnectionManagers.includes(name)) at.error(`needs filter ${httpConnectionManagers[0]}`)
  else if ((subFilter.name ?? '') === '') at.field('name').error('Required value', 'required')
  else warnOldName(at.field('name'), subFilter.name ?? '')
}

/** Names that filters had before Envoy 1.14, and what they are called now. */
const renamed: Readonly<Record<string, string>> = {
  'envoy.buffer': 'envoy.filters.http.buffer',
  'envoy.cors': 'envoy.filters.http.cors',
  'envoy.csrf': 'envoy.filters.http.csrf',
  'envoy.ext_authz': 'envoy.filters.http.ext_authz',
  'envoy.fault': 'envoy.filters.http.fault',
  'envoy.grpc_http1_bridge': 'envoy.filters.http.grpc_http1_bridge',
  'envoy.grpc_json_transcoder': 'envoy.filters.http.grpc_json_transcoder',
  'envoy.grpc_web': 'envoy.filters.http.grpc_web',
  'envoy.gzip': 'envoy.filters.http.compressor',
  'envoy.health_check': 'envoy.filters.http.health_check',
  'envoy.http_dynamo_filter': 'envoy.filters.http.dynamo',
  'envoy.ip_tagging': 'envoy.filters.http.ip_tagging',
  'envoy.lua': 'envoy.filters.http.lua',
  'envoy.rate_limit': 'envoy.filters.http.ratelimit',
  'envoy.router': 'envoy.filters.http.router',
  'envoy.squash': 'envoy.filters.http.squash',
  'envoy.client_ssl_auth': 'envoy.filters.network.client_ssl_auth',
  'envoy.echo': 'envoy.filters.network.echo',
  'envoy.http_connection_manager': 'envoy.filters.network.http_connection_manager',
  'envoy.mongo_proxy': 'envoy.filters.network.mongo_proxy',
  'envoy.ratelimit': 'envoy.filters.network.ratelimit',
  'envoy.redis_proxy': 'envoy.filters.network.redis_proxy',
  'envoy.tcp_proxy': 'envoy.filters.network.tcp_proxy',
}

function warnOldName(place: Place, name: string): void {
  const now = renamed[name]
  if (now !== undefined && now !== name) place.warn(`${name} is called ${now} now`)
}
