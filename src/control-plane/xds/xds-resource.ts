import { anyOf, type EncodedResource } from '../../ads/index.ts'
import { compareRefs, type ObjectRef } from '../../report/index.ts'

/** A part of a resource, such as a virtual host of a route configuration. */
export interface Part {
  /** Tells the parts of a resource apart; the same when the part changes. */
  readonly name: string
  /** Differs whenever its bytes differ. */
  readonly version: string
  readonly origin: readonly ObjectRef[]
  /** As a field of the resource, encoded once for all resources that it is in. */
  readonly bytes: Uint8Array
}

/** Parts that stand one after the other, encoded. */
export interface PartGroup {
  readonly bytes: Uint8Array
  /** Versions of the parts, one after the other. */
  readonly versions: string
  readonly parts: readonly Part[]
}

/** A resource as a backend makes it. */
export interface Made {
  /** The message, encoded; several pieces where parts are shared with other resources. */
  readonly pieces: readonly Uint8Array[]
  /** Differs whenever the pieces differ. */
  readonly version: string
  /** The objects that it says something of, beside those of its parts. */
  readonly origin: readonly ObjectRef[]
  /** What it is put together from, if that is known, and the rest of it, encoded. */
  readonly groups?: readonly PartGroup[]
  readonly shell?: Uint8Array
  /** Of a cluster: the name of its endpoint set. */
  readonly endpointSet?: string
  /** Names of clusters that it leads to, for proxies that are given only those that something leads to. */
  readonly refersTo?: readonly string[]
  /** Ids of the patches (of EnvoyFilters) that changed it. */
  readonly patches?: readonly string[]
}

/** A resource that a patch takes away: proxies are not given it. */
export class Removal {
  readonly name: string
  readonly patches: readonly string[]

  constructor(name: string, patches: readonly string[]) {
    this.name = name
    this.patches = patches
  }
}

/** A resource as proxies get it, with the objects that it comes from. */
export class XdsResource implements EncodedResource {
  readonly name: string
  readonly typeUrl: string
  readonly version: string
  readonly endpointSet?: string
  readonly refersTo?: readonly string[]
  readonly patches: readonly string[]
  readonly groups: readonly PartGroup[]
  readonly shell?: Uint8Array
  readonly size: number
  readonly #origin: readonly ObjectRef[]
  readonly #messageSize: number
  #pieces: readonly Uint8Array[]

  constructor(typeUrl: string, name: string, made: Made) {
    this.typeUrl = typeUrl
    this.name = name
    this.version = made.version
    this.#origin = made.origin
    this.patches = made.patches ?? []
    this.groups = made.groups ?? []
    if (made.shell) this.shell = made.shell
    if (made.endpointSet !== undefined) this.endpointSet = made.endpointSet
    if (made.refersTo !== undefined) this.refersTo = made.refersTo
    this.#messageSize = made.pieces.reduce((sum, { length }) => sum + length, 0)
    const { size, pieces } = anyOf(typeUrl, made.pieces)
    this.size = size
    this.#pieces = pieces
  }

  get parts(): readonly Part[] {
    return this.groups.flatMap(({ parts }) => parts)
  }

  /** The objects that it says something of. */
  get origin(): readonly ObjectRef[] {
    return this.groups.length === 0 ? this.#origin : [...this.parts.flatMap(({ origin }) => origin), ...this.#origin]
  }

  /** The message itself, without the Any around it. */
  message(): Uint8Array {
    // It is the last field of the Any.
    return Buffer.concat(this.#pieces).subarray(this.size - this.#messageSize)
  }

  pieces(): readonly Uint8Array[] {
    return this.#pieces
  }

  moved(bytes: Uint8Array): void {
    this.#pieces = [bytes]
  }
}

/** Whether two states of a resource are the same, where they come from included. */
export function sameResource(a: XdsResource | Removal | undefined, b: XdsResource | Removal | undefined): boolean {
  if (a === b) return true
  if (a?.patches.join() !== b?.patches.join()) return false
  if (a instanceof Removal || b instanceof Removal) return a instanceof Removal && b instanceof Removal
  if (!a || !b || a.version !== b.version) return false
  // Equal groups are the same object, but for those that one proxy's patches have changed.
  if (a.groups.length > 0 && a.groups.length === b.groups.length && a.groups.every((g, i) => g === b.groups[i]))
    return true
  const origin = b.origin
  return (
    a.origin.length === origin.length &&
    a.origin.every((ref, i) => origin[i] !== undefined && compareRefs(ref, origin[i]) === 0)
  )
}
