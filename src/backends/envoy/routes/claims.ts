import { type MetadataMatcherSchema } from '#gen/envoy/type/matcher/v3/metadata_pb.js'
import type { ValueMatcherSchema } from '#gen/envoy/type/matcher/v3/value_pb.js'
import type { StringMatch } from '../../../mesh/index.ts'
import type { Init } from '../proto.ts'
import { stringMatcher } from './string-match.ts'

const prefix = '@request.auth.claims'

/** Path of a claim in `@request.auth.claims.a.b` or `@request.auth.claims[a][b]`; undefined for a header's name. */
function claimPath(name: string): string[] | undefined {
  if (!name.toLowerCase().startsWith(prefix)) return undefined
  const rest = name.slice(prefix.length)
  if (rest.startsWith('.')) return rest.slice(1).split('.')
  const parts = [...rest.matchAll(/\[([^\]]*)\]/g)].map((part) => part[1] ?? '')
  return parts.length > 0 && parts.map((part) => `[${part}]`).join('') === rest ? parts : undefined
}

/**
 * A match on a claim of a token that the proxy has verified: its value, or one of its list. Undefined if `name` is an
 * ordinary header.
 */
export function claimMatcher(name: string, match: StringMatch): Init<typeof MetadataMatcherSchema> | undefined {
  const path = claimPath(name)
  if (!path) return undefined
  const text: Init<typeof ValueMatcherSchema> = {
    matchPattern: {
      case: 'stringMatch',
      value: stringMatcher(match) ?? { matchPattern: { case: 'safeRegex', value: { regex: '.+' } } },
    },
  }
  return {
    filter: 'envoy.filters.http.jwt_authn',
    path: ['payload', ...path].map((key) => ({ segment: { case: 'key', value: key } })),
    value: {
      matchPattern: {
        case: 'orMatch',
        value: {
          valueMatchers: [
            { matchPattern: { case: 'listMatch', value: { matchPattern: { case: 'oneOf', value: text } } } },
            text,
          ],
        },
      },
    },
  }
}
