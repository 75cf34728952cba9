// Objects of Tetrate Service Bridge as they are stored: Kubernetes objects of the management cluster whose annotations
// say where in the hierarchy they are.
import { compareText } from '../../lib/index.ts'
import type { ObjectRef } from '../../report/index.ts'
import { type KubeObject, refOf } from '../../resources/index.ts'
import { tsbName } from '../../resources/tsb/index.ts'
import { asMap, asText, type ClusterFacts, type Plain } from '../shared/index.ts'

/** Where an object is in the hierarchy; '' for levels above or beside it. */
export interface Place {
  readonly organization: string
  readonly tenant: string
  readonly workspace: string
  /** Name of the traffic, gateway, security or istio-internal group. */
  readonly group: string
}

/** What an object is: groups of the four API groups are told apart, whatever they are called there. */
export type TsbKind = keyof typeof kinds

export interface TsbObject {
  readonly kind: TsbKind
  readonly name: string
  readonly place: Place
  readonly ref: ObjectRef
  /** The very same one as long as it did not change. */
  readonly object: KubeObject
  readonly spec: Plain
}

/** Annotation that names the level, by what is stored in `Place`. */
const annotationPrefix = 'tsb.tetrate.io/'

const kinds = {
  Organization: 'tsb.tetrate.io/Organization',
  OrganizationSetting: 'tsb.tetrate.io/OrganizationSetting',
  Cluster: 'tsb.tetrate.io/Cluster',
  Tenant: 'tsb.tetrate.io/Tenant',
  TenantSetting: 'tsb.tetrate.io/TenantSetting',
  Workspace: 'tsb.tetrate.io/Workspace',
  WorkspaceSetting: 'tsb.tetrate.io/WorkspaceSetting',
  TrafficGroup: 'traffic.tsb.tetrate.io/Group',
  TrafficSetting: 'traffic.tsb.tetrate.io/TrafficSetting',
  ServiceTrafficSetting: 'traffic.tsb.tetrate.io/ServiceTrafficSetting',
  ServiceRoute: 'traffic.tsb.tetrate.io/ServiceRoute',
  GatewayGroup: 'gateway.tsb.tetrate.io/Group',
  Gateway: 'gateway.tsb.tetrate.io/Gateway',
  IngressGateway: 'gateway.tsb.tetrate.io/IngressGateway',
  EgressGateway: 'gateway.tsb.tetrate.io/EgressGateway',
  Tier1Gateway: 'gateway.tsb.tetrate.io/Tier1Gateway',
  SecurityGroup: 'security.tsb.tetrate.io/Group',
  SecuritySetting: 'security.tsb.tetrate.io/SecuritySetting',
  ServiceSecuritySetting: 'security.tsb.tetrate.io/ServiceSecuritySetting',
  IstioInternalGroup: 'istiointernal.tsb.tetrate.io/Group',
  DirectObject: 'tsb.tetrate.io/DirectObject',
} as const

/** Annotation by which an object names its group. */
const groupAnnotations = ['trafficGroup', 'gatewayGroup', 'securityGroup', 'istioInternalGroup'] as const

export type GroupType = (typeof groupAnnotations)[number]

/** Where an object says that it is; undefined if it says nothing. */
export function placeOf({ metadata }: KubeObject): (Place & { readonly groupType: GroupType | undefined }) | undefined {
  const said = (key: string): string => metadata.annotations?.[`${annotationPrefix}${key}`] ?? ''
  const groupType = groupAnnotations.find((key) => said(key) !== '')
  const place = {
    organization: said('organization'),
    tenant: said('tenant'),
    workspace: said('workspace'),
    group: groupType === undefined ? '' : said(groupType),
    groupType,
  }
  return place.organization === '' ? undefined : place
}

/** All objects of a kind, in the order of their age, then of their names: where two claim one thing, the first has it. */
export function objectsOfKind(facts: ClusterFacts, kind: TsbKind): TsbObject[] {
  return facts
    .objects(kinds[kind])
    .map((object) => ({
      kind,
      name: tsbName(object),
      place: placeOf(object) ?? { organization: '', tenant: '', workspace: '', group: '' },
      ref: refOf(facts.name, object),
      object,
      spec: asMap(object.spec),
    }))
    .sort((a, b) => compareText(ageOf(a), ageOf(b)) || compareText(pathOf(a), pathOf(b)))
}

const ageOf = ({ object }: TsbObject): string => asText(object.metadata.creationTimestamp)

/** Names of all levels down to the object: tells objects of one kind apart. */
export function pathOf({ place, name }: Pick<TsbObject, 'place' | 'name'>): string {
  const { organization, tenant, workspace, group } = place
  return [organization, tenant, workspace, group, name].filter((part) => part !== '').join('/')
}

/** Key of a workspace by where it, or what it holds, is. */
export function workspaceKey({ organization, tenant }: Place, workspace: string): string {
  return `${organization}/${tenant}/${workspace}`
}
