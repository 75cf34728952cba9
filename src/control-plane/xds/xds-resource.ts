import { anyOf, type EncodedResource } from '../../ads/index.ts'
import type { ObjectRef } from '../../report/index.ts'
import type { Made } from './backend.ts'

/** A resource as proxies get it, with the objects that it comes from. */
export class XdsResource implements EncodedResource {
  readonly name: string
  readonly typeUrl: string
  readonly version: string
  readonly endpointSet?: string
  readonly origin: readonly ObjectRef[]
  readonly #message: readonly Uint8Array[]
  #any: { readonly size: number; readonly pieces: readonly Uint8Array[] } | undefined

  constructor(typeUrl: string, name: string, made: Made) {
    this.typeUrl = typeUrl
    this.name = name
    this.version = made.version
    this.origin = made.origin
    if (made.endpointSet !== undefined) this.endpointSet = made.endpointSet
    this.#message = made.pieces
  }

  /** The message itself, without the Any around it. */
  message(): Uint8Array {
    return Buffer.concat(this.#message)
  }

  get size(): number {
    return this.#packed().size
  }

  pieces(): readonly Uint8Array[] {
    return this.#packed().pieces
  }

  #packed(): { readonly size: number; readonly pieces: readonly Uint8Array[] } {
    this.#any ??= anyOf(this.typeUrl, this.#message)
    return this.#any
  }
}
