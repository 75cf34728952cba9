// Rules of a VirtualService that no request can reach, since rules before them take everything they match.
import type { Place } from '../check.ts'
import type { HttpMatch, HttpRoute, StringMatch } from './http-route.ts'

interface Rule {
  readonly name?: string
  readonly match?: readonly object[]
}

/** Warns of rules behind a rule without matches, and of matches that stand there already. */
export function warnUnreachable(place: Place, rules: readonly Rule[] | undefined): void {
  const seen = new Map<string, string>()
  let catchAll: string | undefined
  place.each(rules, (at, rule, index) => {
    const name = rule.name ?? `rule ${index}`
    const matches = rule.match ?? []
    if (matches.length === 0) {
      if (catchAll !== undefined) at.warn(`is never reached: ${catchAll} has no matches and takes everything`)
      catchAll ??= name
      return
    }
    let repeated = 0
    at.field('match').each(matches, (matchAt, match) => {
      if (catchAll !== undefined) {
        matchAt.warn(`is never reached: ${catchAll} has no matches and takes everything`)
        return
      }
      const key = canonical({ ...match, name: undefined })
      const earlier = seen.get(key)
      if (earlier === undefined) seen.set(key, name)
      else {
        matchAt.warn(`is never reached: ${earlier} has the same match`)
        repeated++
      }
    })
    if (repeated === matches.length) at.warn('is never reached: rules before it take all that it matches')
  })
}

/** JSON with sorted keys, to compare by. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

interface PrefixMatch {
  readonly place: Place
  readonly owner: string
  readonly match: HttpMatch
  readonly prefix: string
}

/** Warns of prefix matches that an earlier, shorter prefix covers whose other conditions are no narrower. */
export function warnCoveredPrefixes(place: Place, routes: readonly HttpRoute[] | undefined): void {
  const found: PrefixMatch[] = []
  place.each(routes, (at, route, index) =>
    at.field('match').each(route.match, (matchAt, match) => {
      const prefix = match.uri?.prefix
      if (prefix !== undefined && prefix !== '')
        found.push({ place: matchAt, owner: route.name ?? `rule ${index}`, match, prefix })
    }),
  )
  for (const [index, earlier] of found.entries())
    for (const later of found.slice(index + 1))
      if (later.prefix !== earlier.prefix && covers(earlier, later))
        later.place.warn(`is never reached: prefix ${earlier.prefix} of ${earlier.owner} covers ${later.prefix}`)
}

function covers(earlier: PrefixMatch, later: PrefixMatch): boolean {
  const [a, b] = [earlier.match, later.match]
  return (
    later.prefix.startsWith(earlier.prefix) &&
    (a.port ?? 0) === (b.port ?? 0) &&
    conditionCovers(condition(a.method) || 'exact:GET', condition(b.method) || 'exact:GET') &&
    conditionCovers(condition(a.authority), condition(b.authority)) &&
    mapCovers(a.headers, b.headers) &&
    mapCovers(a.queryParams, b.queryParams) &&
    mapCovers(a.withoutHeaders, b.withoutHeaders)
  )
}

function condition(match: StringMatch | undefined): string {
  if (match?.exact) return `exact:${match.exact}`
  return match?.prefix ? `prefix:${match.prefix}` : ''
}

function conditionCovers(earlier: string, later: string): boolean {
  return earlier.startsWith(later)
}

function mapCovers(
  earlier: Readonly<Record<string, StringMatch>> = {},
  later: Readonly<Record<string, StringMatch>> = {},
): boolean {
  const names = Object.keys(earlier)
  return (
    names.length === Object.keys(later).length &&
    names.every((name) => name in later && conditionCovers(condition(earlier[name]), condition(later[name])))
  )
}
