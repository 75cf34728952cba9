// Who may call, by the mode of an authorization: identities of proxies, as principals of Istio.
import { parseFqn } from '../../../resources/tsb/index.ts'
import { asList, asText, at, type Plain } from '../../shared/index.ts'
import type { TsbCluster } from '../clusters.ts'
import { type Group, type Hierarchy, holds, type Workspace } from '../hierarchy.ts'
import { namespacesWhere, type PlacedNamespace } from '../namespaces.ts'
import { pathOf, type TsbObject } from '../objects.ts'

export interface CallerContext {
  readonly hierarchy: Hierarchy
  readonly clusters: readonly TsbCluster[]
  /** Tells of a name that means nothing, on the object that has it. */
  readonly unknown: (fqn: string) => void
}

/** Where the workload stands that is called. */
export interface CalledPlace extends PlacedNamespace {
  readonly workspace: Workspace
  readonly groups: readonly Group[]
}

/** Principals that may call, undefined: everybody, with a proxy or without; and those that may not even so. */
export interface Callers {
  readonly allowed: readonly string[] | undefined
  readonly denied: readonly string[]
}

const everybody: Callers = { allowed: undefined, denied: [] }

/** Those that a mode lets in. */
export function callersOf(mode: string, authorization: Plain, place: CalledPlace, context: CallerContext): Callers {
  const { hierarchy } = context
  const only = (isMeant: (cluster: string, namespace: string) => boolean): Callers => ({
    allowed: principalsWhere(context, isMeant),
    denied: [],
  })
  const isOwn = (cluster: string, namespace: string): boolean =>
    hierarchy.owners.of(cluster, namespace) === place.workspace
  switch (mode) {
    case 'CLUSTER':
      return { allowed: ['*'], denied: [] }
    case 'WORKSPACE':
      return only(isOwn)
    case 'NAMESPACE':
      return only((cluster, namespace) => namespace === place.namespace && isOwn(cluster, namespace))
    case 'GROUP':
      return only((cluster, namespace) =>
        place.groups.some((group) => holds(group, hierarchy.owners, cluster, namespace)),
      )
    case 'CUSTOM':
      return { allowed: accountsOf(asList(authorization['serviceAccounts']).map(asText), place, context), denied: [] }
    case 'RULES':
      return callersByRules(authorization['rules'], place, context)
    default:
      return everybody
  }
}

function principalsWhere(
  { clusters }: CallerContext,
  isMeant: (cluster: string, namespace: string) => boolean,
): string[] {
  return principalsOf(namespacesWhere(clusters, isMeant))
}

function principalsOf(places: readonly PlacedNamespace[]): string[] {
  return [...new Set(places.map(({ cluster, namespace }) => `${cluster.trustDomain}/ns/${namespace}/*`))].sort()
}

/** `NAMESPACE/ACCOUNT`, `NAMESPACE/*`, `./*`: of every cluster. */
function accountsOf(accounts: readonly string[], place: CalledPlace, { clusters }: CallerContext): string[] {
  const all = accounts.flatMap((text) => {
    const [said = '', account = ''] = text.split('/')
    const namespace = said === '.' ? place.namespace : said
    return clusters.map(
      ({ trustDomain }) => `${trustDomain}/ns/${namespace}/${account === '*' ? '*' : `sa/${account}`}`,
    )
  })
  return [...new Set(all)].sort()
}

function callersByRules(rules: unknown, place: CalledPlace, context: CallerContext): Callers {
  if (at(rules, 'denyAll') === true) return { allowed: [], denied: [] }
  const allow = asList(at(rules, 'allow'))
  const deny = asList(at(rules, 'deny'))
  const from = (list: readonly unknown[]): string[] => {
    const fits = list.filter((rule) => isAt(asText(at(rule, 'to', 'fqn')), place, context))
    return [...new Set(fits.flatMap((rule) => principalsOfFqn(asText(at(rule, 'from', 'fqn')), context)))].sort()
  }
  return { allowed: allow.length === 0 ? undefined : from(allow), denied: from(deny) }
}

function isAt(fqn: string, { cluster, namespace }: CalledPlace, context: CallerContext): boolean {
  return meantBy(fqn, context)?.(cluster.name, namespace) ?? false
}

function principalsOfFqn(fqn: string, context: CallerContext): string[] {
  const isMeant = meantBy(fqn, context)
  return isMeant === undefined ? [] : principalsWhere(context, isMeant)
}

type Meant = (cluster: string, namespace: string) => boolean

/** The namespaces that an organization, tenant, workspace, security group or security domain owns. */
function meantBy(fqn: string, { hierarchy, unknown }: CallerContext): Meant | undefined {
  if (fqn === '*') return () => true
  const { owners } = hierarchy
  const domain = /^organizations\/[^/]+\/securitydomains\/[^/]+$/.test(fqn)
  if (domain) return (cluster, namespace) => domainOf(hierarchy, cluster, namespace) === fqn
  const found = parseFqn(fqn)
  const { organization, tenant, workspace, name } = found?.identity ?? {}
  const ownedBy = (fits: (owner: Workspace) => boolean): Meant | undefined => {
    if (!hierarchy.workspaces.some(fits)) return undefined
    return (cluster, namespace) => {
      const owner = owners.of(cluster, namespace)
      return owner !== undefined && fits(owner)
    }
  }
  const path = [organization, tenant, workspace, name].filter(Boolean).join('/')
  const isIn = ({ object: { place } }: Workspace): boolean =>
    place.organization === organization && place.tenant === name
  const meantByKind = (): Meant | undefined => {
    switch (found?.kind.kind) {
      case 'Organization':
        return ownedBy(({ object: { place } }) => place.organization === name)
      case 'Tenant':
        // One without workspaces owns nothing, but is known.
        return (
          ownedBy(isIn) ?? (hierarchy.all('Tenant').some((each) => pathOf(each) === path) ? () => false : undefined)
        )
      case 'Workspace':
        return ownedBy(({ object }) => pathOf(object) === path)
      case 'Group': {
        const group = hierarchy.groups('SecurityGroup').find(({ object }) => pathOf(object) === path)
        const isSecurity = found.kind.aliases[0] === 'securitygroup' && group !== undefined
        return isSecurity ? (cluster, namespace) => holds(group, owners, cluster, namespace) : undefined
      }
      default:
        return undefined
    }
  }
  const meant = meantByKind()
  if (meant === undefined) unknown(fqn)
  return meant
}

/** The security domain of a namespace: that of its group, else of its workspace, else of its tenant. */
function domainOf(hierarchy: Hierarchy, cluster: string, namespace: string): string {
  const workspace = hierarchy.owners.of(cluster, namespace)
  if (workspace === undefined) return ''
  const { organization, tenant } = workspace.object.place
  const tenants = hierarchy
    .all('Tenant')
    .filter(({ place, name }) => place.organization === organization && name === tenant)
  const groups = hierarchy.groups('SecurityGroup').filter((each) => holds(each, hierarchy.owners, cluster, namespace))
  const said = [...groups.map(({ object }) => object), workspace.object, ...tenants].map((object: TsbObject) =>
    asText(object.spec['securityDomain']),
  )
  return said.find((domain) => domain !== '') ?? ''
}
