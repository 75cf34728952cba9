import type { StringMatcherSchema } from '#gen/envoy/type/matcher/v3/string_pb.js'
import type { StringMatch } from '../../../mesh/index.ts'
import type { Init } from '../proto.ts'

/** Undefined for a match that says nothing (or the regex `*`): any value will do. */
export function stringMatcher(match: StringMatch | undefined): Init<typeof StringMatcherSchema> | undefined {
  if (!match) return undefined
  if (match.exact !== undefined) return { matchPattern: { case: 'exact', value: match.exact } }
  if (match.prefix !== undefined) return { matchPattern: { case: 'prefix', value: match.prefix } }
  if (match.regex === undefined || match.regex === '*') return undefined
  return { matchPattern: { case: 'safeRegex', value: { regex: match.regex } } }
}
