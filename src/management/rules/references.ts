// What objects name: roles, users, teams, and owned parts of the mesh in rules of authorization.
import { isObject } from '../../resources/index.ts'
import type { AccessBindingsSpec } from '../../resources/tsb/index.ts'
import { error, type Finding, warning } from '../findings.ts'
import { builtInRoles } from '../permissions.ts'
import type { HierarchyView, StoredObject } from '../view.ts'

export function checkReferences(view: HierarchyView, { kind, object }: StoredObject): Finding[] {
  if (kind.bindingsOf !== undefined) return checkBindings(view, object.spec as AccessBindingsSpec)
  if (kind.kind === 'Team') return checkMembers(view, object.spec)
  return checkRules(view, object.spec, 'spec')
}

function checkBindings(view: HierarchyView, { allow = [] }: AccessBindingsSpec): Finding[] {
  return allow.flatMap(({ role = '', subjects = [] }, i) => {
    const path = `spec.allow[${i}]`
    const isKnown = builtInRoles.has(role) || view.named(role) !== undefined
    const missing = subjects.flatMap((subject, j) =>
      Object.values(subject)
        .filter((fqn) => typeof fqn === 'string' && view.named(fqn) === undefined)
        .map((fqn) => warning(`${path}.subjects[${j}]`, `${fqn} not found; the role holds once it is there`)),
    )
    return [...(isKnown ? [] : [error(`${path}.role`, `${role} not found; known: ${knownRoles(view)}`)]), ...missing]
  })
}

function knownRoles(view: HierarchyView): string {
  return [...builtInRoles.keys(), ...view.ofKind('Role', 'rbac.tsb.tetrate.io').map(({ fqn }) => fqn)].join(', ')
}

function checkMembers(view: HierarchyView, spec: unknown): Finding[] {
  const { members = [] } = (spec ?? {}) as { members?: readonly string[] }
  return members.flatMap((fqn, i) =>
    view.named(fqn) === undefined ? [warning(`spec.members[${i}]`, `${fqn} not found`)] : [],
  )
}

/** Rules `from.fqn` / `to.fqn` of authorization, wherever they stand. */
function checkRules(view: HierarchyView, value: unknown, path: string): Finding[] {
  if (Array.isArray(value)) return value.flatMap((item, i) => checkRules(view, item, `${path}[${i}]`))
  if (!isObject(value)) return []
  const own = (['from', 'to'] as const).flatMap((end) => {
    const side = value[end]
    const fqn = isObject(side) ? side['fqn'] : undefined
    if (typeof fqn !== 'string' || fqn.includes('/securitydomains/') || view.named(fqn) !== undefined) return []
    return [warning(`${path}.${end}.fqn`, `${fqn} not found; the rule matches nothing`)]
  })
  return [...own, ...Object.entries(value).flatMap(([key, inner]) => checkRules(view, inner, `${path}.${key}`))]
}
