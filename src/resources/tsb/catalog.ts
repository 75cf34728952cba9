// Every kind that tctl knows: how the API calls it, where in the hierarchy it stands, and as what it is stored.
import type { KindDefinition } from '../dsl.ts'
import { istioKinds } from '../istio/kinds.ts'
import * as access from './access.ts'
import { cluster } from './cluster.ts'
import { directObject } from './direct-object.ts'
import * as gateways from './gateways.ts'
import * as groups from './groups.ts'
import * as hierarchy from './hierarchy.ts'
import { securitySetting, serviceSecuritySetting } from './security-setting.ts'
import { serviceRoute } from './service-route.ts'
import { serviceTrafficSetting, trafficSetting } from './traffic-setting.ts'

/** The four sorts of groups, called as the annotations call them. */
export const groupTypes = ['trafficGroup', 'gatewayGroup', 'securityGroup', 'istioInternalGroup'] as const
export type GroupType = (typeof groupTypes)[number]

/** What an object can stand in; "" is the root. */
export type Level = '' | 'organization' | 'tenant' | 'workspace' | GroupType

/** A kind as the API has it. */
export interface ApiKind {
  /** Group and newest version: `api.tsb.tetrate.io/v2`. */
  readonly apiVersion: string
  readonly kind: string
  readonly parent: Level
  /** Name of the collection in full names. */
  readonly segment: string
  /** What tctl calls it besides its kind, in lower case; the first one is what messages say. */
  readonly aliases: readonly string[]
  /** As what it is stored. */
  readonly definition: KindDefinition
  /** The Istio kind, of kinds that stand in groups in mode DIRECT. */
  readonly istio?: KindDefinition
  /** Bindings have no name: their full name is that of what they are for. A level, or any. */
  readonly bindingsOf?: Level | 'any'
  /** One for each parent, whatever its name. */
  readonly isSingleton?: boolean
  /** Configuration: it has a status of its own in clusters. Others are ready as soon as they are stored. */
  readonly isConfig: boolean
}

type Options = Partial<Pick<ApiKind, 'istio' | 'bindingsOf' | 'isSingleton'>> & { readonly kind?: string }

function entry(
  definition: KindDefinition,
  parent: Level,
  segment: string,
  aliases: readonly string[] = [],
  options: Options = {},
): ApiKind {
  const { group, versions } = options.istio ?? definition
  // What is stored in tsb.tetrate.io is api.tsb.tetrate.io in the API.
  const apiGroup = group === 'tsb.tetrate.io' ? 'api.tsb.tetrate.io' : group
  const { kind } = options.istio ?? definition
  const isConfig =
    !['', 'organization', 'tenant'].includes(parent) || segment === 'workspaces' || segment === 'settings'
  return {
    apiVersion: `${apiGroup}/${versions[0]?.name}`,
    kind,
    parent,
    segment,
    aliases,
    definition,
    isConfig,
    ...options,
  }
}

const bindings = (definition: KindDefinition, of: Level | 'any', aliases: readonly string[]): ApiKind => ({
  ...entry(definition, of === 'any' ? '' : of, 'accessbindings', aliases, { bindingsOf: of }),
  isConfig: false,
})

const allowedInDirectGroups: Readonly<Record<GroupType, readonly string[]>> = {
  trafficGroup: ['VirtualService', 'DestinationRule', 'Sidecar'],
  gatewayGroup: ['Gateway', 'VirtualService', 'RequestAuthentication', 'AuthorizationPolicy'],
  securityGroup: ['PeerAuthentication', 'RequestAuthentication', 'AuthorizationPolicy'],
  istioInternalGroup: ['EnvoyFilter', 'ServiceEntry', 'WasmPlugin'],
}

const istioAliases: Readonly<Record<string, string>> = {
  VirtualService: 'vs',
  DestinationRule: 'dr',
  Sidecar: 'sd',
  Gateway: 'gw',
  ServiceEntry: 'se',
  EnvoyFilter: 'ef',
  PeerAuthentication: 'pa',
  AuthorizationPolicy: 'ap',
  RequestAuthentication: 'ra',
  WasmPlugin: 'wp',
}

const direct = groupTypes.flatMap((parent) =>
  allowedInDirectGroups[parent].flatMap((kind) => {
    const istio = istioKinds.find((known) => known.kind === kind)
    return istio === undefined ? [] : [entry(directObject, parent, istio.plural, [istioAliases[kind] ?? ''], { istio })]
  }),
)

/** All kinds; where two have one name, the one that people mean stands first. */
export const apiKinds: readonly ApiKind[] = [
  entry(hierarchy.organization, '', 'organizations', ['org']),
  entry(hierarchy.organizationSetting, 'organization', 'settings', ['os'], { isSingleton: true }),
  entry(cluster, 'organization', 'clusters', ['cs']),
  entry(access.user, 'organization', 'users'),
  entry(access.team, 'organization', 'teams'),
  entry(access.serviceAccount, 'organization', 'serviceaccounts', ['sa']),
  entry(hierarchy.tenant, 'organization', 'tenants', ['tn']),
  entry(hierarchy.tenantSetting, 'tenant', 'settings', ['tns'], { isSingleton: true }),
  entry(hierarchy.workspace, 'tenant', 'workspaces', ['ws']),
  entry(hierarchy.workspaceSetting, 'workspace', 'settings', ['wss'], { isSingleton: true }),
  entry(groups.trafficGroup, 'workspace', 'trafficgroups', ['trafficgroup', 'tg']),
  entry(trafficSetting, 'trafficGroup', 'settings', ['ts'], { isSingleton: true }),
  entry(serviceTrafficSetting, 'trafficGroup', 'servicesettings', ['sts']),
  entry(serviceRoute, 'trafficGroup', 'serviceroutes', ['sr']),
  entry(groups.gatewayGroup, 'workspace', 'gatewaygroups', ['gatewaygroup', 'gg']),
  entry(gateways.gateway, 'gatewayGroup', 'unifiedgateways', ['gwt']),
  entry(gateways.ingressGateway, 'gatewayGroup', 'ingressgateways', ['ig']),
  entry(gateways.egressGateway, 'gatewayGroup', 'egressgateways', ['eg']),
  entry(gateways.tier1Gateway, 'gatewayGroup', 'tier1gateways', ['t1']),
  entry(groups.securityGroup, 'workspace', 'securitygroups', ['securitygroup', 'sg']),
  entry(securitySetting, 'securityGroup', 'settings', ['ss'], { isSingleton: true }),
  entry(serviceSecuritySetting, 'securityGroup', 'servicesettings', ['sss']),
  entry(groups.istioInternalGroup, 'workspace', 'istiointernalgroups', ['istiointernalgroup', 'iig']),
  ...direct,
  entry(access.role, '', 'rbac'),
  bindings(access.accessBindings, 'any', ['ab']),
  bindings(access.organizationAccessBindings, 'organization', ['oab']),
  bindings(access.tenantAccessBindings, 'tenant', ['tnab']),
  bindings(access.workspaceAccessBindings, 'workspace', ['wab']),
  bindings(access.trafficAccessBindings, 'trafficGroup', ['tab']),
  bindings(access.gatewayAccessBindings, 'gatewayGroup', ['gab']),
  bindings(access.securityAccessBindings, 'securityGroup', ['sab']),
  bindings(access.istioInternalAccessBindings, 'istioInternalGroup', ['iab']),
]

const groupPart = (apiVersion: string): string => apiVersion.split('/')[0] ?? ''

/** The group in which the API form of a stored group's kinds is written; both are taken. */
const apiGroupOf = (group: string): string => (group === 'tsb.tetrate.io' ? 'api.tsb.tetrate.io' : group)

/**
 * The kinds that an object's apiVersion and kind can mean: one, or for Istio kinds one for each sort of group that takes
 * them. Groups are also taken by the names `TrafficGroup`, `GatewayGroup`, …
 */
export function apiKindsOf(apiVersion: string, kind: string): ApiKind[] {
  const group = apiGroupOf(groupPart(apiVersion))
  return apiKinds.filter(
    (each) =>
      groupPart(each.apiVersion) === group &&
      hasVersion(each, apiVersion.split('/')[1]) &&
      (each.kind === kind || (each.kind === 'Group' && each.aliases[0] === kind.toLowerCase())),
  )
}

/** Istio's versions are one schema; without one any is meant. */
function hasVersion({ definition, istio }: ApiKind, version: string | undefined): boolean {
  return version === undefined || (istio ?? definition).versions.some(({ name }) => name === version)
}

/** The kinds that a word on the command line means: `apiVersion/Kind`, a kind in any case, its plural, a short form. */
export function apiKindsNamed(word: string): ApiKind[] {
  const slash = word.lastIndexOf('/')
  if (slash > 0) return apiKindsOf(word.slice(0, slash), word.slice(slash + 1))
  const wanted = word.toLowerCase()
  const names = (each: ApiKind): string[] => {
    const kinds = each.kind === 'Group' ? [each.aliases[0] ?? ''] : [each.kind.toLowerCase()]
    const plurals = each.kind === 'Group' ? [each.segment] : [(each.istio ?? each.definition).plural]
    return [...kinds, ...plurals, ...each.aliases]
  }
  const found = apiKinds.filter((each) => names(each).includes(wanted))
  // TSB's own Gateway and Istio's have one name; what is meant is TSB's, and `gw` is Istio's.
  const [first] = found
  return first?.istio === undefined ? found.slice(0, 1) : found
}

/** What messages call a kind. */
export function kindLabel({ kind, aliases, istio }: ApiKind): string {
  if (kind !== 'Group') return istio === undefined ? kind : `Istio ${kind}`
  const labels: Readonly<Record<string, string>> = {
    trafficgroup: 'TrafficGroup',
    gatewaygroup: 'GatewayGroup',
    securitygroup: 'SecurityGroup',
    istiointernalgroup: 'IstioInternalGroup',
  }
  return labels[aliases[0] ?? ''] ?? kind
}
