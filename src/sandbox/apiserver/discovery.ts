// What the server serves, as clients discover it: the aggregated documents and the older ones, a document a group.
import { createHash } from 'node:crypto'
import type { JsonObject } from './json.ts'
import type { Registry } from './registry.ts'
import { apiVersionOf, type Resource } from './resource.ts'

/** Subresources of a resource besides status and scale. */
export interface Subresource {
  readonly name: string
  readonly kind: string
  readonly group: string
  readonly version: string
  readonly verbs: readonly string[]
}

export type Subresources = (resource: Resource) => readonly Subresource[]

/** All subresources of a resource, sorted by name. */
export function subresourcesOf(resource: Resource, others: Subresources): Subresource[] {
  const own = { kind: resource.names.kind, group: '', version: '' }
  const list: Subresource[] = [...others(resource)]
  if (resource.hasStatus) list.push({ name: 'status', ...own, verbs: ['get', 'patch', 'update'] })
  if (resource.scale) {
    list.push({ name: 'scale', kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: ['get', 'patch', 'update'] })
  }
  return list.sort((a, b) => (a.name < b.name ? -1 : 1))
}

const byPlural = (a: Resource, b: Resource): number => (a.names.plural < b.names.plural ? -1 : 1)

export function aggregated(registry: Registry, others: Subresources, core: boolean): JsonObject {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: registry
      .groups()
      .filter(({ group }) => (group === '') === core)
      .map(({ group, versions }) => ({
        metadata: group ? { name: group, creationTimestamp: null } : {},
        versions: versions.map((version) => ({
          version,
          freshness: 'Current',
          resources: registry
            .all()
            .filter((r) => r.group === group && r.version === version)
            .sort(byPlural)
            .map((r) => aggregatedResource(r, others)),
        })),
      })),
  }
}

function aggregatedResource(r: Resource, others: Subresources): JsonObject {
  const kind = (k: string, group = '', version = ''): JsonObject => ({ group, version, kind: k })
  const custom = r.custom ? { group: r.group, version: r.version } : { group: '', version: '' }
  const subresources = subresourcesOf(r, others).map((s) => ({
    subresource: s.name,
    responseKind: kind(s.kind, s.group || custom.group, s.version || custom.version),
    verbs: [...s.verbs],
  }))
  return {
    resource: r.names.plural,
    responseKind: kind(r.names.kind, custom.group, custom.version),
    scope: r.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: r.names.singular,
    verbs: [...r.verbs],
    ...(r.names.shortNames.length > 0 ? { shortNames: [...r.names.shortNames] } : {}),
    ...(r.names.categories.length > 0 ? { categories: [...r.names.categories] } : {}),
    ...(subresources.length > 0 ? { subresources } : {}),
  }
}

const groupVersion = (group: string, version: string): JsonObject => ({ groupVersion: `${group}/${version}`, version })

const groupDocument = ({ group, versions }: { group: string; versions: string[] }): JsonObject => ({
  name: group,
  versions: versions.map((v) => groupVersion(group, v)),
  preferredVersion: groupVersion(group, versions[0] ?? ''),
})

export const groupList = (registry: Registry): JsonObject => ({
  kind: 'APIGroupList',
  apiVersion: 'v1',
  groups: registry
    .groups()
    .filter(({ group }) => group !== '')
    .map(groupDocument),
})

export function oneGroup(registry: Registry, name: string): JsonObject | undefined {
  const found = registry.groups().find(({ group }) => group === name && group !== '')
  return found && { kind: 'APIGroup', apiVersion: 'v1', ...groupDocument(found) }
}

export function resourceList(
  registry: Registry,
  others: Subresources,
  group: string,
  version: string,
): JsonObject | undefined {
  const own = registry
    .all()
    .filter((r) => r.group === group && r.version === version)
    .sort(byPlural)
  const [first] = own
  if (!first) return undefined
  return {
    kind: 'APIResourceList',
    ...(group ? { apiVersion: 'v1' } : {}),
    groupVersion: apiVersionOf(first),
    resources: own.flatMap((r) => [
      {
        name: r.names.plural,
        singularName: r.names.singular,
        namespaced: r.namespaced,
        kind: r.names.kind,
        verbs: [...r.verbs],
        ...(r.names.shortNames.length > 0 ? { shortNames: [...r.names.shortNames] } : {}),
        ...(r.names.categories.length > 0 ? { categories: [...r.names.categories] } : {}),
        storageVersionHash: createHash('sha1')
          .update(`${r.group}/${r.version}/${r.names.kind}`)
          .digest('base64')
          .slice(0, 12),
      },
      ...subresourcesOf(r, others).map((s) => ({
        name: `${r.names.plural}/${s.name}`,
        singularName: '',
        namespaced: r.namespaced,
        ...(s.group || s.version ? { group: s.group, version: s.version } : {}),
        kind: s.kind,
        verbs: [...s.verbs],
      })),
    ]),
  }
}
