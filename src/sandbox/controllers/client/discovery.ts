import type { KubeApi } from './api.ts'
import type { Resource } from './resources.ts'

export interface DiscoveredResource extends Resource {
  readonly verbs: ReadonlySet<string>
}

interface ResourceList {
  groupVersion: string
  resources: { name: string; kind: string; namespaced: boolean; verbs: string[]; group?: string; version?: string }[]
}

interface GroupList {
  groups: { name: string; preferredVersion: { groupVersion: string }; versions: { groupVersion: string }[] }[]
}

/** Everything that a cluster serves, each resource once, in its preferred version; and the groups that did not answer. */
export async function discoverResources(api: KubeApi): Promise<{ found: DiscoveredResource[]; failures: string[] }> {
  const { groups } = await api.client.request<GroupList>('GET', '/apis')
  const versions = groups.flatMap((group) => {
    const preferred = group.preferredVersion.groupVersion
    return [preferred, ...group.versions.map((v) => v.groupVersion).filter((v) => v !== preferred)]
  })
  const failures: string[] = []
  const lists = await Promise.all(
    ['v1', ...versions].map(async (groupVersion) => {
      const path = groupVersion === 'v1' ? '/api/v1' : `/apis/${groupVersion}`
      try {
        return await api.client.request<ResourceList>('GET', path)
      } catch (error) {
        failures.push(`${groupVersion}: ${error instanceof Error ? error.message : String(error)}`)
        return undefined
      }
    }),
  )
  const found = new Map<string, DiscoveredResource>()
  for (const list of lists) {
    if (!list) continue
    const slash = list.groupVersion.indexOf('/')
    const group = slash < 0 ? '' : list.groupVersion.slice(0, slash)
    const version = list.groupVersion.slice(slash + 1)
    for (const { name, kind, namespaced, verbs } of list.resources) {
      const id = `${group}/${name}`
      if (name.includes('/') || found.has(id)) continue
      found.set(id, { group, version, plural: name, kind, namespaced, verbs: new Set(verbs) })
    }
  }
  return { found: [...found.values()], failures }
}
