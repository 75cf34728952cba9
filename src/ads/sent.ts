import type { Layer } from './held.ts'
import type { Holding } from './holding.ts'
import type { ResourceVersion } from './resource.ts'

/** One response that was sent: what it gave, and what the client had before. */
export interface Sent {
  readonly nonce: string
  readonly layer: Layer
  readonly before: Holding
  readonly at: number
  /** It holds what a response before it was refused for, so that a refusal of it says nothing of its own. */
  readonly isDoubtful?: boolean
}

/** A resource that the client has refused; it is not sent again before it changes. */
export interface Refusal {
  readonly version: string
  readonly resource: ResourceVersion
  readonly detail: string
}
