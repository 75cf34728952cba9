// Patches of proxies: what Istio's own kinds cannot say.
import { type ClusterObject, compact } from '../../shared/index.ts'
import type { TsbCluster } from '../clusters.ts'
import { written } from '../written.ts'
import type { ServerProblem } from './server.ts'

export interface PatchedProxies {
  readonly cluster: TsbCluster
  readonly namespace: string
  /** Undefined: all of the namespace. */
  readonly labels: Readonly<Record<string, string>> | undefined
  readonly name: string
  readonly context: 'SIDECAR_INBOUND' | 'SIDECAR_OUTBOUND' | 'GATEWAY'
  readonly tell: ServerProblem
}

export function envoyFilter(
  { cluster, namespace, labels, name }: PatchedProxies,
  suffix: string,
  configPatches: readonly object[],
): ClusterObject[] {
  if (configPatches.length === 0) return []
  const spec = compact({ workloadSelector: labels && { labels }, configPatches })
  return [written({ cluster: cluster.name, kind: 'EnvoyFilter', namespace, name: `${name}-${suffix}`, spec })]
}

const manager = 'envoy.filters.network.http_connection_manager'

/** A filter in front of the one that routes. */
export function httpFilter(context: PatchedProxies['context'], name: string, typedConfig: object): object {
  return {
    applyTo: 'HTTP_FILTER',
    match: {
      context,
      listener: { filterChain: { filter: { name: manager, subFilter: { name: 'envoy.filters.http.router' } } } },
    },
    patch: { operation: 'INSERT_BEFORE', value: { name, typed_config: typedConfig } },
  }
}

/** Settings of a filter for the requests of one virtual host; undefined host: of all. */
export function forVirtualHosts(context: PatchedProxies['context'], domain: string | undefined, value: object): object {
  const routeConfiguration = domain === undefined ? undefined : { vhost: { domainName: domain } }
  return {
    applyTo: 'VIRTUAL_HOST',
    match: compact({ context, routeConfiguration }),
    patch: { operation: 'MERGE', value },
  }
}

/** Settings of a filter for the requests of one route. */
export function forRoute(context: PatchedProxies['context'], domain: string, route: string, value: object): object {
  return {
    applyTo: 'HTTP_ROUTE',
    match: { context, routeConfiguration: { vhost: { domainName: domain, route: { name: route } } } },
    patch: { operation: 'MERGE', value },
  }
}

/** A cluster that the mesh does not know; none if it knows it. */
export function addedCluster(context: PatchedProxies['context'], value: object | undefined): object[] {
  return value === undefined ? [] : [{ applyTo: 'CLUSTER', match: { context }, patch: { operation: 'ADD', value } }]
}
