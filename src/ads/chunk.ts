import { idOf, type Layer } from './held.ts'
import type { EncodedResource } from './resource.ts'
import { deltaEntries, sotwEntries } from './wire.ts'

/** Resources that are sent together, to whomever: put together once. */
export class Chunk {
  readonly resources: readonly EncodedResource[]
  readonly layer: Layer
  #delta: Uint8Array | undefined
  #sotw: Uint8Array | undefined

  constructor(resources: readonly EncodedResource[]) {
    this.resources = resources
    this.layer = new Map(resources.map((resource) => [resource.name, resource]))
  }

  /** The field `resources` of a DeltaDiscoveryResponse. */
  get delta(): Uint8Array {
    this.#delta ??= deltaEntries(this.resources)
    return this.#delta
  }

  /** The field `resources` of a DiscoveryResponse. */
  get sotw(): Uint8Array {
    this.#sotw ??= sotwEntries(this.resources)
    return this.#sotw
  }

  get bytes(): number {
    return (this.#delta?.length ?? 0) + (this.#sotw?.length ?? 0)
  }
}

const nothing = new Chunk([])

/** Bytes that are kept ready for the next who asks for the same. */
const keptBytes = 24 << 20
const keptChunks = 256

/** Chunks that were sent lately. Clients that connect together, or hear of one change, are sent the same. */
const recent = new Map<string, Chunk>()

/** The chunk of these resources, in this order. */
export function chunkOf(resources: readonly EncodedResource[]): Chunk {
  if (resources.length === 0) return nothing
  let hash = 0
  let sum = 0
  for (const resource of resources) {
    const id = idOf(resource)
    hash = Math.imul(hash ^ id, 0x01000193)
    sum += id
  }
  const key = `${resources.length} ${hash} ${sum}`
  const known = recent.get(key)
  if (known?.resources.every((resource, i) => resource === resources[i])) {
    // To the end: the front is forgotten first.
    recent.delete(key)
    recent.set(key, known)
    return known
  }
  const made = new Chunk(resources)
  recent.set(key, made)
  forget()
  return made
}

function forget(): void {
  let bytes = 0
  for (const chunk of recent.values()) bytes += chunk.bytes
  for (const [key, chunk] of recent) {
    if (bytes <= keptBytes && recent.size <= keptChunks) return
    bytes -= chunk.bytes
    recent.delete(key)
  }
}

const recentLosses = new Map<string, Layer>()

/** The layer that takes these names away. */
export function lossOf(names: readonly string[]): Layer {
  const key = names.join('\n')
  const known = recentLosses.get(key)
  if (known) return known
  const made: Layer = new Map(names.map((name) => [name, undefined]))
  recentLosses.set(key, made)
  for (const oldest of recentLosses.keys()) {
    if (recentLosses.size <= keptChunks) break
    recentLosses.delete(oldest)
  }
  return made
}
