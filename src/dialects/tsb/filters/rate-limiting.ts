// `rateLimiting`: how many requests are let in, by a server that counts for all, or by each proxy for itself.
import { asInteger, asList, asMap, asText, at, type ClusterObject, compact, type Plain } from '../../shared/index.ts'
import { addedCluster, envoyFilter, forVirtualHosts, httpFilter, type PatchedProxies } from './envoy-filter.ts'
import { askedServer } from './server.ts'

const limitFilter = 'envoy.filters.http.ratelimit.tsb'
const localFilter = 'envoy.filters.http.local_ratelimit'
const limitType = 'type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit'
const localType = 'type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit'

/**
 * Limits for the requests of a virtual host (undefined: of all). `stage` tells the limits of several servers on one proxy
 * apart: 0 to 10.
 */
export function rateLimiting(
  said: Plain,
  proxies: PatchedProxies,
  { domain, stage, path }: { readonly domain: string | undefined; readonly stage: number; readonly path: string },
): ClusterObject[] {
  if (said['externalService'] !== undefined)
    return counted(asMap(said['externalService']), proxies, { domain, stage, path: `${path}.externalService` })
  if (said['local'] !== undefined) return byEach(asMap(said['local']), proxies, { domain, stage })
  if (said['settings'] !== undefined)
    proxies.tell(
      `${path}.settings`,
      'needs a rate limit service: name one in externalService, or let each proxy count for itself with local; nothing is limited',
    )
  return []
}

/** A server counts, for all proxies together. */
function counted(
  said: Plain,
  proxies: PatchedProxies,
  { domain, stage, path }: { readonly domain: string | undefined; readonly stage: number; readonly path: string },
): ClusterObject[] {
  const { cluster, context, tell } = proxies
  const uri = asText(said['rateLimitServerUri'])
  const server = askedServer(uri.replace(/^http:/, 'grpc:'), said['tls'], cluster)
  if (server === undefined) {
    tell(`${path}.rateLimitServerUri`, `${JSON.stringify(uri)} is no grpc:// address; nothing is limited`)
    return []
  }
  const grpc = { envoy_grpc: { cluster_name: server.cluster, authority: server.authority } }
  const config = compact({
    '@type': limitType,
    domain: asText(said['domain']),
    stage,
    failure_mode_deny: said['failClosed'] === true ? true : undefined,
    timeout: asText(said['timeout']) || undefined,
    enable_x_ratelimit_headers: 'DRAFT_VERSION_03',
    rate_limit_service: { grpc_service: grpc, transport_api_version: 'V3' },
  })
  const limits = asList(said['rules']).map((rule) => ({
    stage,
    actions: asList(at(rule, 'dimensions')).map(actionOf),
  }))
  return envoyFilter(proxies, `rate-limit${stage === 0 ? '' : `-${stage}`}`, [
    ...addedCluster(context, server.patch),
    httpFilter(context, stage === 0 ? limitFilter : `${limitFilter}.${stage}`, config),
    forVirtualHosts(context, domain, { rate_limits: limits }),
  ])
}

function actionOf(dimension: unknown): object {
  const { sourceCluster, destinationCluster, requestHeaders, headerValueMatch } = asMap(dimension)
  if (sourceCluster !== undefined) return { source_cluster: {} }
  if (destinationCluster !== undefined) return { destination_cluster: {} }
  if (requestHeaders !== undefined) {
    const name = asText(at(requestHeaders, 'headerName'))
    return {
      request_headers: { header_name: name, descriptor_key: asText(at(requestHeaders, 'descriptorKey')) || name },
    }
  }
  if (headerValueMatch !== undefined) {
    const headers = Object.entries(asMap(at(headerValueMatch, 'headers'))).map(([name, match]) =>
      headerMatch(name, match),
    )
    const value = asText(at(headerValueMatch, 'descriptorValue'))
    return {
      header_value_match: {
        descriptor_value: value,
        expect_match: at(headerValueMatch, 'dontMatch') !== true,
        headers,
      },
    }
  }
  return { remote_address: {} }
}

function headerMatch(name: string, match: unknown): object {
  const { exact, prefix, regex } = asMap(match)
  if (exact !== undefined) return { name, string_match: { exact } }
  if (prefix !== undefined) return { name, string_match: { prefix } }
  return regex === undefined ? { name, present_match: true } : { name, string_match: { safe_regex: { regex } } }
}

/** What is counted for local limits; the stages below are those of servers that count. */
const localStage = 10

/** Wide enough for what no rule limits. */
const unlimited = { max_tokens: 4_294_967_295, tokens_per_fill: 4_294_967_295, fill_interval: '1s' }

/** Each proxy counts for itself. */
function byEach(
  said: Plain,
  proxies: PatchedProxies,
  { domain, stage }: { readonly domain: string | undefined; readonly stage: number },
): ClusterObject[] {
  const rules = asList(said['rules'])
  const whole = rules.find((rule) => asList(at(rule, 'dimensions')).length === 0)
  const divided = rules.filter((rule) => asList(at(rule, 'dimensions')).length > 0)
  const parts = divided.map((rule, index) =>
    asList(at(rule, 'dimensions')).map((each, at) => localDimension(each, `${index}-${at}`)),
  )
  const wildcards = asInteger(said['maxWildcardDimensions'])
  const config = compact({
    '@type': localType,
    stat_prefix: 'tsb_local_rate_limit',
    token_bucket: whole === undefined ? unlimited : bucketOf(whole),
    filter_enabled: always,
    filter_enforced: always,
    descriptors: divided.map((rule, index) => ({
      entries: (parts[index] ?? []).map(({ entry }) => entry),
      token_bucket: bucketOf(rule),
    })),
    stage: localStage,
    max_dynamic_descriptors: wildcards,
  })
  const { context } = proxies
  const empty = { '@type': localType, stat_prefix: 'tsb_local_rate_limit' }
  return envoyFilter(proxies, `local-rate-limit${stage === 0 ? '' : `-${stage}`}`, [
    ...(stage === 0 ? [httpFilter(context, localFilter, empty)] : []),
    forVirtualHosts(
      context,
      domain,
      compact({
        rate_limits: parts.map((dimensions) => ({
          stage: localStage,
          actions: dimensions.map(({ action }) => action),
        })),
        typed_per_filter_config: { [localFilter]: config },
      }),
    ),
  ])
}

const always = { default_value: { numerator: 100, denominator: 'HUNDRED' } }

function bucketOf(rule: unknown): object {
  const bucket = asMap(at(rule, 'tokenBucket'))
  const most = asInteger(bucket['maxTokens']) ?? 1
  return {
    max_tokens: most,
    tokens_per_fill: asInteger(bucket['tokensPerFill']) ?? most,
    fill_interval: asText(bucket['fillInterval']) || '1s',
  }
}

/** What is counted apart: the action that finds it in a request, and the entry that it is compared with. */
function localDimension(dimension: unknown, id: string): { readonly action: object; readonly entry: object } {
  const header = at(dimension, 'header')
  if (header === undefined) {
    const value = asText(at(dimension, 'remoteAddress', 'value'))
    const entry = value === '' || value === '*' ? { key: 'remote_address' } : { key: 'remote_address', value }
    return { action: { remote_address: {} }, entry }
  }
  const name = asText(at(header, 'name'))
  if (at(header, 'value') === undefined)
    return { action: { request_headers: { header_name: name, descriptor_key: name } }, entry: { key: name } }
  const match = {
    descriptor_key: 'header_match',
    descriptor_value: id,
    expect_match: at(header, 'dontMatch') !== true,
    headers: [headerMatch(name, at(header, 'value'))],
  }
  return { action: { header_value_match: match }, entry: { key: 'header_match', value: id } }
}
