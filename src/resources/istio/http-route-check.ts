import type { Place } from '../check.ts'
import { durationMs } from '../duration.ts'
import {
  checkCorsHeader,
  checkHeaderValue,
  checkMatchedHeader,
  checkPlainHeader,
  checkSetHeader,
  isAuthority,
} from './http-header.ts'
import type {
  CorsPolicy,
  Destination,
  HeaderOperations,
  Headers,
  HttpDirectResponse,
  HttpFaultInjection,
  HttpMatch,
  HttpRedirect,
  HttpRewrite,
  HttpRoute,
  HttpRouteDestination,
  Percent,
  StringMatch,
} from './http-route.ts'
import { checkDnsLabel, checkLabels, checkPort, checkWildcardDomain, isDnsLabel } from './names.ts'
import { checkRegex } from './regex.ts'
import { checkHttpRetry } from './retry-check.ts'

/** What a route is part of: a VirtualService with hosts, or one without, to which others delegate. */
export type RouteOwner = 'root' | 'delegate'

export function checkHttpRoute(place: Place, route: HttpRoute, owner: RouteOwner): void {
  checkActions(place, route, owner)
  place.field('match').each(route.match, checkHttpMatch)
  checkHeaders(place.field('headers'), route.headers)
  checkCors(place.field('corsPolicy'), route.corsPolicy)
  checkFault(place.field('fault'), route.fault)
  checkMirrors(place, route)
  checkRedirect(place.field('redirect'), route.redirect, route.match)
  checkDirectResponse(place.field('directResponse'), route.directResponse)
  checkHttpRetry(place.field('retries'), route.retries)
  checkRewrite(place.field('rewrite'), route.rewrite)
  checkAuthority(place, route)
  place.field('route').each(route.route, (at, to: HttpRouteDestination) => {
    checkDestination(at.field('destination'), to.destination)
    checkHeaders(at.field('headers'), to.headers)
  })
  checkWeights(place.field('route'), route.route)
}

/** Which of route, redirect, directResponse and delegate may stand together. */
function checkActions(place: Place, route: HttpRoute, owner: RouteOwner): void {
  const conflict = (first: keyof HttpRoute, others: readonly (keyof HttpRoute)[]): void => {
    for (const other of others)
      if (route[other] !== undefined && (other !== 'route' || route.route?.length !== 0))
        place.field(other).error(`cannot be set together with ${first}`)
  }
  if (owner === 'root' && route.delegate !== undefined) {
    conflict('delegate', ['redirect'])
    if (route.route !== undefined) place.field('route').error('cannot be set together with delegate')
    return
  }
  if (owner === 'delegate' && route.delegate !== undefined)
    place.field('delegate').error('a VirtualService without hosts is a delegate; it cannot delegate again')
  if (route.redirect !== undefined) conflict('redirect', ['route', 'fault', 'rewrite', 'directResponse'])
  else if (route.directResponse !== undefined) conflict('directResponse', ['route', 'fault', 'rewrite'])
  else if ((route.route?.length ?? 0) === 0)
    place.error('one of route, redirect or directResponse must be set', 'required')
  if (route.mirror !== undefined && (route.mirrors?.length ?? 0) > 0)
    place.field('mirrors').error('cannot be set together with mirror')
}

function checkHttpMatch(place: Place, match: HttpMatch): void {
  place.field('headers').entries(match.headers, (at, header, name) => {
    checkMatchedHeader(at, name)
    checkStringMatch(at, header)
  })
  place.field('withoutHeaders').entries(match.withoutHeaders, (at, header, name) => {
    checkMatchedHeader(at, name)
    // `*` asks for presence here and is no regular expression.
    if (header.regex !== '*') checkStringMatch(at, header)
  })
  // An empty prefix of a URI is allowed (it matches everything), one of the others is not.
  if (match.uri?.prefix === undefined) checkStringMatch(place.field('uri'), match.uri)
  checkStringMatch(place.field('scheme'), match.scheme)
  checkStringMatch(place.field('method'), match.method)
  checkStringMatch(place.field('authority'), match.authority)
  place.field('queryParams').entries(match.queryParams, checkStringMatch)
  if (match.port !== undefined && match.port !== 0) checkPort(place.field('port'), match.port)
  checkLabels(place.field('sourceLabels'), match.sourceLabels)
  checkGatewayNames(place.field('gateways'), match.gateways)
  if (match.sourceNamespace !== undefined && match.sourceNamespace !== '')
    checkDnsLabel(place.field('sourceNamespace'), match.sourceNamespace)
}

function checkStringMatch(place: Place, match: StringMatch | undefined): void {
  if (match?.prefix === '') place.field('prefix').error('must not be empty')
  if (match?.regex === '') place.field('regex').error('must not be empty')
  else if (match?.regex !== undefined) checkRegex(place.field('regex'), match.regex)
}

/** Gateways are `namespace/name` or a name; the old `name.namespace.svc` form still works. */
export function checkGatewayNames(place: Place, gateways: readonly string[] | undefined): void {
  place.each(gateways, (at, name) => {
    const slash = name.indexOf('/')
    if (slash >= 0) {
      const [namespace, gateway] = [name.slice(0, slash), name.slice(slash + 1)]
      if (!isDnsLabel(namespace)) at.error(`${JSON.stringify(namespace)} is no namespace`)
      if (!isDnsLabel(gateway)) at.error(`${JSON.stringify(gateway)} is no name of a gateway`)
      return
    }
    checkFqdn(at, name)
    const [gateway, namespace] = name.split('.')
    if (namespace !== undefined) at.warn(`the form ${name} is deprecated: write ${namespace}/${gateway}`)
  })
}

function checkFqdn(at: Place, name: string): void {
  if (name === '' || name.length > 255 || !name.replace(/\.$/, '').split('.').every(isDnsLabel))
    at.error(`${JSON.stringify(name)} is no name of a gateway`)
}

export function checkDestination(place: Place, destination: Destination | undefined): void {
  if (destination === undefined) return
  if (destination.host === '*') place.field('host').error('* is no destination')
  else if (destination.host !== undefined) checkWildcardDomain(place.field('host'), destination.host)
  if (destination.subset !== undefined && destination.subset !== '')
    checkDnsLabel(place.field('subset'), destination.subset)
  if (destination.port !== undefined) checkPort(place.field('port').field('number'), destination.port.number ?? 0)
}

/** No weight is negative, and where several destinations share, not all are 0. */
export function checkWeights(place: Place, destinations: readonly { weight?: number }[] | undefined): void {
  let total = 0
  place.each(destinations, (at, { weight = 0 }) => {
    if (weight < 0) at.field('weight').error(`must not be negative, and is ${weight}`)
    total += weight
  })
  if ((destinations?.length ?? 0) > 1 && total === 0)
    place.error('the weights of several destinations must not all be 0')
}

function checkHeaders(place: Place, headers: Headers | undefined): void {
  const operations = (at: Place, given: HeaderOperations | undefined, checkName: typeof checkSetHeader): void => {
    for (const operation of ['set', 'add'] as const)
      at.field(operation).entries(given?.[operation], (header, value, name) => {
        checkName(header, name)
        checkHeaderValue(header, value)
      })
    at.field('remove').each(given?.remove, checkPlainHeader)
  }
  operations(place.field('request'), headers?.request, checkSetHeader)
  operations(place.field('response'), headers?.response, checkPlainHeader)
}

/** The authority can be rewritten once: by rewrite, or by one header operation. */
function checkAuthority(place: Place, { rewrite, headers }: HttpRoute): void {
  let first = rewrite?.authority
  for (const operation of ['set', 'add'] as const)
    place
      .field('headers')
      .field('request')
      .field(operation)
      .entries(headers?.request?.[operation], (at, value, name) => {
        if (!isAuthority(name)) return
        if (first !== undefined && first !== '') at.error(`the authority is set to ${JSON.stringify(first)} already`)
        else first = value
      })
}

const corsMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', '*']

function checkCors(place: Place, cors: CorsPolicy | undefined): void {
  if (cors === undefined) return
  place.field('allowOrigins').each(cors.allowOrigins, (at, origin) => {
    if ((origin.exact ?? origin.prefix ?? origin.regex ?? '') === '') at.error('an origin must not be empty')
    else if (origin.regex !== undefined) checkRegex(at.field('regex'), origin.regex)
  })
  place.field('allowMethods').each(cors.allowMethods, (at, method) => {
    if (!corsMethods.includes(method))
      at.error(`Unsupported value: ${JSON.stringify(method)}: supported values: ${corsMethods.join(', ')}`)
  })
  place.field('allowHeaders').each(cors.allowHeaders, checkCorsHeader)
  place.field('exposeHeaders').each(cors.exposeHeaders, checkCorsHeader)
  if (cors.maxAge !== undefined && (durationMs(cors.maxAge) ?? 0) % 1000 !== 0)
    place.field('maxAge').error('must be whole seconds')
}

function checkFault(place: Place, fault: HttpFaultInjection | undefined): void {
  if (fault === undefined) return
  const { abort, delay } = fault
  if (abort === undefined && delay === undefined) place.error('abort or delay must be set', 'required')
  if (abort !== undefined) {
    const at = place.field('abort')
    checkFraction(at.field('percentage'), abort.percentage)
    if (abort.httpStatus !== undefined) checkStatus(at.field('httpStatus'), abort.httpStatus)
    else if (abort.grpcStatus !== undefined) checkGrpcStatus(at.field('grpcStatus'), abort.grpcStatus)
    else if (abort.http2Error !== undefined) at.field('http2Error').error('is not supported', 'not-supported')
    else at.warn('nothing is aborted: neither httpStatus nor grpcStatus is set')
  }
  if (delay !== undefined) {
    const at = place.field('delay')
    checkFraction(at.field('percentage'), delay.percentage)
    if (delay.exponentialDelay !== undefined) at.field('exponentialDelay').error('is not supported', 'not-supported')
  }
}

/** 0, or 0.0001 to 100. */
function checkFraction(place: Place, percentage: Percent | undefined): void {
  const value = percentage?.value ?? 0
  if (value < 0 || value > 100 || (value > 0 && value < 0.0001))
    place.field('value').error(`${value} is no percentage: 0, or 0.0001 to 100`)
}

function checkStatus(place: Place, status: number): void {
  if (status < 200 || status > 600) place.error(`${status} must be between 200 and 599`)
}

const grpcStatuses = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'UNAUTHENTICATED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
]

function checkGrpcStatus(place: Place, status: string): void {
  if (!grpcStatuses.includes(status))
    place.error(`Unsupported value: ${JSON.stringify(status)}: supported values: ${grpcStatuses.join(', ')}`)
}

function checkMirrors(place: Place, route: HttpRoute): void {
  const percentage = (at: Place, value: number | undefined): void => {
    if (value !== undefined && (value < 0 || value > 100)) at.error(`${value} must be between 0 and 100`)
  }
  for (const name of ['mirrorPercent', 'mirror_percent'] as const) {
    if (route[name] === undefined) continue
    percentage(place.field(name), route[name])
    place.field(name).warn('is deprecated: use mirrorPercentage')
  }
  percentage(place.field('mirrorPercentage').field('value'), route.mirrorPercentage?.value)
  checkDestination(place.field('mirror'), route.mirror)
  place.field('mirrors').each(route.mirrors, (at, mirror) => {
    checkDestination(at.field('destination'), mirror.destination)
    percentage(at.field('percentage').field('value'), mirror.percentage?.value)
  })
}

function checkRedirect(
  place: Place,
  redirect: HttpRedirect | undefined,
  matches: readonly HttpMatch[] | undefined,
): void {
  if (redirect === undefined) return
  const { uri = '', prefixRewrite = '', authority = '', scheme = '', port, derivePort, redirectCode = 0 } = redirect
  if (uri !== '' && prefixRewrite !== '') place.field('prefixRewrite').error('cannot be set together with uri')
  if (prefixRewrite !== '' && matches?.some((m) => m.uri !== undefined && m.uri.prefix === undefined))
    place.field('prefixRewrite').error('needs matches of uri by prefix')
  if (uri + prefixRewrite + authority + scheme === '' && port === undefined && derivePort === undefined)
    place.error('one of uri, prefixRewrite, authority, scheme or port must be set', 'required')
  if (redirectCode !== 0 && (redirectCode < 300 || redirectCode > 399))
    place.field('redirectCode').error(`${redirectCode} must be between 300 and 399`)
  if (!['', 'http', 'https'].includes(scheme)) place.field('scheme').error('must be http or https')
  if (port !== undefined && port > 0) checkPort(place.field('port'), port)
}

const kilobyte = 1024

function checkDirectResponse(place: Place, response: HttpDirectResponse | undefined): void {
  if (response === undefined) return
  const { string, bytes } = response.body ?? {}
  // bytes are base64: three for four characters.
  const size = string !== undefined ? new TextEncoder().encode(string).length : ((bytes?.length ?? 0) * 3) / 4
  const body = place.field('body')
  if (size > 1024 * kilobyte) body.error('must be smaller than 1 MB')
  else if (size > 100 * kilobyte) body.warn('a large body is sent to every proxy')
  if (response.status !== undefined) checkStatus(place.field('status'), response.status)
}

function checkRewrite(place: Place, rewrite: HttpRewrite | undefined): void {
  if (rewrite === undefined) return
  const { uri = '', authority = '', uriRegexRewrite } = rewrite
  if (uri !== '' && uriRegexRewrite !== undefined)
    place.field('uriRegexRewrite').error('cannot be set together with uri')
  if (uri === '' && authority === '' && uriRegexRewrite === undefined)
    place.error('one of uri, uriRegexRewrite or authority must be set', 'required')
  if (uriRegexRewrite === undefined) return
  const { match = '', rewrite: by = '' } = uriRegexRewrite
  const at = place.field('uriRegexRewrite')
  if (match === '' || by === '') at.error('match and rewrite must both be set', 'required')
  else checkRegex(at.field('match'), match)
}
