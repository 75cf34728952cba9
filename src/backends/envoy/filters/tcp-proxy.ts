import { create } from '@bufbuild/protobuf'
import type { AccessLog } from '#gen/envoy/config/accesslog/v3/accesslog_pb.js'
import { type Filter, FilterSchema } from '#gen/envoy/config/listener/v3/listener_components_pb.js'
import { FilterConfigSchema as SniForwardProxySchema } from '#gen/envoy/extensions/filters/network/sni_dynamic_forward_proxy/v3/sni_dynamic_forward_proxy_pb.js'
import { TcpProxySchema } from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js'
import type { World } from '../../../discovery/index.ts'
import { type MergedRule, type ProxyScope, ruleOf, sessionAffinity } from '../../../mesh/index.ts'
import { dnsCache, dnsCacheName } from '../clusters/dynamic-forward-proxy.ts'
import type { TcpTarget } from '../listeners/chain-plan.ts'
import { fixedClusters } from '../names.ts'
import { duration, extensionConfig, type Init } from '../proto.ts'

type TcpInit = Init<typeof TcpProxySchema>

/** Passes connections on to a cluster, without anything else. */
export function plainTcpProxy(cluster: string, accessLog: readonly AccessLog[] = []): Filter {
  return tcpProxy({
    statPrefix: cluster,
    clusterSpecifier: { case: 'cluster', value: cluster },
    accessLog: [...accessLog],
  })
}

function tcpProxy(init: TcpInit): Filter {
  return create(FilterSchema, extensionConfig('envoy.filters.network.tcp_proxy', TcpProxySchema, init))
}

/** The filters that end a chain for TCP, with the settings of the destination's rule. */
export function tcpFilters(
  world: World,
  target: TcpTarget,
  options: { accessLog: readonly AccessLog[]; ipFamilies: ProxyScope['ipFamilies'] },
): Filter[] {
  const rule = ruleOf(world, target.rule)
  const [only, ...others] = target.clusters
  const clusterSpecifier: NonNullable<TcpInit['clusterSpecifier']> =
    others.length === 0
      ? { case: 'cluster', value: only?.name ?? fixedClusters.blackHole }
      : { case: 'weightedClusters', value: { clusters: target.clusters.map(({ name, weight }) => ({ name, weight })) } }
  const proxy = tcpProxy({
    statPrefix: target.statPrefix,
    clusterSpecifier,
    accessLog: [...options.accessLog],
    ...ruleFields(rule, target),
  })
  const { dynamic } = target
  if (!dynamic) return [proxy]
  const names = extensionConfig('envoy.filters.network.sni_dynamic_forward_proxy', SniForwardProxySchema, {
    dnsCacheConfig: dnsCache(dnsCacheName(dynamic.host), options.ipFamilies),
    portSpecifier: { case: 'portValue', value: dynamic.port },
  })
  return [create(FilterSchema, names), proxy]
}

function ruleFields(rule: MergedRule | undefined, { subset, sticky }: TcpTarget): TcpInit {
  const own = rule?.subsets.find(({ name }) => name === subset)?.trafficPolicy
  const { tcp } = rule?.policy?.connectionPool ?? {}
  const idleTimeout = duration(tcp?.idleTimeout)
  const maxDownstreamConnectionDuration = duration(tcp?.maxConnectionDuration)
  const balancer = own?.loadBalancer ?? rule?.policy?.loadBalancer
  const hash = balancer?.consistentHash ?? sessionAffinity({ sticky }, balancer)
  const tunnel = own?.tunnel ?? rule?.policy?.tunnel
  return {
    ...(idleTimeout && { idleTimeout }),
    ...(maxDownstreamConnectionDuration && { maxDownstreamConnectionDuration }),
    ...(hash?.useSourceIp && {
      hashPolicy: [{ policySpecifier: { case: 'sourceIp', value: {} } }],
    }),
    ...(tunnel && {
      tunnelingConfig: { hostname: `${tunnel.targetHost}:${tunnel.targetPort}`, usePost: tunnel.protocol === 'POST' },
    }),
  }
}
