import type { StringMatcher } from '#gen/envoy/type/matcher/v3/string_pb.js'

const compiled = new Map<string, RegExp | undefined>()

/**
 * A regular expression of Envoy (RE2) in JavaScript's. A group of flags such as `(?i)` at the start becomes flags, `(?P<name>`
 * loses its letter. Undefined for what JavaScript cannot read.
 */
export function toJsRegex(pattern: string, more = ''): RegExp | undefined {
  const key = `${more} ${pattern}`
  if (compiled.has(key)) return compiled.get(key)
  const flags = /^\(\?([ims]+)\)/.exec(pattern)
  const body = (flags ? pattern.slice(flags[0].length) : pattern).replace(/\(\?P</g, '(?<')
  const attempt = (unicode: string): RegExp | undefined => {
    try {
      return new RegExp(body, `${unicode}${more}${flags?.[1] ?? ''}`)
    } catch {
      // Strict mode refuses escapes that RE2 allows, and the loose one what neither does.
      return undefined
    }
  }
  const made = attempt('u') ?? attempt('')
  if (compiled.size > 5000) compiled.clear()
  compiled.set(key, made)
  return made
}

/** Whether a regular expression matches the whole text; one that cannot be read never does, as Envoy refuses it. */
export function fullMatch(pattern: string, value: string): boolean {
  const flags = /^\(\?[ims]+\)/.exec(pattern)?.[0] ?? ''
  return toJsRegex(`${flags}^(?:${pattern.slice(flags.length)})$`)?.test(value) ?? false
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

const verbs = { exact: 'is', prefix: 'starts with', suffix: 'ends with', contains: 'contains' } as const

/** In words, for explanations. */
export function describeString(matcher: StringMatcher): string {
  const pattern = matcher.matchPattern
  const folded = matcher.ignoreCase ? ' (any case)' : ''
  if (pattern.case === 'safeRegex') return `matches /${pattern.value.regex}/`
  if (pattern.case === undefined || pattern.case === 'custom') return 'a matcher that is not understood'
  return `${verbs[pattern.case]} "${pattern.value}"${folded}`
}
