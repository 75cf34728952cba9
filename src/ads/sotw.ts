// State of the world: a request repeats all names, a response of clusters or listeners holds everything.
// https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#the-sotw-variants
import { chunkOf, lossOf } from './chunk.ts'
import type { EncodedResource, ProxyResources } from './resource.ts'
import type { Protocol } from './stream.ts'
import type { Subscription } from './subscription.ts'
import { isAskedUnnamed, isReport } from './types.ts'
import { decodeSotwRequest, type SotwRequest } from './wire.ts'

/** Aimed-at size of responses that may be partial, in bytes. */
const partBytes = 1 << 20

export const sotw: Protocol = {
  name: 'sotw',
  nodeOf: (message) => decodeSotwRequest(message).node,

  receive(message, stream) {
    const request = decodeSotwRequest(message)
    if (isReport(request.typeUrl)) return stream.reported(request.typeUrl, request.error?.message)
    const { subscription, isNew } = stream.subscription(request.typeUrl)
    if (request.nonce !== '') {
      if (request.error) stream.refused(subscription, request.nonce, request.error.message)
      else stream.accepted(subscription, request.nonce)
      // Names in an answer to an older response are out of date; the client repeats them with its next one.
      if (!isNew && request.nonce !== subscription.lastNonce) return
    }
    resubscribe(subscription, request, isNew, stream.resources)
  },

  upserts(subscription, resources, after) {
    const changed = subscription.takeUpserts(resources, subscription.fullState ? Infinity : partBytes)
    if (!subscription.fullState) {
      // Nothing can be said of endpoints and routes that exist no more; the client drops them with what refers to them.
      subscription.lose(subscription.takeGone(resources))
    }
    if (changed.length === 0 && !subscription.answerDue) return undefined
    const content = subscription.fullState ? everything(subscription, resources, changed) : changed
    const message = chunkOf(content).message('sotw', subscription.typeUrl, after)
    return { ...message, upserts: changed, layer: chunkOf(changed).layer }
  },

  removals(subscription, resources, after) {
    if (subscription.gone.size === 0) return undefined
    const removed = subscription.takeGone(resources)
    if (removed.length === 0) return undefined
    const message = chunkOf(everything(subscription, resources, [])).message('sotw', subscription.typeUrl, after)
    return { ...message, upserts: [], layer: lossOf(removed) }
  },
}

/**
 * All that the client is to have after a response: what is told now is new, and the rest as the client has it, what is
 * gone until its turn comes included. So a refusal is about what is told, and nothing else.
 */
function everything(
  subscription: Subscription,
  resources: ProxyResources,
  told: readonly EncodedResource[],
): EncodedResource[] {
  const content: EncodedResource[] = []
  const now = new Map(told.map((resource) => [resource.name, resource]))
  const add = (name: string): void => {
    const held = subscription.held.get(name)
    const resource = now.get(name) ?? (held && 'pieces' in held ? held : undefined)
    if (resource) content.push(resource)
  }
  for (const name of subscription.names(resources)) if (subscription.current(resources, name)) add(name)
  for (const name of subscription.gone) if (!subscription.current(resources, name)) add(name)
  return content
}

function resubscribe(
  subscription: Subscription,
  request: SotwRequest,
  isNew: boolean,
  resources: ProxyResources,
): void {
  if (!isNew && request.namesKey === subscription.namesKey) return
  subscription.namesKey = request.namesKey
  const names = new Set(request.names())
  // A first request without names asks for every cluster or listener; a later one without names asks for nothing,
  // unless everything was asked for before.
  const unnamed = names.size === 0 && isAskedUnnamed(subscription.typeUrl) && (isNew || subscription.wildcard)
  const all = names.delete('*') || unnamed
  if (all && !subscription.wildcard) subscription.subscribeAll()
  if (!all && subscription.wildcard) {
    subscription.wildcard = false
    subscription.compareAll = true
  }
  subscription.unwant([...subscription.wanted].filter((name) => !names.has(name)))
  const added = [...names].filter((name) => !subscription.wanted.has(name))
  subscription.want(added, resources)
  if (subscription.fullState) subscription.answerDue = true
}
