// Workspaces with their groups and settings, and who owns which namespace.
import type { Problem } from '../../report/index.ts'
import { asList, asMap, asText, type ClusterFacts, type Plain } from '../shared/index.ts'
import { NamespaceOwners, type NamespacePattern, patternsOf, selectedBy } from './namespace-selector.ts'
import { objectsOfKind, type Place, pathOf, type TsbKind, type TsbObject, workspaceKey } from './objects.ts'
import { Tenancy } from './tenancy.ts'

export interface Workspace {
  readonly object: TsbObject
  readonly key: string
  readonly patterns: readonly NamespacePattern[]
  /** The setting in force. */
  readonly setting: TsbObject | undefined
}

export interface Group {
  readonly object: TsbObject
  readonly workspace: Workspace
  readonly patterns: readonly NamespacePattern[]
  readonly isDirect: boolean
}

export type GroupKind = 'TrafficGroup' | 'GatewayGroup' | 'SecurityGroup' | 'IstioInternalGroup'

/** Everything that users wrote, in its order. */
export interface Hierarchy {
  readonly workspaces: readonly Workspace[]
  readonly owners: NamespaceOwners<Workspace>
  /** The settings of the levels above a workspace, nearest last. */
  settingsAbove(place: Place): readonly TsbObject[]
  groups(kind: GroupKind): readonly Group[]
  /** Objects whose authors may say what they say. */
  all(kind: TsbKind): readonly TsbObject[]
  /** All objects, admitted or not. */
  written(kind: TsbKind): readonly TsbObject[]
  readonly problems: readonly Problem[]
}

export function readHierarchy(facts: ClusterFacts, tenancy = new Tenancy(facts)): Hierarchy {
  const known = new Map<TsbKind, readonly TsbObject[]>()
  const problems: Problem[] = []
  const written = (kind: TsbKind): readonly TsbObject[] => objectsOfKind(facts, kind)
  const all = (kind: TsbKind): readonly TsbObject[] => {
    const found = known.get(kind) ?? tenancy.admit(written(kind), problems)
    known.set(kind, found)
    return found
  }
  const workspaces = readWorkspaces(all, problems)
  const groupsByKind = new Map<GroupKind, readonly Group[]>()
  return {
    workspaces,
    owners: new NamespaceOwners(workspaces),
    settingsAbove: ({ organization, tenant }) => [
      ...all('OrganizationSetting').filter(({ place }) => place.organization === organization),
      ...all('TenantSetting').filter(({ place }) => place.organization === organization && place.tenant === tenant),
    ],
    groups: (kind) => {
      const found = groupsByKind.get(kind) ?? readGroups(all(kind), workspaces)
      groupsByKind.set(kind, found)
      return found
    },
    all,
    written,
    problems,
  }
}

function readWorkspaces(all: (kind: TsbKind) => readonly TsbObject[], problems: Problem[]): Workspace[] {
  const settings = Map.groupBy(all('WorkspaceSetting'), ({ place }) => workspaceKey(place, place.workspace))
  const workspaces = all('Workspace').map((object) => {
    const key = workspaceKey(object.place, object.name)
    const [setting, ...others] = settings.get(key) ?? []
    settings.delete(key)
    for (const other of others) problems.push(secondSetting(other, setting))
    return { object, key, patterns: patternsOf(object.spec), setting }
  })
  for (const orphans of settings.values())
    for (const orphan of orphans) problems.push(missingParent(orphan, `workspace ${orphan.place.workspace}`))
  return workspaces
}

function secondSetting(other: TsbObject, first: TsbObject | undefined): Problem {
  const message = `the workspace has settings already: ${first === undefined ? '' : pathOf(first)}; a workspace takes one`
  return { code: 'conflict', severity: 'error', object: other.ref, path: '', message }
}

export function missingParent(object: TsbObject, what: string): Problem {
  const message = `${what} not found; the object has no effect`
  return { code: 'reference-not-found', severity: 'error', object: object.ref, path: 'metadata', message }
}

function readGroups(objects: readonly TsbObject[], workspaces: readonly Workspace[]): Group[] {
  const byKey = new Map(workspaces.map((workspace) => [workspace.key, workspace]))
  return objects.flatMap((object) => {
    const workspace = byKey.get(workspaceKey(object.place, object.place.workspace))
    if (workspace === undefined) return []
    const isDirect = asText(object.spec['configMode']) === 'DIRECT'
    return [{ object, workspace, patterns: patternsOf(object.spec), isDirect }]
  })
}

/** Whether a group holds a namespace: the workspace must own it, and the group select it. */
export function holds(group: Group, owners: NamespaceOwners<Workspace>, cluster: string, namespace: string): boolean {
  return (
    selectedBy(group.patterns, cluster, namespace) !== undefined && owners.of(cluster, namespace) === group.workspace
  )
}

/** The group that takes an object, or why none does: it is not there, or it is for kinds of the other sort. */
export function groupTaking(
  hierarchy: Hierarchy,
  kind: GroupKind,
  object: TsbObject,
  problems: Problem[],
): Group | undefined {
  const group = groupOfObject(hierarchy.groups(kind), object)
  if (group === undefined) {
    problems.push(missingParent(object, `${groupWords[kind]} ${object.place.group}`))
    return undefined
  }
  const isDirect = object.kind === 'DirectObject'
  if (group.isDirect === isDirect) return group
  const takes = group.isDirect ? 'DIRECT: it takes Istio’s kinds only' : 'BRIDGED: it takes TSB’s own kinds only'
  const message = `${groupWords[kind]} ${group.object.name} is of mode ${takes}; the object has no effect`
  problems.push({ code: 'not-allowed', severity: 'error', object: object.ref, path: 'metadata', message })
  return undefined
}

const groupWords: Readonly<Record<GroupKind, string>> = {
  TrafficGroup: 'traffic group',
  GatewayGroup: 'gateway group',
  SecurityGroup: 'security group',
  IstioInternalGroup: 'istio-internal group',
}

/** The group that an object is in. */
export function groupOfObject(groups: readonly Group[], { place }: TsbObject): Group | undefined {
  const key = workspaceKey(place, place.workspace)
  return groups.find(({ object, workspace }) => workspace.key === key && object.name === place.group)
}

/** Items of a workspace's east-west settings. */
export function eastWestItems({ setting }: Workspace): readonly Plain[] {
  return asList(setting?.spec['defaultEastWestGatewaySettings']).map(asMap)
}
