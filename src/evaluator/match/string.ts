import type { StringMatcher } from '#gen/envoy/type/matcher/v3/string_pb.js'

/**
 * Whether a regular expression of Envoy (RE2, anchored at both ends) matches. RE2's flags groups such as `(?i)` at the
 * start become flags here; anything that JavaScript cannot read never matches, as Envoy would have refused it.
 */
export function fullMatch(pattern: string, value: string): boolean {
  const flags = /^\(\?([ims]+)\)/.exec(pattern)
  const body = flags ? pattern.slice(flags[0].length) : pattern
  const source = `^(?:${body.replace(/\(\?P</g, '(?<')})$`
  try {
    return new RegExp(source, `u${flags?.[1] ?? ''}`).test(value)
  } catch {
    try {
      return new RegExp(source, flags?.[1] ?? '').test(value)
    } catch {
      return false
    }
  }
}

/** envoy.type.matcher.v3.StringMatcher. */
export function matchesString(matcher: StringMatcher, value: string): boolean {
  const fold = (text: string): string => (matcher.ignoreCase ? text.toLowerCase() : text)
  const pattern = matcher.matchPattern
  switch (pattern.case) {
    case 'exact':
      return fold(value) === fold(pattern.value)
    case 'prefix':
      return fold(value).startsWith(fold(pattern.value))
    case 'suffix':
      return fold(value).endsWith(fold(pattern.value))
    case 'contains':
      return fold(value).includes(fold(pattern.value))
    case 'safeRegex':
      return fullMatch(pattern.value.regex, value)
    default:
      return false
  }
}

/** In words, for explanations. */
export function describeString(matcher: StringMatcher): string {
  const pattern = matcher.matchPattern
  const folded = matcher.ignoreCase ? ' (any case)' : ''
  if (pattern.case === 'safeRegex') return `matches /${pattern.value.regex}/`
  if (pattern.case === undefined || pattern.case === 'custom') return 'a matcher that is not understood'
  return `${pattern.case === 'exact' ? 'is' : pattern.case} "${pattern.value}"${folded}`
}
