// Every resource that is served: the built-in ones, and those that CRDs define.

import { compareText } from '../../lib/index.ts'
import type { Resource } from './resource.ts'
import { byVersionPriority } from './version-order.ts'

const id = (group: string, version: string, plural: string): string => `${group}/${version}/${plural}`

const aggregatorName = ({ group, version }: Resource): string => `${version}.${group}`

export class Registry {
  readonly #builtin = new Map<string, Resource>()
  readonly #custom = new Map<string, Resource>()
  /** Grows with every change, so that documents made from the registry can be kept until then. */
  revision = 0

  constructor(builtin: readonly Resource[]) {
    for (const r of builtin) this.#builtin.set(id(r.group, r.version, r.names.plural), r)
  }

  find(group: string, version: string, plural: string): Resource | undefined {
    const key = id(group, version, plural)
    return this.#builtin.get(key) ?? this.#custom.get(key)
  }

  /** Whether a group and version has built-in resources. */
  isBuiltin(group: string, version: string): boolean {
    for (const r of this.#builtin.values()) if (r.group === group && r.version === version) return true
    return false
  }

  findKind(group: string, version: string, kind: string): Resource | undefined {
    return this.all().find((r) => r.group === group && r.version === version && r.names.kind === kind)
  }

  /** All resources, built-in ones first, in the order of their definition. */
  all(): Resource[] {
    return [...this.#builtin.values(), ...this.#custom.values()]
  }

  /** One resource for each place where objects are kept: the first version defined. */
  storages(): Resource[] {
    const seen = new Map<string, Resource>()
    for (const r of this.all()) if (!seen.has(r.storage) && r.verbs.includes('list')) seen.set(r.storage, r)
    return [...seen.values()]
  }

  /** Replaces what a CRD defines; an empty list removes it. */
  setCustom(group: string, plural: string, resources: readonly Resource[]): void {
    for (const [key, r] of this.#custom) if (r.group === group && r.names.plural === plural) this.#custom.delete(key)
    for (const r of resources) this.#custom.set(id(r.group, r.version, r.names.plural), r)
    this.revision++
  }

  /**
   * Groups with their versions, the preferred version first. Groups of CRDs come after the built-in ones, by the text
   * `version.group`, as Kubernetes' aggregator sorts them: it decides what a short name that several groups have means.
   */
  groups(): { group: string; versions: string[] }[] {
    const groups = new Map<string, Set<string>>()
    const custom = [...this.#custom.values()].sort((a, b) => compareText(aggregatorName(a), aggregatorName(b)))
    for (const r of [...this.#builtin.values(), ...custom]) {
      const versions = groups.get(r.group) ?? new Set()
      versions.add(r.version)
      groups.set(r.group, versions)
    }
    return [...groups].map(([group, versions]) => ({ group, versions: [...versions].sort(byVersionPriority) }))
  }
}
