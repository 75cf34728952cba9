import type { ProxyNode } from './resource.ts'
import type { DiscoveryStream } from './stream.ts'
import { shortTypeName } from './types.ts'

/** How far a client is with one type: it has all, has been sent something it has not answered, or refuses something. */
export type SyncState = 'SYNCED' | 'STALE' | 'NACK'

export interface TypeStatus {
  readonly type: string
  readonly typeUrl: string
  readonly state: SyncState
  readonly wildcard: boolean
  /** Resources that the client has. */
  readonly resources: number
  readonly sentNonce: string
  readonly ackedNonce: string
  /** Milliseconds since the epoch; 0 for never. */
  readonly sentAt: number
  readonly ackedAt: number
  readonly refused: readonly { readonly name: string; readonly detail: string }[]
  readonly error: string | undefined
}

export interface StreamStatus {
  readonly node: ProxyNode
  readonly protocol: 'sotw' | 'delta'
  readonly peer: string
  readonly connectedAt: number
  readonly messagesSent: number
  readonly bytesSent: number
  readonly types: readonly TypeStatus[]
}

export function statusOf(stream: DiscoveryStream): StreamStatus {
  return {
    node: stream.node,
    protocol: stream.protocol.name,
    peer: stream.transport.peer.address,
    connectedAt: stream.connectedAt,
    messagesSent: stream.messagesSent,
    bytesSent: stream.bytesSent,
    types: stream.subscriptions.map((s) => ({
      type: shortTypeName(s.typeUrl),
      typeUrl: s.typeUrl,
      state: s.error !== undefined ? 'NACK' : s.settled && s.sent.length === 0 ? 'SYNCED' : 'STALE',
      wildcard: s.wildcard,
      resources: s.held.size,
      sentNonce: s.lastNonce,
      ackedNonce: s.ackedNonce,
      sentAt: s.lastSentAt,
      ackedAt: s.ackedAt,
      refused: [...s.refused].map(([name, refusal]) => ({ name, detail: refusal.detail })),
      error: s.error,
    })),
  }
}
