// Incremental: requests say what to add and to drop, responses what is new and what is gone.
// https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#incremental-xds
import type { Protocol } from './stream.ts'
import type { Subscription } from './subscription.ts'
import { isFullState } from './types.ts'
import { type DeltaRequest, decodeDeltaRequest, encodeDeltaResponse } from './wire.ts'

/** Aimed-at size of a response, in bytes; larger sets come in parts, so that others get their turn. */
const partBytes = 1 << 20

export const delta: Protocol = {
  name: 'delta',
  nodeOf: (message) => decodeDeltaRequest(message).node,

  receive(message, stream) {
    const request = decodeDeltaRequest(message)
    const { subscription, isNew } = stream.subscription(request.typeUrl)
    if (request.nonce !== '') {
      if (request.error) stream.refused(subscription, request.nonce, request.error.message)
      else stream.accepted(subscription, request.nonce)
    }
    if (isNew) begin(subscription, request)
    else resubscribe(subscription, request)
  },

  upserts(subscription, resources, nonce) {
    const upserts = subscription.takeUpserts(resources, partBytes)
    if (upserts.length === 0 && !subscription.answerDue) return undefined
    return { message: encodeDeltaResponse(subscription.typeUrl, nonce, upserts, []), upserts, removed: [] }
  },

  removals(subscription, resources, nonce) {
    if (subscription.gone.size === 0) return undefined
    const removed = subscription.takeGone(resources)
    if (removed.length === 0) return undefined
    return { message: encodeDeltaResponse(subscription.typeUrl, nonce, [], removed), upserts: [], removed }
  },
}

/** The first request of a type on a stream: the client may have resources from an earlier stream. */
function begin(subscription: Subscription, request: DeltaRequest): void {
  for (const [name, version] of request.initialVersions) subscription.held.set(name, { version })
  const explicit = request.subscribe.filter((name) => name !== '*')
  for (const name of explicit) {
    subscription.want(name)
    // What it has already is compared, not sent again.
    if (subscription.held.has(name)) subscription.forced.delete(name)
  }
  const unnamed = request.subscribe.length === 0 && isFullState(subscription.typeUrl)
  if (unnamed || explicit.length < request.subscribe.length) subscription.subscribeAll()
  else for (const name of request.initialVersions.keys()) if (!subscription.wanted.has(name)) subscription.unwant(name)
}

function resubscribe(subscription: Subscription, request: DeltaRequest): void {
  for (const name of request.unsubscribe) {
    if (name === '*') {
      subscription.wildcard = false
      for (const held of subscription.held.keys()) if (!subscription.wanted.has(held)) subscription.unwant(held)
      continue
    }
    subscription.unwant(name)
    // Of a name that the wildcard covers the client must be told again what it is.
    if (subscription.wildcard) subscription.pending.add(name)
  }
  for (const name of request.subscribe) {
    if (name === '*') subscription.subscribeAll()
    else subscription.want(name)
  }
}
