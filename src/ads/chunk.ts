import { idOf, type Layer } from './held.ts'
import type { EncodedResource } from './resource.ts'
import { deltaEntries, encodeDeltaResponse, encodeSotwResponse, sotwEntries } from './wire.ts'

/** A response, encoded; the same bytes go to every stream that may be sent its nonce. */
export interface Message {
  /** Later ones are larger. */
  readonly nonce: number
  readonly pieces: readonly Uint8Array[]
}

export type Form = 'delta' | 'sotw'

let lastNonce = 0

/** A nonce that no stream has seen. They count up over all streams, so that streams can share whole responses. */
export function nextNonce(): number {
  return ++lastNonce
}

const encoders = {
  delta: {
    entries: deltaEntries,
    message: (typeUrl: string, nonce: string, body: readonly Uint8Array[]) =>
      encodeDeltaResponse(typeUrl, nonce, body, []),
  },
  sotw: {
    entries: sotwEntries,
    // The version says nothing to the client; the nonce does.
    message: (typeUrl: string, nonce: string, body: readonly Uint8Array[]) =>
      encodeSotwResponse(typeUrl, nonce, nonce, body),
  },
} as const

/** Pieces of this length, in bytes, are as well sent one by one. */
const largePiece = 4096

/** The field `resources` of a response, and the latest response made of it. */
interface Made {
  readonly body: readonly Uint8Array[]
  message: Message
}

/** Resources that are sent together, to whomever: put together once. */
export class Chunk {
  readonly resources: readonly EncodedResource[]
  readonly layer: Layer
  readonly #made = new Map<Form, Made>()
  /** Memory taken by copies of what the resources hold themselves. */
  bytes = 0
  /** When it was last asked for (milliseconds of a steady clock). */
  usedAt = 0

  constructor(resources: readonly EncodedResource[]) {
    this.resources = resources
    this.layer = new Map(resources.map((resource) => [resource.name, resource]))
  }

  /**
   * A response of these resources for a client whose last one had the nonce `after`. Who is the first to be sent
   * something is sent its pieces as they lie; for the second they are joined, and kept for those that may follow. So
   * what is sent once is never copied, and what is sent to many is one piece.
   */
  message(form: Form, typeUrl: string, after: number): Message {
    const known = this.#made.get(form)
    const body = known ? this.#joined(known.body) : encoders[form].entries(this.resources)
    if (known && known.body === body && known.message.nonce > after) return known.message
    const nonce = nextNonce()
    const message = { nonce, pieces: encoders[form].message(typeUrl, `${nonce}`, body) }
    // Without resources it may be of any type.
    if (this.resources.length > 0) this.#made.set(form, { body, message })
    return message
  }

  #joined(body: readonly Uint8Array[]): readonly Uint8Array[] {
    let size = 0
    for (const piece of body) size += piece.length
    if (body.length === 1 || size >= body.length * largePiece) return body
    const joined = Buffer.concat(body)
    this.bytes += joined.length
    keptTotal += joined.length
    return [joined]
  }
}

const nothing = new Chunk([])

/** Bytes that are kept ready for the next who asks for the same, and for how long. */
const keptBytes = 64 << 20
const keptChunks = 512
const keptMs = 10_000

/** Chunks that were sent lately, the latest last. Clients that connect together, or hear of one change, are sent the same. */
const recent = new Map<string, Chunk>()
/** Memory that they take together. */
let keptTotal = 0
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
  if (known && known !== chunk) keptTotal -= known.bytes
  chunk.usedAt = performance.now()
  recent.delete(key)
  recent.set(key, chunk)
  forget()
  timer ??= setInterval(forget, keptMs / 2).unref()
  return chunk
}

function forget(): void {
  const since = performance.now() - keptMs
  for (const [key, chunk] of recent) {
    if (keptTotal <= keptBytes && recent.size <= keptChunks && chunk.usedAt >= since) break
    keptTotal -= chunk.bytes
    chunk.bytes = 0
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
