import type { ProxyNode, ProxyResources, RefusedResource, ResourceChange, ResourceVersion } from '../../ads/index.ts'
import { Quarantine } from './quarantine.ts'
import type { Rejections } from './rejections.ts'
import { XdsResource } from './xds-resource.ts'

export interface ProxyRefusalsOptions {
  readonly node: ProxyNode
  readonly cluster: string
  /** What the proxy is to have. */
  readonly given: ProxyResources
  /** Told what the proxy is to be given anew. */
  readonly changed: (change: ResourceChange) => void
  readonly rejections: Rejections
}

/** What one connected proxy refuses: told as rejections, and kept apart from what it would take. */
export class ProxyRefusals {
  /** What the proxy is given: without the parts that it refuses. */
  readonly resources: ProxyResources
  readonly #options: ProxyRefusalsOptions
  readonly #quarantine = new Quarantine()

  constructor(options: ProxyRefusalsOptions) {
    this.#options = options
    const { given } = options
    this.resources = {
      lists: (typeUrl) => given.lists(typeUrl),
      includes: (typeUrl, name) => given.includes(typeUrl, name),
      get: (typeUrl, name) => {
        const resource = given.get(typeUrl, name)
        return resource instanceof XdsResource ? this.#quarantine.serve(resource) : resource
      },
    }
  }

  /** As of `ResourceSource.rejected`. */
  rejected(
    typeUrl: string,
    refused: readonly RefusedResource[],
    detail: string,
    has: (name: string) => ResourceVersion | undefined,
  ): void {
    const { node, cluster, rejections, changed } = this.#options
    const apart = new Set<string>()
    const known = new Set(this.#quarantine.names(typeUrl))
    const whole = refused.filter(({ name, resource, isNew }) => {
      if (!isNew) return !known.has(name)
      const before = has(name)
      const goesOn = before instanceof XdsResource ? before : undefined
      if (!(resource instanceof XdsResource) || !this.#quarantine.refused(resource, goesOn, detail)) return true
      apart.add(name)
      return false
    })
    const names = whole.map(({ name }) => name)
    const origin = whole.flatMap(({ resource }) => (resource instanceof XdsResource ? resource.origin : []))
    if (whole.length > 0) rejections.add(node, { cluster, typeUrl, names, detail, origin })
    else rejections.clear(node, typeUrl)
    this.#tellParts(typeUrl)
    if (apart.size > 0) changed(new Map([[typeUrl, apart]]))
  }

  /** As of `ResourceSource.acknowledged`: what was on trial is good, and the next may be tried. */
  taken(typeUrl: string, hasTaken: (name: string) => boolean): void {
    const next = this.#quarantine.names(typeUrl).filter((name) => {
      const taken = hasTaken(name) ? this.resources.get(typeUrl, name) : undefined
      return taken instanceof XdsResource && this.#quarantine.accepted(taken)
    })
    if (next.length > 0) this.#options.changed(new Map([[typeUrl, new Set(next)]]))
  }

  /** What was refused may be mended. */
  mayHaveChanged(change: ResourceChange): void {
    for (const [typeUrl, names] of change) {
      const known = this.#quarantine.names(typeUrl).filter((name) => names.has(name))
      for (const name of known) {
        const resource = this.#options.given.get(typeUrl, name)
        this.#quarantine.changed(typeUrl, name, resource instanceof XdsResource ? resource : undefined)
      }
      if (known.length > 0) this.#tellParts(typeUrl)
    }
  }

  #tellParts(typeUrl: string): void {
    const { node, cluster, rejections } = this.#options
    const rows = this.#quarantine.held(typeUrl).map(({ name, part, detail }) => {
      const { origin } = part
      return { cluster, typeUrl, names: [name], part: part.name, detail, origin }
    })
    rejections.setParts(node, typeUrl, rows)
  }
}
