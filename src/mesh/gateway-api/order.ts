import type { HttpMatch, HttpRoute, StringMatch } from '../istio.ts'

/**
 * Order in which the Gateway API wants routes tried: exact before prefix before regular expression, longer paths first,
 * then those that ask for a method, then by number of headers, then of query parameters. Equal ones keep their order.
 */
export function compareRoutes(a: HttpRoute, b: HttpRoute): number {
  const [left, right] = [a.match?.[0], b.match?.[0]]
  if (!left || !right) return Number(left === undefined) - Number(right === undefined)
  const differences = criteria.map((criterion) => criterion(right) - criterion(left))
  return differences.find((difference) => difference !== 0) ?? 0
}

const criteria: readonly ((match: HttpMatch) => number)[] = [
  (match) => rank(match.uri),
  (match) => (match.uri?.exact ?? match.uri?.prefix ?? match.uri?.regex ?? '').length,
  (match) => Number(match.method !== undefined),
  (match) => Object.keys(match.headers ?? {}).length,
  (match) => Object.keys(match.queryParams ?? {}).length,
]

function rank(uri: StringMatch | undefined): number {
  if (!uri) return -1
  if (uri.exact !== undefined) return 3
  return uri.prefix === undefined ? 1 : 2
}
