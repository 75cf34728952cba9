import type { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { Cluster_DnsLookupFamily } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { ClusterConfigSchema } from '#gen/envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster_pb.js'
import type { DnsCacheConfigSchema } from '#gen/envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache_pb.js'
import type { ProxyScope } from '../../../mesh/index.ts'
import { type Init, pack } from '../proto.ts'

/** The names that a dynamic forward proxy has resolved: filter and cluster share them by this configuration. */
export function dnsCache(name: string, families: ProxyScope['ipFamilies']): Init<typeof DnsCacheConfigSchema> {
  const dnsLookupFamily =
    families === 'both'
      ? Cluster_DnsLookupFamily.ALL
      : families === 'v6'
        ? Cluster_DnsLookupFamily.V6_ONLY
        : Cluster_DnsLookupFamily.V4_ONLY
  return { name, dnsLookupFamily }
}

export function dnsCacheName(host: string): string {
  return `${host}-dns-cache`
}

/** A cluster that resolves the host of each request. */
export function dynamicForwardProxyType(
  host: string,
  families: ProxyScope['ipFamilies'],
  allowInsecure = false,
): Pick<Init<typeof ClusterSchema>, 'clusterDiscoveryType'> {
  const typedConfig = pack(ClusterConfigSchema, {
    clusterImplementationSpecifier: { case: 'dnsCacheConfig', value: dnsCache(dnsCacheName(host), families) },
    allowInsecureClusterOptions: allowInsecure,
  })
  return {
    clusterDiscoveryType: { case: 'clusterType', value: { name: 'envoy.clusters.dynamic_forward_proxy', typedConfig } },
  }
}
