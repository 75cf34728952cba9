import type { JsonObject } from '@bufbuild/protobuf'
import type { TransportSocketSchema } from '#gen/envoy/config/core/v3/base_pb.js'
import { ProxyProtocolConfig_Version } from '#gen/envoy/config/core/v3/proxy_protocol_pb.js'
import { ProxyProtocolUpstreamTransportSchema } from '#gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js'
import type { MeshConfig, World } from '../../../discovery/index.ts'
import { autoMutualTls, type ClientTls, type EffectivePolicy, ruleOf, serviceIdentities } from '../../../mesh/index.ts'
import { sniName } from '../names.ts'
import { extensionConfig, type Init } from '../proto.ts'
import { meshTlsSocket, originationSocket, rawBuffer } from '../tls/upstream.ts'
import type { ClusterClient } from './build.ts'
import type { HttpOptions } from './http-options.ts'
import type { ClusterSpec, Discovery } from './spec.ts'

interface Transport {
  readonly transportSocket?: Socket
  readonly transportSocketMatches?: { name: string; match: JsonObject; transportSocket: Socket }[]
}
type Socket = Init<typeof TransportSocketSchema>

interface Context {
  readonly discovery: Discovery
  readonly http: HttpOptions
  readonly mesh: MeshConfig
}

/** How connections to a cluster are secured. May add to `http` what goes with it. */
export function transportFields(
  world: World,
  spec: ClusterSpec,
  client: ClusterClient,
  policy: EffectivePolicy,
  context: Context,
): Transport {
  const transport = tlsFields(world, spec, client, policy, context)
  const version = policy.proxyProtocol?.version
  if (!policy.proxyProtocol) return transport
  const wrap = (socket: Socket): Socket =>
    extensionConfig('envoy.transport_sockets.upstream_proxy_protocol', ProxyProtocolUpstreamTransportSchema, {
      config: { version: version === 'V2' ? ProxyProtocolConfig_Version.V2 : ProxyProtocolConfig_Version.V1 },
      transportSocket: socket,
    })
  const { transportSocketMatches } = transport
  return transportSocketMatches
    ? {
        transportSocketMatches: transportSocketMatches.map((match) => ({
          ...match,
          transportSocket: wrap(match.transportSocket),
        })),
      }
    : { transportSocket: wrap(transport.transportSocket ?? rawBuffer) }
}

function tlsFields(
  world: World,
  spec: ClusterSpec,
  client: ClusterClient,
  policy: EffectivePolicy,
  context: Context,
): Transport {
  const { tls } = policy
  if (!tls) return autoMutualTls(world, spec.binding.service, policy) ? autoTransport(world, spec, client, context) : {}
  switch (tls.mode) {
    case 'SIMPLE':
    case 'MUTUAL':
      return origination(world, spec, client, tls, context)
    case 'ISTIO_MUTUAL':
      return { transportSocket: meshSocket(world, spec, client, tls, context) }
    default:
      return {}
  }
}

/** By endpoint: mutual TLS where a proxy stands before it, else plain text. */
function autoTransport(world: World, spec: ClusterSpec, client: ClusterClient, context: Context): Transport {
  const transportSocket = meshSocket(world, spec, client, {}, context)
  if (context.discovery === 'original-dst') return { transportSocket }
  return {
    transportSocketMatches: [
      { name: 'tlsMode-istio', match: { tlsMode: 'istio' }, transportSocket },
      { name: 'tlsMode-disabled', match: {}, transportSocket: rawBuffer },
    ],
  }
}

function meshSocket(world: World, spec: ClusterSpec, client: ClusterClient, tls: ClientTls, context: Context): Socket {
  const { http, discovery } = context
  const { namespace, host } = spec.binding.service
  const dynamic = discovery === 'dynamic-forward-proxy'
  if (dynamic) followRequest(tls, context)
  return meshTlsSocket({
    identities: tls.subjectAltNames ?? world.get(serviceIdentities, { namespace, host }),
    // A cluster for many hosts asks for the one that the request names.
    sni: tls.sni || (dynamic ? '' : sniName(spec.port.number, spec.subset, host)),
    http2: http.protocol === 'http2',
    secrets: client.secrets,
  })
}

/**
 * TLS as the rule says. A credential by name works in sidecars only for rules that name their workloads: others would have
 * to be able to read it.
 */
function origination(
  world: World,
  spec: ClusterSpec,
  client: ClusterClient,
  tls: ClientTls,
  context: Context,
): Transport {
  const { http, mesh } = context
  const rule = ruleOf(world, spec.binding.rule)
  const privileged =
    tls.credentialName !== undefined && tls.credentialName !== '' && !tls.credentialName.startsWith('configmap://')
  if (privileged && client.type === 'sidecar' && !rule?.forWorkloads) return {}
  followRequest(tls, context)
  const declaredNames = spec.binding.service.registry === 'service-entry' ? spec.binding.service.identities : []
  const http2 = http.protocol === 'http2'
  const socket = originationSocket({ tls, declaredNames, http2, secrets: client.secrets, mesh })
  return socket ? { transportSocket: socket } : {}
}

/**
 * What a rule leaves open is taken from the request: the server's name, and the name that its certificate must have. Where
 * hosts are known by requests alone, certificates are always compared with them, unless the rule wants none checked.
 */
function followRequest(tls: ClientTls, { http, discovery }: Context): void {
  const named = (tls.subjectAltNames ?? []).length > 0
  if (!tls.sni) http.upstream.autoSni = true
  if (!tls.insecureSkipVerify && (discovery === 'dynamic-forward-proxy' || (!tls.sni && !named)))
    http.upstream.autoSanValidation = true
}
