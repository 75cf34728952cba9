// Who may say what with an object that came by kubectl. Roles are judged by the management API; kubectl does not ask it.
// What counts instead is where the object stands: who can write to a tenant's namespace speaks for that tenant only.
import { compareText } from '../../lib/index.ts'
import type { Problem } from '../../report/index.ts'
import {
  closeness,
  contains,
  isSystemNamespace,
  managementNamespace,
  type NamespacePattern,
  namespaceNames,
  readNamespacePattern,
  selects,
} from '../../resources/tsb/index.ts'
import type { ClusterFacts, Plain } from '../shared/index.ts'
import { objectsOfKind, type Place, type TsbKind, type TsbObject } from './objects.ts'

/** What stands below a tenant: what its own people may say. */
export const kindsOfTenants: ReadonlySet<TsbKind> = new Set<TsbKind>([
  'Workspace',
  'WorkspaceSetting',
  'TrafficGroup',
  'TrafficSetting',
  'ServiceTrafficSetting',
  'ServiceRoute',
  'GatewayGroup',
  'Gateway',
  'IngressGateway',
  'EgressGateway',
  'Tier1Gateway',
  'SecurityGroup',
  'SecuritySetting',
  'ServiceSecuritySetting',
  'IstioInternalGroup',
  'DirectObject',
])

const tenantKey = ({ organization, tenant }: Place): string => `${organization}/${tenant}`

function patternsIn(spec: Plain): NamespacePattern[] {
  return namespaceNames(spec).flatMap((name) => readNamespacePattern(name) ?? [])
}

/** Rights of tenants over namespaces of the management cluster, by the workspaces of its administrators. */
export class Tenancy {
  readonly #cluster: string
  /** Patterns of each tenant, by `organization/tenant`. */
  readonly #owned = new Map<string, NamespacePattern[]>()
  readonly #tenants = new Map<string, string | undefined>()

  constructor(facts: ClusterFacts) {
    this.#cluster = facts.name
    // What tctl stored is the administrators'; of the rest, older workspaces decide whose namespace younger ones stand in.
    const rank = ({ object }: TsbObject): string => (object.metadata.namespace === managementNamespace ? '0' : '1')
    const all = objectsOfKind(facts, 'Workspace').toSorted((a, b) => compareText(rank(a), rank(b)))
    for (const workspace of all) {
      const { namespace } = workspace.object.metadata
      if (this.#find(namespace) !== undefined) continue
      const key = tenantKey(workspace.place)
      this.#owned.set(key, [...(this.#owned.get(key) ?? []), ...patternsIn(workspace.spec)])
    }
  }

  /** No tenant owns anything. */
  get isEmpty(): boolean {
    return this.#owned.size === 0
  }

  /** The tenant, as `organization/tenant`, that a namespace of the management cluster belongs to. */
  tenantOf(namespace: string | undefined): string | undefined {
    const name = namespace ?? ''
    if (!this.#tenants.has(name)) this.#tenants.set(name, this.#find(name))
    return this.#tenants.get(name)
  }

  #find(namespace: string | undefined): string | undefined {
    if (namespace === undefined || namespace === '' || isSystemNamespace(namespace)) return undefined
    return this.#ownerIn(this.#cluster, namespace)
  }

  #ownerIn(cluster: string, namespace: string): string | undefined {
    const claims = [...this.#owned].flatMap(([tenant, patterns]) =>
      patterns.filter((each) => selects(each, cluster, namespace)).map((each) => ({ tenant, rank: closeness(each) })),
    )
    return claims.sort((a, b) => b.rank - a.rank)[0]?.tenant
  }

  /** Namespaces of a cluster, or beginnings of their names (`shop-*`), with their tenant. */
  ownedIn(cluster: string): Record<string, string> {
    const claims = [...this.#owned].flatMap(([tenant, patterns]) =>
      patterns
        .filter((each) => each.cluster === '*' || each.cluster === cluster)
        .map((each) => ({ tenant, rank: closeness(each), name: each.exact ? each.namespace : `${each.namespace}*` })),
    )
    // Of equal names the closest claim counts; a pattern for everything owns no namespace of the system.
    const sorted = claims.sort((a, b) => a.rank - b.rank || compareText(a.name, b.name))
    return Object.fromEntries(sorted.map(({ name, tenant }) => [name, tenant]))
  }

  /** Of objects, those that their authors may write, as far as they may; what is left out is told. */
  admit(objects: readonly TsbObject[], problems: Problem[]): TsbObject[] {
    return objects.flatMap((object) => {
      const author = this.tenantOf(object.object.metadata.namespace)
      if (author === undefined) return [object]
      const isOwn = kindsOfTenants.has(object.kind) && tenantKey(object.place) === author
      if (isOwn) return [object.kind === 'Workspace' ? this.#withinOwn(object, author, problems) : object]
      const { namespace } = object.object.metadata
      const message = `namespace ${namespace} belongs to tenant ${author}, which cannot say this; the object has no effect`
      problems.push({ code: 'not-allowed', severity: 'error', object: object.ref, path: 'metadata', message })
      return []
    })
  }

  /** A tenant divides what it owns among workspaces; it cannot take more, nor call a workspace privileged. */
  #withinOwn(workspace: TsbObject, author: string, problems: Problem[]): TsbObject {
    const owned = this.#owned.get(author) ?? []
    const refuse = (path: string, message: string): void =>
      void problems.push({ code: 'not-allowed', severity: 'error', object: workspace.ref, path, message })
    const names = namespaceNames(workspace.spec).filter((name, i) => {
      const pattern = readNamespacePattern(name)
      const isOwn = pattern !== undefined && owned.some((outer) => contains(outer, pattern))
      const where = `spec.namespaceSelector.names[${i}]`
      if (!isOwn) refuse(where, `${name} is not within what tenant ${author} owns; it selects nothing`)
      return isOwn
    })
    const { namespaceSelector: _new, namespaceSelectors: _old, privileged, ...rest } = workspace.spec
    if (privileged === true) refuse('spec.privileged', `only administrators can make a workspace privileged`)
    return { ...workspace, spec: { ...rest, namespaceSelector: { names } } }
  }
}
