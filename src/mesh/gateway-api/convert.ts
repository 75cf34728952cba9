import { serviceHost } from '../../discovery/index.ts'
import type { Destination, HeaderOperations, HttpMatch, HttpRedirect, HttpRoute, StringMatch } from '../istio.ts'
import type { BackendRef, HttpRouteFilter, HttpRouteMatch, HttpRouteObject, HttpRouteRule } from './types.ts'

/** A rule of an HTTPRoute as routes of a VirtualService, one for each of its matches. */
export function convertRule(route: HttpRouteObject, rule: HttpRouteRule, position: number): HttpRoute[] {
  const { name, namespace = '' } = route.metadata
  const matches = rule.matches && rule.matches.length > 0 ? rule.matches : [undefined]
  const common: HttpRoute = {
    name: rule.name ?? `${namespace}.${name}.${position}`,
    ...filtersOf(rule.filters ?? [], namespace),
    ...timeoutsOf(rule),
  }
  const target = targetOf(rule, common, namespace)
  return matches.map((match) => ({ ...common, ...target, ...(match && { match: [convertMatch(match)] }) }))
}

/** Without a backend of any weight requests are answered with 500. */
function targetOf(rule: HttpRouteRule, { redirect }: HttpRoute, namespace: string): HttpRoute {
  const backends = (rule.backendRefs ?? []).filter(({ weight = 1 }) => weight > 0)
  if (backends.length === 0) return redirect ? {} : { directResponse: { status: 500 } }
  return {
    route: backends.map((backend) => {
      const { headers } = filtersOf(backend.filters ?? [], namespace)
      const destination = destinationOf(backend, namespace)
      const weight = backends.length === 1 ? 0 : (backend.weight ?? 1)
      return { destination, ...(weight > 0 && { weight }), ...(headers && { headers }) }
    }),
  }
}

function destinationOf(backend: BackendRef, namespace: string): Destination {
  const { group = '', kind = 'Service', name = '', port } = backend
  const byName = group === 'networking.istio.io' && kind === 'Hostname'
  const known = byName || (group === '' && kind === 'Service')
  const host = byName ? name : serviceHost(name, backend.namespace ?? namespace)
  return { host: known ? host : '', ...(port !== undefined && { port: { number: port } }) }
}

function convertMatch({ path, headers, queryParams, method }: HttpRouteMatch): HttpMatch {
  return {
    uri: pathMatch(path),
    ...(headers && { headers: namedMatches(headers) }),
    ...(queryParams && { queryParams: namedMatches(queryParams) }),
    ...(method && { method: { exact: method } }),
  }
}

function pathMatch(path: HttpRouteMatch['path']): StringMatch {
  const value = path?.value ?? '/'
  if (path?.type === 'Exact') return { exact: value }
  return path?.type === 'RegularExpression' ? { regex: value } : { prefix: value }
}

function namedMatches(matches: NonNullable<HttpRouteMatch['headers']>): Record<string, StringMatch> {
  return Object.fromEntries(
    matches.map(({ type, name = '', value = '' }) => [
      name,
      type === 'RegularExpression' ? { regex: value } : { exact: value },
    ]),
  )
}

function timeoutsOf({ timeouts, retry }: HttpRouteRule): HttpRoute {
  const backendTimeout = nonZero(timeouts?.backendRequest)
  const timeout = (retry ? undefined : backendTimeout) ?? nonZero(timeouts?.request)
  if (!retry) return timeout === undefined ? {} : { timeout }
  const attempts = retry.attempts ?? 2
  const retryOn = ['connect-failure', 'refused-stream', 'unavailable', 'cancelled', ...(retry.codes ?? []).map(String)]
  const retries = {
    attempts,
    ...(attempts > 0 && { retryOn: retryOn.join(',') }),
    ...(backendTimeout && { perTryTimeout: backendTimeout }),
    ...(retry.backoff && { backoff: retry.backoff }),
  }
  return { ...(timeout && { timeout }), retries }
}

function nonZero(duration: string | undefined): string | undefined {
  return duration === undefined || /^0+(ms|s|m|h)?$/.test(duration) ? undefined : duration
}

function filtersOf(filters: readonly HttpRouteFilter[], namespace: string): HttpRoute {
  const route: HttpRoute = {}
  for (const filter of filters) Object.assign(route, filterOf(filter, route, namespace))
  return route
}

function filterOf(filter: HttpRouteFilter, before: HttpRoute, namespace: string): HttpRoute {
  switch (filter.type) {
    case 'RequestHeaderModifier':
      return { headers: { ...before.headers, request: headerOperations(filter.requestHeaderModifier) } }
    case 'ResponseHeaderModifier':
      return { headers: { ...before.headers, response: headerOperations(filter.responseHeaderModifier) } }
    case 'RequestRedirect':
      return { redirect: redirectOf(filter.requestRedirect ?? {}) }
    case 'URLRewrite':
      return { rewrite: rewriteOf(filter.urlRewrite ?? {}) }
    case 'RequestMirror':
      return mirrorOf(filter.requestMirror ?? {}, before, namespace)
    case 'CORS':
      return { corsPolicy: corsOf(filter.cors ?? {}) }
    default:
      return {}
  }
}

function headerOperations(modifier: HttpRouteFilter['requestHeaderModifier']): HeaderOperations {
  const pairs = (list: { name?: string; value?: string }[] | undefined): Record<string, string> =>
    Object.fromEntries((list ?? []).map(({ name = '', value = '' }) => [name, value]))
  return {
    ...(modifier?.set && { set: pairs(modifier.set) }),
    ...(modifier?.add && { add: pairs(modifier.add) }),
    ...(modifier?.remove && { remove: modifier.remove }),
  }
}

function redirectOf({
  scheme,
  hostname,
  path,
  port,
  statusCode,
}: NonNullable<HttpRouteFilter['requestRedirect']>): HttpRedirect {
  return {
    ...(scheme && { scheme }),
    ...(hostname && { authority: hostname }),
    ...(port === undefined
      ? { derivePort: scheme ? ('FROM_PROTOCOL_DEFAULT' as const) : ('FROM_REQUEST_PORT' as const) }
      : { port }),
    ...(path?.type === 'ReplaceFullPath' && { uri: path.replaceFullPath ?? '/' }),
    ...(path?.type === 'ReplacePrefixMatch' && { prefixRewrite: path.replacePrefixMatch || '/' }),
    redirectCode: statusCode ?? 302,
  }
}

function rewriteOf({ hostname, path }: NonNullable<HttpRouteFilter['urlRewrite']>): NonNullable<HttpRoute['rewrite']> {
  return {
    ...(hostname && { authority: hostname }),
    ...(path?.type === 'ReplacePrefixMatch' && {
      uri: (path.replacePrefixMatch ?? '/').replace(/(.)\/$/, '$1') || '/',
    }),
    ...(path?.type === 'ReplaceFullPath' && {
      uriRegexRewrite: { match: '/.*', rewrite: path.replaceFullPath ?? '/' },
    }),
  }
}

function mirrorOf(
  mirror: NonNullable<HttpRouteFilter['requestMirror']>,
  before: HttpRoute,
  namespace: string,
): HttpRoute {
  const { fraction, percent } = mirror
  const value = fraction ? ((fraction.numerator ?? 0) * 100) / (fraction.denominator ?? 100) : (percent ?? 100)
  const destination = destinationOf(mirror.backendRef ?? {}, namespace)
  return { mirrors: [...(before.mirrors ?? []), { destination, percentage: { value } }] }
}

function corsOf(cors: NonNullable<HttpRouteFilter['cors']>): NonNullable<HttpRoute['corsPolicy']> {
  return {
    ...(cors.allowOrigins && {
      allowOrigins: cors.allowOrigins.map((origin) => (origin === '*' ? { regex: '.*' } : { exact: origin })),
    }),
    ...(cors.allowMethods && { allowMethods: cors.allowMethods }),
    ...(cors.allowHeaders && { allowHeaders: cors.allowHeaders }),
    ...(cors.exposeHeaders && { exposeHeaders: cors.exposeHeaders }),
    ...(cors.allowCredentials !== undefined && { allowCredentials: cors.allowCredentials }),
    ...(cors.maxAge !== undefined && { maxAge: `${cors.maxAge}s` }),
    unmatchedPreflights: 'IGNORE',
  }
}
