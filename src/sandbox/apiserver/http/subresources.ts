// Requests that are more than reading and writing the resource: each subresource has its handler.
import type { Call } from '../core.ts'
import { serveToken } from '../rest/token.ts'
import type { Exchange } from './resources.ts'

export type Handler = (call: Call, exchange: Exchange) => Promise<void>

const handlers: Readonly<Record<string, Handler>> = {
  '/serviceaccounts/token': serveToken,
}

/** The handler of a call that has one of its own. */
export function findSubresource(call: Call): Handler | undefined {
  const { group, names, custom } = call.resource
  if (custom || !call.subresource) return undefined
  return handlers[`${group}/${names.plural}/${call.subresource}`]
}
