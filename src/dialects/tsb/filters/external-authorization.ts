// `authorization.http.external`: a server that is asked about each request.
import { asList, asText, at, type ClusterObject, compact } from '../../shared/index.ts'
import { addedCluster, envoyFilter, forVirtualHosts, httpFilter, type PatchedProxies } from './envoy-filter.ts'
import { askedServer } from './server.ts'

export const externalFilterName = 'envoy.filters.http.ext_authz.tsb'
const type = 'type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz'
const perRoute = 'type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute'

/** Switches the filter off, for virtual hosts and routes. */
export const withoutExternal = {
  typed_per_filter_config: { [externalFilterName]: { '@type': perRoute, disabled: true } },
}

/**
 * All requests that the proxies take in. A server that does not answer lets nothing in.
 * `exempt`: domains of virtual hosts that are not asked about.
 */
export function externalAuthorization(
  external: unknown,
  proxies: PatchedProxies,
  exempt: readonly string[] = [],
): ClusterObject[] {
  const { cluster, context, tell } = proxies
  const uri = asText(at(external, 'uri'))
  const server = askedServer(uri, at(external, 'tls'), cluster)
  if (server === undefined) {
    tell(
      'authorization.http.external.uri',
      `${JSON.stringify(uri)} is no http://, https:// or grpc:// address; all requests are refused`,
    )
    return envoyFilter(proxies, 'external-authorization', [httpFilter(context, externalFilterName, refusing)])
  }
  const timeout = asText(at(external, 'timeout')) || '1s'
  const names = (field: string): object | undefined => {
    const patterns = asList(at(external, field)).map((name) => ({
      exact: asText(name).toLowerCase(),
      ignore_case: true,
    }))
    return patterns.length === 0 ? undefined : { patterns }
  }
  const service = server.isGrpc
    ? { grpc_service: { envoy_grpc: { cluster_name: server.cluster, authority: server.authority }, timeout } }
    : {
        http_service: compact({
          path_prefix: asText(at(external, 'pathPrefix')) || undefined,
          server_uri: { uri: `http://${server.authority}`, cluster: server.cluster, timeout },
          authorization_response: compact({ allowed_upstream_headers: names('allowedUpstreamHeaders') }),
        }),
      }
  const config = compact({
    '@type': type,
    transport_api_version: 'V3',
    failure_mode_allow: false,
    allowed_headers: names('includeRequestHeaders'),
    ...service,
  })
  return envoyFilter(proxies, 'external-authorization', [
    ...addedCluster(context, server.patch),
    httpFilter(context, externalFilterName, config),
    ...exempt.map((domain) => forVirtualHosts(context, domain, withoutExternal)),
  ])
}

/** A filter that no request passes. */
const refusing = {
  '@type': 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC',
  rules: { action: 'DENY', policies: { all: { permissions: [{ any: true }], principals: [{ any: true }] } } },
}
