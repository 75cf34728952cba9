import { idOf, type Layer } from './held.ts'
import type { EncodedResource } from './resource.ts'
import { deltaEntries, sotwEntries } from './wire.ts'

/** Resources that are sent together, to whomever: put together once. */
export class Chunk {
  readonly resources: readonly EncodedResource[]
  readonly layer: Layer
  #delta: readonly Uint8Array[] | undefined
  #sotw: readonly Uint8Array[] | undefined
  /** When it was last asked for (milliseconds of a steady clock). */
  usedAt = 0

  constructor(resources: readonly EncodedResource[]) {
    this.resources = resources
    this.layer = new Map(resources.map((resource) => [resource.name, resource]))
  }

  /** The field `resources` of a DeltaDiscoveryResponse. */
  get delta(): readonly Uint8Array[] {
    const first = this.#delta === undefined
    this.#delta = joinedLater(this.#delta, () => deltaEntries(this.resources))
    return first ? deltaEntries(this.resources) : this.#delta
  }

  /** The field `resources` of a DiscoveryResponse. */
  get sotw(): readonly Uint8Array[] {
    const first = this.#sotw === undefined
    this.#sotw = joinedLater(this.#sotw, () => sotwEntries(this.resources))
    return first ? sotwEntries(this.resources) : this.#sotw
  }

  get bytes(): number {
    return sum(this.#delta) + sum(this.#sotw)
  }
}

const sum = (pieces: readonly Uint8Array[] | undefined): number =>
  pieces?.reduce((total, { length }) => total + length, 0) ?? 0

const none: readonly Uint8Array[] = []

/**
 * Who is the first to be sent something is sent its pieces as they lie; for the second they are joined, and kept for
 * those that may follow. So what is sent once is never copied.
 */
function joinedLater(
  before: readonly Uint8Array[] | undefined,
  pieces: () => readonly Uint8Array[],
): readonly Uint8Array[] {
  if (before === undefined) return none
  return before === none ? [Buffer.concat(pieces())] : before
}

const nothing = new Chunk([])

/** Bytes that are kept ready for the next who asks for the same, and for how long. */
const keptBytes = 64 << 20
const keptChunks = 512
const keptMs = 10_000

/** Chunks that were sent lately, the latest last. Clients that connect together, or hear of one change, are sent the same. */
const recent = new Map<string, Chunk>()
let timer: NodeJS.Timeout | undefined

/** The chunk of these resources, in this order. */
export function chunkOf(resources: readonly EncodedResource[]): Chunk {
  if (resources.length === 0) return nothing
  let hash = 0
  let total = 0
  for (const resource of resources) {
    const id = idOf(resource)
    hash = Math.imul(hash ^ id, 0x01000193)
    total += id
  }
  const key = `${resources.length} ${hash} ${total}`
  const known = recent.get(key)
  const isSame = known?.resources === resources || known?.resources.every((resource, i) => resource === resources[i])
  const chunk = known && isSame ? known : new Chunk(resources)
  chunk.usedAt = performance.now()
  recent.delete(key)
  recent.set(key, chunk)
  forget()
  timer ??= setInterval(forget, keptMs / 2).unref()
  return chunk
}

function forget(): void {
  let bytes = 0
  for (const chunk of recent.values()) bytes += chunk.bytes
  const since = performance.now() - keptMs
  for (const [key, chunk] of recent) {
    if (bytes <= keptBytes && recent.size <= keptChunks && chunk.usedAt >= since) break
    bytes -= chunk.bytes
    recent.delete(key)
  }
  if (recent.size > 0) return
  clearInterval(timer)
  timer = undefined
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
