import {
  type Endpoint,
  endpointsOfService,
  meshConfigOf,
  rootNamespaceOf,
  type Service,
  selects,
  textQuery,
  type World,
} from '../discovery/index.ts'
import { sameStructure } from '../lib/index.ts'
import { compareConfigAge } from './config-order.ts'
import type { EffectivePolicy } from './destination-rules/index.ts'
import type { PeerAuthentication } from './istio.ts'
import { istioKinds } from './kinds.ts'

// What a client may expect of the other side's proxy: whether it takes mutual TLS. (What the other side asks of its
// callers is decided in security/.)

export type MutualTlsMode = 'STRICT' | 'PERMISSIVE' | 'DISABLE'

interface Policy {
  readonly selector: Readonly<Record<string, string>>
  /** Undefined: as the wider scope says. */
  readonly mode: MutualTlsMode | undefined
  readonly ports: Readonly<Record<string, MutualTlsMode | undefined>>
}

/** PeerAuthentication of a namespace, oldest first; the root namespace holds those of the mesh. */
const policiesOfNamespace = textQuery(
  'mesh/peer-authentications-of-namespace',
  (world, namespace): readonly Policy[] =>
    (world.objects(world.primary, istioKinds.peerAuthentication) as readonly PeerAuthentication[])
      .filter(({ metadata }) => metadata.namespace === namespace)
      .sort(compareConfigAge)
      .map(({ spec }) => ({
        selector: spec?.selector?.matchLabels ?? {},
        mode: modeOf(spec?.mtls?.mode),
        ports: Object.fromEntries(
          Object.entries(spec?.portLevelMtls ?? {}).map(([port, level]) => [port, modeOf(level.mode)]),
        ),
      })),
  { equals: sameStructure },
)

function modeOf(mode: string | undefined): MutualTlsMode | undefined {
  return mode === 'STRICT' || mode === 'PERMISSIVE' || mode === 'DISABLE' ? mode : undefined
}

function widePolicy(world: World, namespace: string): Policy | undefined {
  return world.get(policiesOfNamespace, namespace).find(({ selector }) => Object.keys(selector).length === 0)
}

/** The mode of a namespace: its own, else the mesh's. */
export function namespaceMode(world: World, namespace: string): MutualTlsMode {
  return widePolicy(world, namespace)?.mode ?? widePolicy(world, rootNamespaceOf(world))?.mode ?? 'PERMISSIVE'
}

/** The mode that an endpoint's proxy asks for on the port that it is dialled at. */
export function endpointMode(world: World, { workload, port }: Endpoint): MutualTlsMode {
  const own = world
    .get(policiesOfNamespace, workload.namespace)
    .find(({ selector }) => Object.keys(selector).length > 0 && selects(selector, workload.labels))
  return own?.ports[String(port)] ?? own?.mode ?? namespaceMode(world, workload.namespace)
}

/** Whether clients choose by endpoint between mutual TLS and plain text, where no rule says what to do. */
export function autoMutualTls(world: World, service: Service, policy: EffectivePolicy): boolean {
  if (policy.tls || service.external || meshConfigOf(world).enableAutoMtls === false) return false
  const passthrough = service.resolution === 'passthrough' || policy.loadBalancer?.simple === 'PASSTHROUGH'
  if (passthrough) {
    // The address dialled says nothing of who is there, so all of them have to take it.
    const endpoints = world.get(endpointsOfService, { namespace: service.namespace, host: service.host })
    if (endpoints.length === 0 || endpoints.some(({ workload }) => !workload.meshTls)) return false
  }
  return namespaceMode(world, service.namespace) !== 'DISABLE'
}

/** Whether a client would speak mutual TLS with an endpoint: what a rule says, else what the endpoint takes. */
export function speaksMutualTls(world: World, policy: EffectivePolicy, endpoint: Endpoint): boolean {
  if (policy.tls) return policy.tls.mode === 'ISTIO_MUTUAL'
  return endpoint.workload.meshTls && endpointMode(world, endpoint) !== 'DISABLE'
}
