import type { QueryParameterMatcher, RouteMatch } from '#gen/envoy/config/route/v3/route_components_pb.js'
import type { Call } from '../call.ts'
import { headersOf } from '../call.ts'
import { describeHeader, matchesHeader } from './header.ts'
import { fullMatch, matchesString } from './string.ts'

/** The first condition of a route that a call does not meet, in words; undefined if the route matches. */
export function whyNot(match: RouteMatch, call: Call): string | undefined {
  const path = whyNotPath(match, call)
  if (path !== undefined) return path
  const headers = headersOf(call)
  for (const matcher of match.headers) if (!matchesHeader(matcher, headers)) return describeHeader(matcher)
  const query = new URLSearchParams(queryOf(call.path))
  for (const matcher of match.queryParameters)
    if (!matchesQuery(matcher, query)) return `query parameter ${matcher.name}`
  if (match.grpc && !(call.headers['content-type'] ?? '').startsWith('application/grpc')) return 'a gRPC request'
  for (const matcher of match.dynamicMetadata) return `dynamic metadata of ${matcher.filter}`
  if (match.tlsContext?.presented !== undefined && match.tlsContext.presented !== (call.tls?.principal !== undefined)) {
    return 'client certificate'
  }
  return undefined
}

/** The conditions that made a route match, in words. */
export function describeMatch(match: RouteMatch): string[] {
  return [
    describePath(match),
    ...match.headers.map(describeHeader),
    ...match.queryParameters.map((query) => `query parameter ${query.name}`),
  ]
}

/** Share of requests that a matching route takes, by its runtime fraction; 1 without one. */
export function fractionOf(match: RouteMatch): number {
  const fraction = match.runtimeFraction?.defaultValue
  if (!fraction) return 1
  const denominators = [100, 10_000, 1_000_000]
  return Math.min(1, fraction.numerator / (denominators[fraction.denominator] ?? 100))
}

function whyNotPath(match: RouteMatch, call: Call): string | undefined {
  const path = call.path.replace(/[?#].*$/s, '')
  const sensitive = match.caseSensitive ?? true
  const fold = (text: string): string => (sensitive ? text : text.toLowerCase())
  const spec = match.pathSpecifier
  const meets = (): boolean => {
    switch (spec.case) {
      case 'prefix':
        return fold(call.path).startsWith(fold(spec.value))
      case 'path':
        return fold(path) === fold(spec.value)
      case 'safeRegex':
        return fullMatch(spec.value.regex, path)
      case 'pathSeparatedPrefix':
        return fold(path) === fold(spec.value) || fold(path).startsWith(`${fold(spec.value)}/`)
      case 'connectMatcher':
        return call.method === 'CONNECT'
      default:
        return false
    }
  }
  // A CONNECT request has no path; only connect_matcher, or a prefix of "/" in a tunnel's inside, can take it.
  if (call.method === 'CONNECT' && spec.case !== 'connectMatcher') return describePath(match)
  return meets() ? undefined : describePath(match)
}

function describePath(match: RouteMatch): string {
  const spec = match.pathSpecifier
  switch (spec.case) {
    case 'prefix':
      return `path starts with ${spec.value}`
    case 'path':
      return `path is ${spec.value}`
    case 'safeRegex':
      return `path matches /${spec.value.regex}/`
    case 'pathSeparatedPrefix':
      return `path is ${spec.value} or below it`
    case 'connectMatcher':
      return 'a CONNECT request'
    default:
      return 'a path matcher that is not understood'
  }
}

function matchesQuery(matcher: QueryParameterMatcher, query: URLSearchParams): boolean {
  const value = query.get(matcher.name)
  const spec = matcher.queryParameterMatchSpecifier
  if (spec.case === 'presentMatch') return (value !== null) === spec.value
  if (value === null) return false
  return spec.case === 'stringMatch' ? matchesString(spec.value, value) : true
}

function queryOf(path: string): string {
  const start = path.indexOf('?')
  return start < 0 ? '' : path.slice(start + 1).replace(/#.*$/s, '')
}
