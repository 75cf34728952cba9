import { meshConfigOf, resolveHost, type World } from '../discovery/index.ts'
import type { Destination } from './istio.ts'
import { sidecarOf } from './sidecar/select.ts'
import type { ViewKey } from './view/index.ts'

/** What happens to traffic that is for nobody known. */
export interface OutboundPolicy {
  readonly mode: 'ALLOW_ANY' | 'REGISTRY_ONLY' | 'ALLOW_ANY_DYNAMIC_DNS'
  /** Where it goes instead of where it was meant to. */
  readonly egressProxy: Destination | undefined
}

/** The Sidecar's, else the mesh's; gateways forward nothing that is not known. */
export function outboundPolicyOf(world: World, view: ViewKey): OutboundPolicy {
  const own = sidecarOf(world, view.sidecar)?.outboundTrafficPolicy
  // Who writes a policy without mode asks for the strict one; who writes none at all gets the open one.
  const written = own ?? meshConfigOf(world).outboundTrafficPolicy
  const mode = written ? (written.mode ?? 'REGISTRY_ONLY') : 'ALLOW_ANY'
  const known = mode === 'REGISTRY_ONLY' || mode === 'ALLOW_ANY_DYNAMIC_DNS' ? mode : 'ALLOW_ANY'
  const proxy = own?.egressProxy
  return {
    mode: known,
    egressProxy: proxy?.host ? { ...proxy, host: resolveHost(proxy.host, view.namespace) } : undefined,
  }
}
