// Who owns which namespaces: what a workspace or group may select.
import {
  closeness,
  contains,
  isSystemNamespace,
  type NamespacePattern,
  namespaceNames,
  overlap,
  parentFqn,
  readNamespacePattern,
} from '../../resources/tsb/index.ts'
import { error, type Finding, warning } from '../findings.ts'
import type { HierarchyView, StoredObject } from '../view.ts'

interface Selection {
  readonly pattern: NamespacePattern
  readonly text: string
  readonly path: string
}

function selectionOf({ object }: StoredObject): Selection[] {
  return namespaceNames(object.spec as Parameters<typeof namespaceNames>[0]).flatMap((text, i) => {
    const pattern = readNamespacePattern(text)
    return pattern === undefined ? [] : [{ pattern, text, path: `spec.namespaceSelector.names[${i}]` }]
  })
}

/** What speaks against the selection of a workspace or group. `clusters`: known ones; empty if that is not known. */
export function checkNamespaces(view: HierarchyView, changed: StoredObject, clusters: readonly string[]): Finding[] {
  const { kind } = changed.kind
  if (kind !== 'Workspace' && kind !== 'Group') return []
  const own = selectionOf(changed)
  return [
    ...own.flatMap((each) => checkSystem(view, each)),
    ...own.flatMap((each) => checkCluster(each, clusters)),
    ...rivalsOf(view, changed).flatMap((rival) => checkRival(changed, own, rival)),
    ...(kind === 'Group' ? checkWithin(view, changed, own) : []),
  ]
}

function checkSystem(view: HierarchyView, { pattern, path }: Selection): Finding[] {
  const said = view.ofKind('Organization').flatMap(({ object }) => {
    const { systemNamespaces } = (object.spec ?? {}) as { systemNamespaces?: readonly string[] }
    return systemNamespaces ?? []
  })
  if (!pattern.exact || !(isSystemNamespace(pattern.namespace) || said.includes(pattern.namespace))) return []
  return [error(path, `${pattern.namespace} is a namespace of the system; nobody can own it`)]
}

function checkCluster({ pattern, path, text }: Selection, clusters: readonly string[]): Finding[] {
  if (pattern.cluster === '*' || clusters.length === 0 || clusters.includes(pattern.cluster)) return []
  return [warning(path, `${text}: there is no cluster ${pattern.cluster}; known: ${clusters.join(', ')}`)]
}

/** Workspaces of all tenants; of groups, those of the same sort in the workspace. */
function rivalsOf(view: HierarchyView, { kind, identity, fqn }: StoredObject): StoredObject[] {
  const group = kind.apiVersion.split('/')[0]
  const all = view.ofKind(kind.kind, group).filter((each) => each.fqn !== fqn)
  if (kind.kind === 'Workspace') return all
  const parent = parentFqn(kind, identity)
  return all.filter((each) => parentFqn(each.kind, each.identity) === parent)
}

/** The closer pattern owns a namespace; where two are equally close, nobody could tell whose it is. */
function checkRival(changed: StoredObject, own: readonly Selection[], rival: StoredObject): Finding[] {
  const others = selectionOf(rival)
  return own.flatMap(({ pattern, path, text }) => {
    const met = others.filter((other) => overlap(pattern, other.pattern))
    const tie = met.find((other) => closeness(other.pattern) === closeness(pattern))
    if (tie !== undefined) return [error(path, `${text} is selected by ${rival.fqn} already (${tie.text})`)]
    const [taken] = met
    if (taken === undefined) return []
    const isCloser = closeness(pattern) > closeness(taken.pattern)
    const [winner, loser] = isCloser ? [changed, rival] : [rival, changed]
    return [
      warning(
        path,
        `${text} meets ${taken.text} of ${rival.fqn}: ${winner.fqn} owns what both select, not ${loser.fqn}`,
      ),
    ]
  })
}

function checkWithin(view: HierarchyView, { kind, identity }: StoredObject, own: readonly Selection[]): Finding[] {
  const workspace = view.named(parentFqn(kind, identity))
  if (workspace === undefined) return []
  const outer = selectionOf(workspace)
  return own.flatMap(({ pattern, path, text }) => {
    if (!outer.some((each) => overlap(each.pattern, pattern)))
      return [error(path, `${text} selects nothing of ${workspace.fqn} (${outer.map((each) => each.text).join(', ')})`)]
    if (outer.some((each) => contains(each.pattern, pattern)) || pattern.namespace === '') return []
    return [warning(path, `only what ${workspace.fqn} owns of ${text} is selected`)]
  })
}

/** Workspaces of other tenants whose namespaces a selection would take, or share. */
export function foreignOwners(view: HierarchyView, changed: StoredObject): { path: string; owner: StoredObject }[] {
  if (changed.kind.kind !== 'Workspace') return []
  const { organization, tenant } = changed.identity
  const others = rivalsOf(view, changed).filter(
    ({ identity }) => identity.tenant !== tenant || identity.organization !== organization,
  )
  return selectionOf(changed).flatMap(({ pattern, path }) =>
    others
      .filter((owner) => selectionOf(owner).some((each) => overlap(each.pattern, pattern)))
      .map((owner) => ({ path, owner })),
  )
}
