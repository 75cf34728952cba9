// What a matcher asks of what filters noted about a request, in words.
import type { MetadataMatcher } from '#gen/envoy/type/matcher/v3/metadata_pb.js'
import type { ValueMatcher } from '#gen/envoy/type/matcher/v3/value_pb.js'
import { describeString } from './match/string.ts'

/** `claim group of the token is "dev"`. */
export function describeMetadata({ filter, path, value, invert }: MetadataMatcher): string {
  const keys = path.flatMap(({ segment }) => (segment.case === 'key' ? [segment.value] : []))
  const claims = filter === 'envoy.filters.http.jwt_authn'
  const own = keys[0] === 'payload' ? keys.slice(1) : keys
  const what = claims ? `claim ${own.join('.')} of the token` : `${keys.join('.')} (${filter})`
  return `${invert ? 'not: ' : ''}${what} ${value ? describeValue(value) : 'is there'}`
}

function isListOf({ matchPattern: list }: ValueMatcher, one: ValueMatcher): boolean {
  if (list.case !== 'listMatch' || list.value.matchPattern.case !== 'oneOf') return false
  return describeValue(list.value.matchPattern.value) === describeValue(one)
}

function describeValue({ matchPattern: pattern }: ValueMatcher): string {
  switch (pattern.case) {
    case 'stringMatch':
      return describeString(pattern.value)
    case 'boolMatch':
      return `is ${pattern.value}`
    case 'presentMatch':
      return pattern.value ? 'is there' : 'is not there'
    case 'nullMatch':
      return 'is null'
    case 'orMatch': {
      const [first, second] = pattern.value.valueMatchers
      // How rules ask for claims that may be lists.
      if (first && second && pattern.value.valueMatchers.length === 2 && isListOf(first, second))
        return `${describeValue(second)}, alone or in a list`
      return [...new Set(pattern.value.valueMatchers.map(describeValue))].join(' or ')
    }
    case 'listMatch': {
      const one = pattern.value.matchPattern
      return one.case === 'oneOf' ? `has one that ${describeValue(one.value)}` : 'is a list'
    }
    default:
      return 'is something that is not understood here'
  }
}
