// Requests that are more than reading and writing the resource: each subresource has its handler.
import type { Call } from '../core.ts'
import { serveKubelet } from '../kubelet/log.ts'
import { serveBinding, serveEviction, serveFinalize } from '../rest/pod-subresources.ts'
import { serveScale } from '../rest/scale.ts'
import { serveToken } from '../rest/token.ts'
import { type Exchange, serveResource } from './resources.ts'

export type Handler = (call: Call, exchange: Exchange) => Promise<void>

/** Subresources that read and write the object as its main resource does. */
const whole: Handler = (call, exchange) => serveResource(call, exchange, false)

const handlers: Readonly<Record<string, Handler>> = {
  '/pods/binding': serveBinding,
  '/pods/ephemeralcontainers': whole,
  '/pods/eviction': serveEviction,
  '/pods/log': serveKubelet,
  '/pods/resize': whole,
  '/namespaces/finalize': serveFinalize,
  '/serviceaccounts/token': serveToken,
  'certificates.k8s.io/certificatesigningrequests/approval': whole,
}

/** The handler of a call that has one of its own. */
export function findSubresource(call: Call): Handler | undefined {
  const { group, names, custom } = call.resource
  if (call.subresource === 'scale') return serveScale
  if (custom || !call.subresource) return undefined
  return handlers[`${group}/${names.plural}/${call.subresource}`]
}
