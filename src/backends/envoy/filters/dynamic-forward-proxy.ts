import { FilterConfigSchema } from '#gen/envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy_pb.js'
import type { HttpFilter } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import type { ProxyScope } from '../../../mesh/index.ts'
import { dnsCache, dnsCacheName } from '../clusters/dynamic-forward-proxy.ts'
import { httpFilter } from './http-connection-manager.ts'

/** Resolves the host of a request, for the cluster that shares the cache of `host`. */
export function dynamicForwardProxyFilter(host: string, families: ProxyScope['ipFamilies']): HttpFilter {
  return httpFilter('envoy.filters.http.dynamic_forward_proxy', FilterConfigSchema, {
    implementationSpecifier: { case: 'dnsCacheConfig', value: dnsCache(dnsCacheName(host), families) },
  })
}
