// `authorization.http.external`: a server that is asked about each request.
import { asList, asText, at, type ClusterObject, compact } from '../../shared/index.ts'
import {
  addedCluster,
  envoyFilter,
  forRoute,
  forVirtualHosts,
  httpFilter,
  type PatchedProxies,
} from './envoy-filter.ts'
import { askedServer } from './server.ts'

const filterName = 'envoy.filters.http.ext_authz.tsb'
const type = 'type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz'
const perRoute = 'type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute'

/** Which requests are not asked about, where one proxy has several servers that are asked. */
export interface Asked {
  /** Tells the filters of one proxy apart. */
  readonly suffix: string
  /** Domains of virtual hosts that are not asked about. */
  readonly exempt: readonly string[]
  readonly exemptRoutes: readonly { readonly domain: string; readonly route: string }[]
}

const everything: Asked = { suffix: '', exempt: [], exemptRoutes: [] }

/** All requests that the proxies take in. A server that does not answer lets nothing in. */
export function externalAuthorization(
  external: unknown,
  proxies: PatchedProxies,
  { suffix, exempt, exemptRoutes }: Asked = everything,
): ClusterObject[] {
  const { cluster, context, tell } = proxies
  const filter = `${filterName}${suffix}`
  const name = `external-authorization${suffix.replaceAll('.', '-')}`
  const off = { typed_per_filter_config: { [filter]: { '@type': perRoute, disabled: true } } }
  const uri = asText(at(external, 'uri'))
  const server = askedServer(uri, at(external, 'tls'), cluster)
  if (server === undefined) {
    tell(
      'authorization.http.external.uri',
      `${JSON.stringify(uri)} is no http://, https:// or grpc:// address; all requests are refused`,
    )
    return envoyFilter(proxies, name, [httpFilter(context, filter, refusing)])
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
  return envoyFilter(proxies, name, [
    ...addedCluster(context, server.patch),
    httpFilter(context, filter, config),
    ...exempt.map((domain) => forVirtualHosts(context, domain, off)),
    ...exemptRoutes.map(({ domain, route }) => forRoute(context, domain, route, off)),
  ])
}

/** A filter that no request passes. */
const refusing = {
  '@type': 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC',
  rules: { action: 'DENY', policies: { all: { permissions: [{ any: true }], principals: [{ any: true }] } } },
}
