// Who an object is: its place in the hierarchy and its name. In the API the metadata says it, in Kubernetes annotations.
import { digestOf } from '../../lib/index.ts'
import { groupOf, type KubeObject } from '../kube-object.ts'
import { isObject } from '../shape.ts'
import { type ApiKind, apiKinds, apiKindsOf, type GroupType, groupTypes, type Level } from './catalog.ts'

/** Namespace of the management cluster in which tctl stores objects. Others are free for GitOps. */
export const managementNamespace = 'tsb'

const prefix = 'tsb.tetrate.io/'

/** Annotations that tell who an object is, and who changed it last. */
export const annotations = {
  organization: `${prefix}organization`,
  tenant: `${prefix}tenant`,
  workspace: `${prefix}workspace`,
  /** The name of the object in the hierarchy, where Kubernetes' own is another. */
  name: `${prefix}name`,
  /** Of bindings: what they are for. */
  fqn: `${prefix}fqn`,
  of: (level: GroupType): string => `${prefix}${level}`,
} as const

/** Where an object stands, and its name; "" for levels that do not apply. */
export interface Identity {
  readonly organization: string
  readonly tenant: string
  readonly workspace: string
  readonly group: string
  /** Of bindings the name of what they are for. */
  readonly name: string
}

/** An object with its kind and place. */
export interface Identified {
  readonly kind: ApiKind
  readonly identity: Identity
}

const noone: Identity = { organization: '', tenant: '', workspace: '', group: '', name: '' }

const groupSegments: Readonly<Record<GroupType, string>> = {
  trafficGroup: 'trafficgroups',
  gatewayGroup: 'gatewaygroups',
  securityGroup: 'securitygroups',
  istioInternalGroup: 'istiointernalgroups',
}

/** The full name of what an object stands in; "" for the root. */
export function parentFqn({ parent }: ApiKind, { organization, tenant, workspace, group }: Identity): string {
  const steps: [string, string][] = [
    ['organizations', organization],
    ['tenants', tenant],
    ['workspaces', workspace],
  ]
  const depth = parent === '' ? 0 : parent === 'organization' ? 1 : parent === 'tenant' ? 2 : 3
  const path = steps.slice(0, depth).map(([segment, name]) => `${segment}/${name}`)
  if (isGroup(parent)) path.push(`${groupSegments[parent]}/${group}`)
  return path.join('/')
}

function isGroup(level: Level): level is GroupType {
  return (groupTypes as readonly string[]).includes(level)
}

/** The full name of an object. Bindings have that of what they are for. */
export function fqnOf({ kind, identity }: Identified): string {
  if (kind.bindingsOf === 'any') return identity.name
  const parent = parentFqn(kind, identity)
  if (kind.bindingsOf !== undefined) return parent
  const own = `${kind.segment}/${identity.name}`
  return parent === '' ? own : `${parent}/${own}`
}

/** Reads a full name; undefined if it names nothing that can be. */
export function parseFqn(fqn: string): Identified | undefined {
  const parts = fqn.split('/')
  if (parts.length % 2 !== 0 || parts.includes('')) return undefined
  let identity = noone
  let level: Level = ''
  for (let i = 0; i < parts.length; i += 2) {
    const [segment = '', name = ''] = parts.slice(i, i + 2)
    if (i + 2 === parts.length) {
      const kind = apiKinds.find(
        (each) => each.parent === level && each.segment === segment && each.bindingsOf === undefined,
      )
      return kind && { kind, identity: { ...identity, name } }
    }
    const below = levelBelow(level, segment)
    if (below === undefined) return undefined
    identity = { ...identity, [isGroup(below) ? 'group' : below]: name }
    level = below
  }
  return undefined
}

function levelBelow(level: Level, segment: string): Level | undefined {
  const below: Partial<Record<Level, Readonly<Record<string, Level>>>> = {
    '': { organizations: 'organization' },
    organization: { tenants: 'tenant' },
    tenant: { workspaces: 'workspace' },
    workspace: Object.fromEntries(Object.entries(groupSegments).map(([type, name]) => [name, type as GroupType])),
  }
  return below[level]?.[segment]
}

/** The name of a stored object in the hierarchy. */
export function tsbName({ metadata }: KubeObject): string {
  return metadata.annotations?.[annotations.name] ?? metadata.name
}

/**
 * Who a stored object is. Undefined if it is of no kind of the hierarchy, or does not say where in it it stands.
 * An Istio object counts if it names a group that takes its kind.
 */
export function identityOf(object: KubeObject): Identified | undefined {
  const said = (key: string): string => object.metadata.annotations?.[key] ?? ''
  const groupType = groupTypes.find((type) => said(annotations.of(type)) !== '')
  const kind = kindOfStored(object, groupType)
  if (kind === undefined) return undefined
  const place = {
    organization: said(annotations.organization),
    tenant: said(annotations.tenant),
    workspace: said(annotations.workspace),
    group: groupType === undefined ? '' : said(annotations.of(groupType)),
  }
  if (kind.bindingsOf !== undefined) return identityOfBindings(kind, said(annotations.fqn), place)
  const identity = { ...noone, ...place, name: tsbName(object) }
  return missingLevel(kind, identity) === undefined ? { kind, identity } : undefined
}

/** The first level that a kind needs and an identity does not name. */
export function missingLevel(
  { parent }: ApiKind,
  identity: Identity,
): 'organization' | 'tenant' | 'workspace' | 'group' | undefined {
  const levels = ['organization', 'tenant', 'workspace', 'group'] as const
  const depth = parent === '' ? 0 : isGroup(parent) ? 4 : levels.indexOf(parent as 'tenant') + 1
  return levels.slice(0, depth).find((level) => identity[level] === '')
}

function kindOfStored(object: KubeObject, groupType: GroupType | undefined): ApiKind | undefined {
  const inner = isObject(object.spec) && object.kind === 'DirectObject' ? object.spec['object'] : object
  if (!isObject(inner)) return undefined
  const found = apiKindsOf(String(inner['apiVersion']), String(inner['kind']))
  return found.find(({ istio, parent }) => istio === undefined || parent === groupType)
}

function identityOfBindings(kind: ApiKind, fqn: string, place: Omit<Identity, 'name'>): Identified | undefined {
  if (fqn === '')
    return missingLevel(kind, { ...place, name: '' }) === undefined && kind.bindingsOf !== 'any'
      ? { kind, identity: { ...place, name: '' } }
      : undefined
  if (kind.bindingsOf === 'any') return { kind, identity: { ...noone, name: fqn } }
  const bound = parseFqn(fqn)
  if (bound === undefined) return undefined
  const level = boundLevel(bound.kind)
  if (level !== kind.bindingsOf) return undefined
  const { name, ...rest } = bound.identity
  return { kind, identity: { ...rest, [isGroup(level) ? 'group' : level]: name, name: '' } }
}

function boundLevel({ kind, aliases }: ApiKind): Level {
  const groups: Readonly<Record<string, Level>> = {
    trafficgroup: 'trafficGroup',
    gatewaygroup: 'gatewayGroup',
    securitygroup: 'securityGroup',
    istiointernalgroup: 'istioInternalGroup',
  }
  const plain: Readonly<Record<string, Level>> = {
    Organization: 'organization',
    Tenant: 'tenant',
    Workspace: 'workspace',
  }
  return (kind === 'Group' ? groups[aliases[0] ?? ''] : plain[kind]) ?? ''
}

/**
 * The name under which an object is stored: its names from the innermost to the organization, with dots between, as
 * in DNS. A name that Kubernetes cannot carry is written as far as it can be, with a digest.
 */
export function storedName({ kind, identity }: Identified): string {
  const { organization, tenant, workspace, group, name } = identity
  const parts =
    kind.bindingsOf === 'any'
      ? name
          .split('/')
          .filter((_, i) => i % 2 === 1)
          .reverse()
      : [name, group, workspace, tenant, organization]
  const sort = kind.istio === undefined ? [] : [kind.istio.singular]
  return [...parts.slice(0, 1), ...sort, ...parts.slice(1)]
    .filter((part) => part !== '')
    .map(label)
    .join('.')
}

function label(name: string): string {
  if (/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name) && name.length <= 63) return name
  const plain = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replaceAll(/^-+|-+$/g, '')
  return `${plain === '' ? 'x' : plain}-${digestOf(name)}`
}

/** The annotations that say who a stored object is. */
export function identityAnnotations({ kind, identity }: Identified): Record<string, string> {
  const { organization, tenant, workspace, group, name } = identity
  const isBindings = kind.bindingsOf !== undefined
  const entries: [string, string][] = [
    [annotations.organization, organization],
    [annotations.tenant, tenant],
    [annotations.workspace, workspace],
    [isGroup(kind.parent) ? annotations.of(kind.parent) : '', group],
    [isBindings ? annotations.fqn : annotations.name, isBindings ? fqnOf({ kind, identity }) : name],
  ]
  return Object.fromEntries(entries.filter(([key, value]) => key !== '' && value !== ''))
}

/** Whether a full name is that of an ancestor, or the same. */
export function isWithin(fqn: string, ancestor: string): boolean {
  return fqn === ancestor || fqn.startsWith(`${ancestor}/`)
}

/** Whether a group of stored kinds is one of the hierarchy's. */
export function isHierarchyGroup(apiVersion: string): boolean {
  return /(^|\.)tsb\.tetrate\.io$/.test(groupOf(apiVersion))
}
