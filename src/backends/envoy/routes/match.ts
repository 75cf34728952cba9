import { clone, create } from '@bufbuild/protobuf'
import {
  HeaderMatcherSchema,
  type QueryParameterMatcherSchema,
  type Route,
  type RouteMatch,
  RouteMatchSchema,
} from '#gen/envoy/config/route/v3/route_components_pb.js'
import { compareText } from '../../../lib/index.ts'
import type { HttpMatch, RouteSemantics, StringMatch } from '../../../mesh/index.ts'
import type { Init } from '../proto.ts'
import { claimMatcher } from './claims.ts'
import { idempotentMethods } from './retry.ts'
import { stringMatcher } from './string-match.ts'

type MatchInit = Init<typeof RouteMatchSchema>
type HeaderInit = Init<typeof HeaderMatcherSchema>

type PathInit = NonNullable<MatchInit['pathSpecifier']>

const anyPath: PathInit = { case: 'prefix', value: '/' }

/** The request that a route is for; without a match every request. */
export function routeMatch(match: HttpMatch | undefined, semantics: RouteSemantics): RouteMatch {
  if (!match) return create(RouteMatchSchema, { pathSpecifier: anyPath })
  const named = Object.entries(match.headers ?? {}).filter(([name]) => claimMatcher(name, {}) === undefined)
  const without = Object.entries(match.withoutHeaders ?? {}).filter(([name]) => claimMatcher(name, {}) === undefined)
  const headers = [
    ...named.map(([name, value]) => headerMatcher(name, value)),
    ...without.map(([name, value]) => absentHeader(name, value)),
  ].sort((a, b) => compareText(a.name ?? '', b.name ?? ''))
  const pseudo = ([':method', ':authority', ':scheme'] as const).flatMap((name) => {
    const value = match[name.slice(1) as 'method' | 'authority' | 'scheme']
    return value ? [headerMatcher(name, value)] : []
  })
  return create(RouteMatchSchema, {
    pathSpecifier: pathSpecifier(match.uri, semantics),
    caseSensitive: !match.ignoreUriCase,
    headers: [...headers, ...pseudo],
    queryParameters: Object.entries(match.queryParams ?? {}).map(([name, value]) => queryMatcher(name, value)),
    dynamicMetadata: claims(match),
  })
}

function claims(match: HttpMatch): NonNullable<MatchInit['dynamicMetadata']> {
  return [
    ...Object.entries(match.headers ?? {}).flatMap(([name, value]) => claimMatcher(name, value) ?? []),
    ...Object.entries(match.withoutHeaders ?? {}).flatMap(([name, value]) => {
      const matcher = claimMatcher(name, value)
      return matcher ? [{ ...matcher, invert: true }] : []
    }),
  ]
}

function pathSpecifier(uri: StringMatch | undefined, semantics: RouteSemantics): PathInit {
  if (uri?.exact !== undefined) return { case: 'path', value: uri.exact }
  if (uri?.regex !== undefined) return uri.regex === '*' ? anyPath : { case: 'safeRegex', value: { regex: uri.regex } }
  if (uri?.prefix === undefined) return anyPath
  // Outside of Istio's own API a prefix ends where a path segment does.
  if (semantics !== 'istio' && uri.prefix !== '/')
    return { case: 'pathSeparatedPrefix', value: uri.prefix.replace(/\/$/, '') }
  return { case: 'prefix', value: uri.prefix }
}

function headerMatcher(name: string, match: StringMatch): HeaderInit {
  const value = stringMatcher(match)
  return { name, headerMatchSpecifier: value ? { case: 'stringMatch', value } : { case: 'presentMatch', value: true } }
}

function absentHeader(name: string, match: StringMatch): HeaderInit {
  const present = stringMatcher(match) === undefined
  return { ...headerMatcher(name, match), invertMatch: true, ...(!present && { treatMissingHeaderAsEmpty: true }) }
}

function queryMatcher(name: string, match: StringMatch): Init<typeof QueryParameterMatcherSchema> {
  const value = stringMatcher(match)
  return {
    name,
    queryParameterMatchSpecifier: value ? { case: 'stringMatch', value } : { case: 'presentMatch', value: true },
  }
}

/** Whether no request can pass a route, so that what follows it is never reached. */
export function matchesEverything(match: RouteMatch): boolean {
  return matchesAnyPath(match) && match.headers.length === 0
}

function matchesAnyPath({ pathSpecifier: path, queryParameters, dynamicMetadata }: RouteMatch): boolean {
  const anywhere =
    ((path.case === 'prefix' || path.case === 'pathSeparatedPrefix') && path.value === '/') ||
    (path.case === 'safeRegex' && path.value.regex === '.*')
  return anywhere && queryParameters.length + dynamicMetadata.length === 0
}

/** A match narrowed to methods that may be repeated: the first of two routes that are one for the user. */
export function withMethods(match: RouteMatch): RouteMatch {
  const narrowed = clone(RouteMatchSchema, match)
  narrowed.headers.push(
    create(HeaderMatcherSchema, {
      name: ':method',
      headerMatchSpecifier: {
        case: 'stringMatch',
        value: { matchPattern: { case: 'safeRegex', value: { regex: idempotentMethods } } },
      },
    }),
  )
  return narrowed
}

/** Whether a route is, for the user, one for all requests. */
export function leavesNothing({ match }: Route): boolean {
  const others = match?.headers.filter(
    ({ headerMatchSpecifier: { case: kind, value } }) =>
      !(
        kind === 'stringMatch' &&
        value.matchPattern.case === 'safeRegex' &&
        value.matchPattern.value.regex === idempotentMethods
      ),
  )
  return match !== undefined && others?.length === 0 && matchesAnyPath(match)
}
