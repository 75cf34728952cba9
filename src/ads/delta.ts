// Incremental: requests say what to add and to drop, responses what is new and what is gone.
// https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#incremental-xds
import { chunkOf, lossOf, nextNonce } from './chunk.ts'
import { Holding } from './holding.ts'
import type { ProxyResources, ResourceVersion } from './resource.ts'
import type { DiscoveryStream, Protocol } from './stream.ts'
import { ownNames, type Subscription } from './subscription.ts'
import { isAskedUnnamed, isReport, typeUrls } from './types.ts'
import { type DeltaRequest, decodeDeltaRequest, encodeDeltaResponse } from './wire.ts'

/** Aimed-at size of a response, in bytes; larger sets come in parts, so that others get their turn. */
const partBytes = 1 << 20

export const delta: Protocol = {
  name: 'delta',
  nodeOf: (message) => decodeDeltaRequest(message).node,

  receive(message, stream) {
    const request = decodeDeltaRequest(message)
    if (isReport(request.typeUrl)) return stream.reported(request.typeUrl, request.error?.message)
    const { subscription, isNew } = stream.subscription(request.typeUrl)
    if (request.nonce !== '') {
      if (request.error) stream.refused(subscription, request.nonce, request.error.message)
      else stream.accepted(subscription, request.nonce)
    }
    if (isNew) begin(subscription, request, stream)
    else resubscribe(subscription, request, stream.resources)
  },

  upserts(subscription, resources, after) {
    const upserts = subscription.takeUpserts(resources, partBytes)
    if (upserts.length === 0 && !subscription.answerDue) return undefined
    const chunk = chunkOf(upserts)
    return { ...chunk.message('delta', subscription.typeUrl, after), upserts, layer: chunk.layer }
  },

  removals(subscription, resources) {
    if (subscription.gone.size === 0) return undefined
    const removed = subscription.takeGone(resources)
    if (removed.length === 0) return undefined
    const nonce = nextNonce()
    const pieces = encodeDeltaResponse(subscription.typeUrl, `${nonce}`, [], removed)
    return { nonce, pieces, upserts: [], layer: lossOf(removed) }
  },
}

/** The first request of a type on a stream: the client may have resources from an earlier stream. */
function begin(subscription: Subscription, request: DeltaRequest, stream: DiscoveryStream): void {
  const { resources, references } = stream
  const explicit = request.subscribe.filter((name) => name !== '*')
  const unnamed = request.subscribe.length === 0 && isAskedUnnamed(subscription.typeUrl)
  const all = unnamed || explicit.length < request.subscribe.length
  subscription.want(explicit, resources)
  // What it has already is compared, not sent again. What is as here is noted as ours, so that clients share the note.
  const shared = new Map<string, ResourceVersion>()
  const own = new Map<string, ResourceVersion>()
  const ofItsOwn = new Set(request.initialVersions.size > 0 ? ownNames(resources, subscription.typeUrl) : [])
  for (const [name, version] of request.initialVersions) {
    if (!all && !subscription.wanted.has(name)) continue
    const resource = resources.get(subscription.typeUrl, name)
    const held = ofItsOwn.has(name) ? own : shared
    held.set(name, resource?.version === version ? resource : { version })
    if (resource?.version === version) stream.keeps(subscription, resource)
  }
  subscription.resume(Holding.of(shared, own))
  if (all && subscription.typeUrl === typeUrls.cluster)
    references.inherit([...shared.keys()].filter((name) => isOutsideOfLists(resources, name)))
  if (all) subscription.subscribeAll()
}

/** A cluster that clients are given if something leads to it: what that is they have yet to say on this stream. */
function isOutsideOfLists(resources: ProxyResources, name: string): boolean {
  return !resources.includes(typeUrls.cluster, name) && resources.get(typeUrls.cluster, name) !== undefined
}

function resubscribe(subscription: Subscription, request: DeltaRequest, resources: ProxyResources): void {
  const dropped = request.unsubscribe.filter((name) => name !== '*')
  subscription.unwant(dropped)
  if (dropped.length < request.unsubscribe.length) {
    subscription.wildcard = false
    subscription.lose([...subscription.held.entries().keys()].filter((name) => !subscription.wanted.has(name)))
  }
  // Of a name that the wildcard covers the client must be told again what it is.
  if (subscription.wildcard) for (const name of dropped) subscription.pending.add(name)
  const wanted = request.subscribe.filter((name) => name !== '*')
  subscription.want(wanted, resources)
  if (wanted.length < request.subscribe.length) subscription.subscribeAll()
}
