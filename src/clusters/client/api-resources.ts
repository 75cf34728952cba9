import type { KubeClient, ResourceType } from './client.ts'
import { isNotFound } from './errors.ts'

interface ApiResourceList {
  resources: { name: string; kind: string; namespaced: boolean }[]
}

interface ApiGroupList {
  groups: {
    name: string
    versions: { version: string }[]
    preferredVersion?: { version: string }
  }[]
}

/** An unknown kind makes the server be asked anew at most this often. */
const minimumRefreshMs = 1000

/** What an API server serves, as it tells itself (discovery). Asks as little as it can: only groups that are wanted. */
export class ApiResources {
  readonly #client: KubeClient
  #groups: Promise<Map<string, string[]>> | undefined
  readonly #lists = new Map<string, Promise<ApiResourceList>>()
  #refreshedAtMs = Number.NEGATIVE_INFINITY

  constructor(client: KubeClient) {
    this.#client = client
  }

  /** Forgets everything: kinds may have come or gone. */
  refresh(): void {
    this.#refreshedAtMs = performance.now()
    this.#groups = undefined
    this.#lists.clear()
  }

  /**
   * The resource of a kind, in the first of `versions` that is served (without `versions`: the version that the
   * server prefers). Undefined if there is none. A kind that is not known is asked for again, since its definition may
   * have been made a moment ago: an API server serves it some time after it has accepted it.
   */
  async find(group: string, kind: string, versions?: readonly string[]): Promise<ResourceType | undefined> {
    const known = await this.#look(group, kind, versions)
    if (known !== undefined || performance.now() - this.#refreshedAtMs < minimumRefreshMs) return known
    this.refresh()
    return this.#look(group, kind, versions)
  }

  async #look(group: string, kind: string, versions?: readonly string[]): Promise<ResourceType | undefined> {
    const served = await this.#versions(group)
    for (const version of versions === undefined ? served : versions.filter((v) => served.includes(v))) {
      const list = await this.#resources(group, version)
      const found = list.resources.find((r) => r.kind === kind && !r.name.includes('/'))
      if (found) return { group, version, plural: found.name, kind, namespaced: found.namespaced }
    }
    return undefined
  }

  async #versions(group: string): Promise<readonly string[]> {
    if (group === '') return ['v1']
    this.#groups ??= this.#client.request<ApiGroupList>('GET', '/apis').then(
      (list) =>
        new Map(
          list.groups.map((g) => {
            const preferred = g.preferredVersion?.version
            const versions = g.versions.map((v) => v.version)
            return [g.name, preferred ? [preferred, ...versions.filter((v) => v !== preferred)] : versions]
          }),
        ),
    )
    try {
      return (await this.#groups).get(group) ?? []
    } catch (error) {
      this.#groups = undefined
      throw error
    }
  }

  async #resources(group: string, version: string): Promise<ApiResourceList> {
    const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
    let list = this.#lists.get(path)
    if (list === undefined) {
      list = this.#client.request<ApiResourceList>('GET', path).catch((error: unknown) => {
        this.#lists.delete(path)
        if (isNotFound(error)) return { resources: [] }
        throw error
      })
      this.#lists.set(path, list)
    }
    return list
  }
}
