import type { HeaderMatcher } from '#gen/envoy/config/route/v3/route_components_pb.js'
import type { HeaderLines } from '../header-lines.ts'
import { describeString, fullMatch, matchesString } from './string.ts'

/**
 * envoy.config.route.v3.HeaderMatcher, as Envoy's HeaderUtility::matchHeaders. A header that is missing matches nothing,
 * inverted or not, unless the matcher asks for its absence or takes it for empty.
 */
export function matchesHeader(matcher: HeaderMatcher, headers: ReadonlyMap<string, string>): boolean {
  const value = headers.get(matcher.name.toLowerCase())
  const spec = matcher.headerMatchSpecifier
  if (spec.case === undefined) return (value !== undefined) !== matcher.invertMatch
  if (spec.case === 'presentMatch') {
    const there = value !== undefined || matcher.treatMissingHeaderAsEmpty
    return (there === spec.value) !== matcher.invertMatch
  }
  if (value === undefined && !matcher.treatMissingHeaderAsEmpty) return false
  return matchesValue(spec, value ?? '') !== matcher.invertMatch
}

/**
 * The same, as Envoy's RBAC filters ask (runtime `rbac_match_headers_individually`, on in 1.40): each line of the header by itself, so
 * that nobody gets past a rule by sending a header twice.
 */
export function matchesHeaderLine(matcher: HeaderMatcher, headers: HeaderLines): boolean {
  const lines = headers.linesOf(matcher.name.toLowerCase())
  const spec = matcher.headerMatchSpecifier
  if (lines.length < 2 || spec.case === undefined || spec.case === 'presentMatch')
    return matchesHeader(matcher, headers)
  return lines.some((line) => matchesValue(spec, line)) !== matcher.invertMatch
}

function matchesValue(spec: HeaderMatcher['headerMatchSpecifier'], value: string): boolean {
  switch (spec.case) {
    case 'stringMatch':
      return matchesString(spec.value, value)
    case 'exactMatch':
      return value === spec.value
    case 'safeRegexMatch':
      return fullMatch(spec.value.regex, value)
    case 'prefixMatch':
      return value.startsWith(spec.value)
    case 'suffixMatch':
      return value.endsWith(spec.value)
    case 'containsMatch':
      return value.includes(spec.value)
    case 'rangeMatch':
      return /^-?\d+$/.test(value) && BigInt(value) >= spec.value.start && BigInt(value) < spec.value.end
    default:
      return false
  }
}

export function describeHeader(matcher: HeaderMatcher): string {
  const spec = matcher.headerMatchSpecifier
  const not = matcher.invertMatch ? 'not: ' : ''
  if (spec.case === 'stringMatch') return `${not}header ${matcher.name} ${describeString(spec.value)}`
  if (spec.case === undefined || spec.case === 'presentMatch') return `${not}header ${matcher.name} is there`
  if (spec.case === 'safeRegexMatch') return `${not}header ${matcher.name} matches /${spec.value.regex}/`
  return `${not}header ${matcher.name} ${spec.case} ${spec.case === 'rangeMatch' ? '' : spec.value}`
}
