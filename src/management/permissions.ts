// Who may do what: bindings of roles, inherited downwards. A binding is authoritative for what it is for.
import { isObject } from '../resources/index.ts'
import type { AccessBindingsSpec, ApiKind, RoleSpec } from '../resources/tsb/index.ts'
import { ancestorsOf, type HierarchyView } from './view.ts'

export type Permission = 'READ' | 'WRITE' | 'CREATE' | 'DELETE' | 'SET_POLICY' | 'GET_POLICY'

/** Who asks. */
export interface Principal {
  /** What the audit log calls them. */
  readonly name: string
  /** Who may do everything, by what stands outside the hierarchy: access to the management cluster itself. */
  readonly isPlatform: boolean
  /** Full names of the user or service account. */
  readonly subjects: readonly string[]
  /** Groups of an OIDC token; teams name them in `oidcGroups`. */
  readonly groups?: readonly string[]
}

const everything: readonly Permission[] = ['READ', 'WRITE', 'CREATE', 'DELETE', 'SET_POLICY', 'GET_POLICY']

/** Roles that are always there. */
export const builtInRoles: ReadonlyMap<string, readonly Permission[]> = new Map([
  ['rbac/admin', everything],
  ['rbac/editor', ['READ', 'WRITE', 'CREATE', 'DELETE']],
  ['rbac/writer', ['READ', 'WRITE']],
  ['rbac/creator', ['READ', 'CREATE']],
  ['rbac/reader', ['READ']],
])

/** Whether a principal may do this with an object; creating is judged by the full name that the object will have. */
export function isAllowed(
  view: HierarchyView,
  principal: Principal,
  permission: Permission,
  of: { readonly kind: ApiKind; readonly fqn: string },
): boolean {
  if (principal.isPlatform) return true
  const names = new Set(withTeams(view, principal))
  return [...ancestorsOf(of.fqn), of.fqn].some((fqn) =>
    bindingsOf(view, fqn).some(
      ({ role = '', subjects: bound = [] }) =>
        bound.some((subject) => Object.values(subject).some((name) => typeof name === 'string' && names.has(name))) &&
        permissionsOf(view, role, of.kind).includes(permission),
    ),
  )
}

function bindingsOf(view: HierarchyView, fqn: string): NonNullable<AccessBindingsSpec['allow']> {
  const spec = view.bindingsFor(fqn)?.object.spec as AccessBindingsSpec | undefined
  return Array.isArray(spec?.allow) ? spec.allow.filter(isObject) : []
}

/** The subjects, with every team that one of them is a member of; teams may be members of teams. */
function withTeams(view: HierarchyView, { subjects, groups = [] }: Principal): string[] {
  const teams = view.ofKind('Team')
  const byGroup = teams.filter(({ object }) => {
    const { oidcGroups } = (object.spec ?? {}) as { oidcGroups?: unknown }
    return Array.isArray(oidcGroups) && oidcGroups.some((group) => groups.includes(group as string))
  })
  const found = [...subjects, ...byGroup.map(({ fqn }) => fqn)]
  for (let grown = true; grown; ) {
    const more = teams.filter(({ fqn, object }) => {
      const { members } = (object.spec ?? {}) as { members?: unknown }
      return (
        !found.includes(fqn) && Array.isArray(members) && members.some((member) => found.includes(member as string))
      )
    })
    found.push(...more.map(({ fqn }) => fqn))
    grown = more.length > 0
  }
  return found
}

function permissionsOf(view: HierarchyView, role: string, kind: ApiKind): readonly Permission[] {
  const builtIn = builtInRoles.get(role)
  if (builtIn !== undefined) return builtIn
  const spec = view.named(role)?.object.spec as RoleSpec | undefined
  const group = kind.apiVersion.split('/')[0] ?? ''
  return (spec?.rules ?? [])
    .filter(({ types }) => {
      if (types === undefined || types.length === 0) return true
      return types.some(
        ({ apiGroup, kinds = [] }) => apiGroup === group && (kinds.length === 0 || kinds.includes(kind.kind)),
      )
    })
    .flatMap(({ permissions = [] }) => permissions.filter((each): each is Permission => each !== 'INVALID'))
}
