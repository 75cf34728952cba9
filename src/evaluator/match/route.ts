import type { QueryParameterMatcher, RouteMatch } from '#gen/envoy/config/route/v3/route_components_pb.js'
import { isGrpcType } from '../answer.ts'
import { matchesMetadata } from '../metadata.ts'
import { pathOf, type Seen, split } from '../request.ts'
import { describeHeader, matchesHeader } from './header.ts'
import { describeString, fullMatch, matchesString } from './string.ts'

/** The first condition of a route that a request does not meet, in words; undefined if the route matches. */
export function whyNot(match: RouteMatch, seen: Seen): string | undefined {
  if (!matchesRoutePath(match, seen)) return describePath(match)
  for (const matcher of match.headers) if (!matchesHeader(matcher, seen.headers)) return describeHeader(matcher)
  const query = queryOf(seen)
  for (const matcher of match.queryParameters) if (!matchesQuery(matcher, query)) return describeQuery(matcher)
  if (match.grpc && !isGrpcType(seen.headers.get('content-type'))) return 'a gRPC request'
  for (const matcher of match.dynamicMetadata)
    if (!matchesMetadata(matcher, seen.metadata)) return describeMetadata(matcher)
  if (match.tlsContext?.presented !== undefined) {
    if (match.tlsContext.presented !== (seen.call.tls?.principal !== undefined)) return 'client certificate'
  }
  return undefined
}

/** The conditions that made a route match, in words. */
export function describeMatch(match: RouteMatch): string[] {
  return [
    describePath(match),
    ...match.headers.map(describeHeader),
    ...match.queryParameters.map(describeQuery),
    ...match.dynamicMetadata.map(describeMetadata),
  ]
}

/** Share of requests that a matching route takes, by its runtime fraction; 1 without one. */
export function fractionOf(match: RouteMatch): number {
  const fraction = match.runtimeFraction?.defaultValue
  return fraction ? percentOf(fraction) : 1
}

/** envoy.type.v3.FractionalPercent as a share. */
export function percentOf({ numerator, denominator }: { numerator: number; denominator: number }): number {
  const denominators = [100, 10_000, 1_000_000]
  return Math.min(1, numerator / (denominators[denominator] ?? 100))
}

/** Paths are compared without their query. Source: Envoy's PathMatcher and RegexRouteEntryImpl. */
export function matchesRoutePath(match: RouteMatch, seen: Seen): boolean {
  const spec = match.pathSpecifier
  // A CONNECT request has no path; only connect_matcher can take it.
  const connect = seen.headers.get(':method') === 'CONNECT'
  if (connect || spec.case === 'connectMatcher') return connect && spec.case === 'connectMatcher'
  const sensitive = match.caseSensitive ?? true
  const fold = (text: string): string => (sensitive ? text : text.toLowerCase())
  const path = pathOf(seen)
  switch (spec.case) {
    case 'prefix':
      return fold(path).startsWith(fold(spec.value))
    case 'path':
      return fold(path) === fold(spec.value)
    case 'safeRegex':
      return fullMatch(spec.value.regex, path)
    case 'pathSeparatedPrefix':
      return fold(path) === fold(spec.value) || fold(path).startsWith(`${fold(spec.value)}/`)
    default:
      return false
  }
}

function describePath(match: RouteMatch): string {
  const spec = match.pathSpecifier
  const folded = (match.caseSensitive ?? true) ? '' : ' (any case)'
  switch (spec.case) {
    case 'prefix':
      return spec.value === '/' ? 'any path' : `path starts with ${spec.value}${folded}`
    case 'path':
      return `path is ${spec.value}${folded}`
    case 'safeRegex':
      return `path matches /${spec.value.regex}/`
    case 'pathSeparatedPrefix':
      return `path is ${spec.value} or below it${folded}`
    case 'connectMatcher':
      return 'a CONNECT request'
    default:
      return 'a path matcher that is not understood'
  }
}

/** Parameters as they stand in the path: Envoy does not unescape them here. Of several values the first counts. */
function queryOf(seen: Seen): ReadonlyMap<string, string> {
  const [, query] = split(seen.headers.get(':path') ?? '')
  const found = new Map<string, string>()
  for (const part of query.slice(1).split('&')) {
    const [name = '', ...value] = part.split('=')
    if (name !== '' && !found.has(name)) found.set(name, value.join('='))
  }
  return found
}

function matchesQuery(matcher: QueryParameterMatcher, query: ReadonlyMap<string, string>): boolean {
  const value = query.get(matcher.name)
  const spec = matcher.queryParameterMatchSpecifier
  if (spec.case === 'presentMatch') return (value !== undefined) === spec.value
  if (value === undefined) return false
  return spec.case === 'stringMatch' ? matchesString(spec.value, value) : true
}

function describeQuery(matcher: QueryParameterMatcher): string {
  const spec = matcher.queryParameterMatchSpecifier
  const how = spec.case === 'stringMatch' ? describeString(spec.value) : 'is there'
  return `query parameter ${matcher.name} ${how}`
}

function describeMetadata(matcher: RouteMatch['dynamicMetadata'][number]): string {
  const path = matcher.path.map(({ segment }) => (segment.case === 'key' ? segment.value : '')).join('.')
  return `${matcher.invert ? 'not: ' : ''}${path} that ${matcher.filter.replace(/^envoy\.filters\.http\./, '')} noted`
}
