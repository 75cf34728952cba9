import { clone, create, type JsonObject } from '@bufbuild/protobuf'
import {
  type Cluster,
  type Cluster_CommonLbConfigSchema,
  Cluster_DiscoveryType,
  Cluster_DnsLookupFamily,
  Cluster_LbPolicy,
  ClusterSchema,
} from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { ApiVersion } from '#gen/envoy/config/core/v3/config_source_pb.js'
import {
  type LocalityLbEndpoints,
  LocalityLbEndpointsSchema,
} from '#gen/envoy/config/endpoint/v3/endpoint_components_pb.js'
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js'
import { isHttp, isHttp2, type MeshConfig, meshConfigOf, type Query, type World } from '../../../discovery/index.ts'
import { type EffectivePolicy, type EndpointClient, type ProxyScope, ruleOf } from '../../../mesh/index.ts'
import type { Built } from '../built.ts'
import { namedEndpoints, spillPolicy } from '../endpoints/build.ts'
import {
  clientKey,
  endpointClient,
  failoverOfSpec,
  localityInForce,
  localityOf,
  policyOf,
  saidPanic,
} from '../endpoints/client.ts'
import {
  failoverConnectTimeout,
  hasRungs,
  noticeFrozenPeers,
  panicOf,
  type quickEjection,
  quickEjectionOf,
} from '../failover.ts'
import { keptHeaderCase } from '../filters/proxy-headers.ts'
import { duration, type Init, milliseconds, noTimeout } from '../proto.ts'
import type { SecretSource } from '../tls/secrets.ts'
import { applyHttpPool, connectionPoolFields, upgradesToHttp2 } from './connection-pool.ts'
import { dynamicForwardProxyType } from './dynamic-forward-proxy.ts'
import { emitHttpOptions, type HttpOptions, newHttpOptions } from './http-options.ts'
import { loadBalancerFields, localityConfig } from './load-balancer.ts'
import { errorMatcher, outlierDetection } from './outlier-detection.ts'
import { type ClusterSpec, type Discovery, discoveryOf } from './spec.ts'
import { statName } from './stat-name.ts'
import { transportFields } from './transport.ts'

type ClusterInit = Init<typeof ClusterSchema>

/** What of a proxy decides over an outbound cluster, beside what it sees. */
export interface ClusterClient {
  readonly type: ProxyScope['type']
  /** Its programs name what they call to the proxy, and dial no addresses. */
  readonly asksByName: boolean
  readonly secrets: SecretSource
  readonly ipFamilies: ProxyScope['ipFamilies']
  /** Only for clusters that hold their endpoints themselves. */
  readonly endpoints: EndpointClient | undefined
}

export interface ClusterKey {
  readonly spec: ClusterSpec
  readonly client: ClusterClient
}

/** Names an outbound cluster as some proxies get it. */
export function clusterKey(world: World, scope: ProxyScope, spec: ClusterSpec): ClusterKey {
  const named = spec.binding.service.resolution === 'dns' || spec.binding.service.resolution === 'dns-round-robin'
  const client: ClusterClient = {
    type: scope.type,
    asksByName: spec.binding.service.resolution === 'passthrough' && scope.dataPath === 'loopback',
    secrets: scope.secrets,
    ipFamilies: named || spec.binding.service.resolution === 'dynamic-dns' ? scope.ipFamilies : 'both',
    endpoints: named ? endpointClient(world, scope, spec) : undefined,
  }
  return { spec, client }
}

/** An outbound cluster. Undefined if it would have to hold endpoints, and there are none. */
export const outboundCluster: Query<ClusterKey, Built<Cluster> | undefined> = {
  name: 'envoy/outbound-cluster',
  keyOf: ({ spec, client }) =>
    [
      spec.name,
      spec.binding.key,
      client.type,
      ...(client.asksByName ? ['by-name'] : []),
      client.secrets,
      client.ipFamilies,
      client.endpoints ? clientKey(client.endpoints) : '',
    ].join('|'),
  compute: buildOutboundCluster,
}

function buildOutboundCluster(world: World, { spec, client }: ClusterKey): Built<Cluster> | undefined {
  const { binding, mode } = spec
  const mesh = meshConfigOf(world)
  const policy = policyOf(world, spec)
  const discovery = discoveryOf(spec, client, policy.loadBalancer?.simple === 'PASSTHROUGH')
  const found = discoveryFields(world, spec, client, discovery, { mesh, tls: policy.tls })
  if (!found) return undefined
  const safe = hasRungs(world, spec, policy)
  const http = httpOptionsOf(spec, client, mesh, policy)
  if (safe) noticeFrozenPeers(http, world, spec, mesh, policy)
  const plan = failoverOfSpec(world, spec)
  const fields: ClusterInit = {
    name: spec.name,
    altStatName: `${statName(mesh, spec)};`,
    ...connectionPoolFields(mesh, policy),
    ...ejection(policy, safe ? quickEjectionOf(plan) : undefined),
    ...(safe && !policy.connectionPool?.tcp?.connectTimeout && { connectTimeout: failoverConnectTimeout }),
    ...balancing(world, spec, policy, { discovery, safe }),
    ...found,
    ...(mode === 'outbound' && transportFields(world, spec, client, policy, { discovery, http, mesh })),
    metadata: { filterMetadata: { istio: istioMetadata(world, spec) } },
  }
  const rule = ruleOf(world, binding.rule)
  return {
    resource: create(ClusterSchema, {
      ...fields,
      typedExtensionProtocolOptions: emitHttpOptions(http),
    }),
    origin: [...binding.service.origin, ...(rule?.origin ?? []), ...(plan?.origin ?? [])],
  }
}

function istioMetadata(world: World, { binding, subset }: ClusterSpec): JsonObject {
  const { service } = binding
  const origin = ruleOf(world, binding.rule)?.origin[0]
  return {
    services: [{ host: service.host, name: service.name, namespace: service.namespace }],
    ...(service.external && subset === '' && { external: true }),
    ...(origin && { config: configPath(origin) }),
    ...(subset !== '' && { subset }),
  }
}

/** `/apis/<group>/<version>/namespaces/<namespace>/<kind>/<name>`, as Istio writes it in metadata. */
export function configPath(ref: { apiVersion: string; kind: string; namespace: string; name: string }): string {
  const kind = ref.kind.replace(/([a-z])([A-Z])/g, '$1-$2').toLowerCase()
  return `/apis/${ref.apiVersion}/namespaces/${ref.namespace}/${kind}/${ref.name}`
}

/** Ejection as the rule says; where a service has other places to go, what the rule leaves open is quick. */
function ejection({ outlierDetection: said }: EffectivePolicy, quick: typeof quickEjection | undefined): ClusterInit {
  if (!said && !quick) return {}
  const own = said ? outlierDetection(said) : {}
  return { outlierDetection: { ...quick, ...own } }
}

function balancing(
  world: World,
  spec: ClusterSpec,
  policy: EffectivePolicy,
  { discovery, safe }: { discovery: Discovery; safe: boolean },
): ClusterInit {
  const setting = localityOf(world, spec, policy)
  const inForce = localityInForce(world, spec, policy) !== undefined
  const plan = failoverOfSpec(world, spec)
  // Rungs take the place of all that DestinationRule and mesh say of localities.
  const locality: ReturnType<typeof localityConfig> =
    plan && plan.rungs.length > 0 ? { case: 'localityWeightedLbConfig', value: {} } : localityConfig(setting, inForce)
  const panic = saidPanic(spec, policy) ?? (safe ? panicOf(policy) : 0)
  const draining = (spec.binding.service.labels['istio.io/persistent-session'] ?? '') !== ''
  const commonLbConfig: Init<typeof Cluster_CommonLbConfigSchema> = {
    ...(panic >= 0 && { healthyPanicThreshold: { value: panic } }),
    ...(locality && { localityConfigSpecifier: locality }),
    ...(draining && { overrideHostStatus: { statuses: [1, 3, 0, 5] } }),
  }
  if (discovery === 'dynamic-forward-proxy') return { lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED }
  if (discovery === 'original-dst') return { commonLbConfig, lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED }
  return { commonLbConfig, ...loadBalancerFields(balancerOf(spec, policy.loadBalancer), plan?.failBack.overMs) }
}

/** A gateway that passes TLS on balances connections, and each may carry many requests: they go to all in turn. */
function balancerOf({ mode }: ClusterSpec, rule: EffectivePolicy['loadBalancer']): EffectivePolicy['loadBalancer'] {
  const chosen = mode === 'outbound' || rule?.simple !== undefined || rule?.consistentHash !== undefined
  return chosen ? rule : { ...rule, simple: 'ROUND_ROBIN' }
}

/** Undefined for a cluster that would have no endpoint ever. */
function discoveryFields(
  world: World,
  spec: ClusterSpec,
  client: ClusterClient,
  discovery: Discovery,
  { mesh, tls }: { mesh: MeshConfig; tls: EffectivePolicy['tls'] },
): ClusterInit | undefined {
  switch (discovery) {
    case 'eds':
      return {
        clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
        edsClusterConfig: {
          edsConfig: {
            configSourceSpecifier: { case: 'ads', value: {} },
            initialFetchTimeout: noTimeout,
            resourceApiVersion: ApiVersion.V3,
          },
          serviceName: spec.name,
        },
      }
    case 'original-dst': {
      const { targetPort } = spec.port
      const override = targetPort !== undefined && spec.binding.service.resolution === 'passthrough'
      return {
        clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.ORIGINAL_DST },
        ...(override && { lbConfig: { case: 'originalDstLbConfig', value: { upstreamPortOverride: targetPort } } }),
      }
    }
    case 'dynamic-forward-proxy':
      return dynamicForwardProxyType(spec.binding.service.host, client.ipFamilies, trustsAnybody(tls))
    default: {
      const endpoints = client.endpoints && namedEndpoints(world, spec, client.endpoints)
      if (!endpoints) return undefined
      const logical = discovery === 'logical-dns'
      return {
        clusterDiscoveryType: {
          case: 'type',
          value: logical ? Cluster_DiscoveryType.LOGICAL_DNS : Cluster_DiscoveryType.STRICT_DNS,
        },
        // A cluster that connects to one address at a time can hold one endpoint only.
        loadAssignment: create(ClusterLoadAssignmentSchema, {
          clusterName: spec.name,
          endpoints: logical ? firstOnly(endpoints) : endpoints,
          ...spillPolicy(world, spec),
        }),
        dnsLookupFamily: spec.binding.service.raceConnect
          ? Cluster_DnsLookupFamily.ALL
          : lookupFamily(client.ipFamilies),
        dnsRefreshRate: duration(mesh.dnsRefreshRate) ?? milliseconds(60_000),
        respectDnsTtl: true,
      }
    }
  }
}

/** Envoy wants to be told that a name it resolved itself need not be in the certificate, or is not what is asked for. */
function trustsAnybody(tls: EffectivePolicy['tls']): boolean {
  if (!tls || tls.mode === undefined || tls.mode === 'DISABLE') return false
  return tls.insecureSkipVerify === true || Boolean(tls.sni)
}

function firstOnly(groups: readonly LocalityLbEndpoints[]): LocalityLbEndpoints[] {
  return groups.slice(0, 1).map((group) => {
    const single = clone(LocalityLbEndpointsSchema, group)
    single.lbEndpoints.splice(1)
    const weight = single.lbEndpoints[0]?.loadBalancingWeight
    if (weight !== undefined) single.loadBalancingWeight = weight
    return single
  })
}

export function lookupFamily(families: ProxyScope['ipFamilies']): Cluster_DnsLookupFamily {
  if (families === 'both') return Cluster_DnsLookupFamily.ALL
  return families === 'v6' ? Cluster_DnsLookupFamily.V6_ONLY : Cluster_DnsLookupFamily.V4_ONLY
}

function httpOptionsOf(
  { port }: ClusterSpec,
  client: ClusterClient,
  mesh: MeshConfig,
  policy: EffectivePolicy,
): HttpOptions {
  const { connectionPool, outlierDetection: outlier } = policy
  const sniffed = port.protocol === 'auto' && client.type === 'sidecar'
  const always = isHttp2(port.protocol) || upgradesToHttp2(mesh, port, connectionPool)
  // What is looked at may be anything: it goes on in the protocol that it came in.
  const asCame = connectionPool?.http?.useClientProtocol === true || sniffed
  const options = newHttpOptions(asCame ? 'downstream' : always ? 'http2' : undefined)
  applyHttpPool(options, connectionPool)
  options.errors = outlier && errorMatcher(outlier)
  if (isHttp(port.protocol) || port.protocol === 'auto') options.http1 = keptHeaderCase(mesh)
  return options
}
