import { type Endpoint, endpointsOfService, meshConfigOf, type Service, type World } from '../discovery/index.ts'
import type { EffectivePolicy } from './destination-rules/index.ts'
import { inboundModes, modeOfPort } from './security/index.ts'

// What a client may expect of the other side's proxy: whether it takes mutual TLS. (What the other side asks of its
// callers is decided in security/.)

/** Whether clients choose by endpoint between mutual TLS and plain text, where no rule says what to do. */
export function autoMutualTls(world: World, service: Service, policy: EffectivePolicy): boolean {
  if (policy.tls || service.external || meshConfigOf(world).enableAutoMtls === false) return false
  const passthrough = service.resolution === 'passthrough' || policy.loadBalancer?.simple === 'PASSTHROUGH'
  if (passthrough) {
    // The address dialled says nothing of who is there, so all of them have to take it.
    const endpoints = world.get(endpointsOfService, { namespace: service.namespace, host: service.host })
    if (endpoints.length === 0 || endpoints.some(({ workload }) => !workload.meshTls)) return false
  }
  return inboundModes(world, { namespace: service.namespace, labels: {} }).mode !== 'DISABLE'
}

/** Whether every endpoint of a service, now, has a proxy before it that takes mutual TLS, and clients speak it. */
export function allMutualTls(world: World, service: Service, policy: EffectivePolicy): boolean {
  if (policy.tls) return policy.tls.mode === 'ISTIO_MUTUAL'
  if (!autoMutualTls(world, service, policy)) return false
  const endpoints = world.get(endpointsOfService, { namespace: service.namespace, host: service.host })
  return endpoints.every((endpoint) => speaksMutualTls(world, undefined, endpoint))
}

/**
 * Whether a client would speak the mesh's mutual TLS with an endpoint: what a rule says, else what the endpoint takes.
 * Without a proxy before it an endpoint is no part of that, whatever a rule says: no gateway could pass it on.
 */
export function speaksMutualTls(world: World, ruled: string | undefined, endpoint: Endpoint): boolean {
  const { workload, port } = endpoint
  if (!workload.meshTls) return false
  if (ruled !== undefined) return ruled === 'ISTIO_MUTUAL'
  return modeOfPort(inboundModes(world, workload), port) !== 'DISABLE'
}
