// The order of routes, which is their precedence: the more specific one first. The first difference decides.
import { compareText } from '../../../lib/index.ts'
import type { StringMatch } from '../model.ts'
import type { RequestMatch } from './route-match.ts'

const size = (map: object | undefined): number => Object.keys(map ?? {}).length
const flag = (value: boolean): number => (value ? 1 : 0)

const kinds = ['exact', 'regex', 'prefix'] as const

function uriRank(uri: StringMatch | undefined): readonly [number, number, string] {
  for (const [rank, kind] of kinds.entries()) {
    const text = (uri as Readonly<Record<string, string | undefined>> | undefined)?.[kind]
    if (text !== undefined) return [rank, -text.length, text]
  }
  return [kinds.length, 0, '']
}

type Compare = (a: RequestMatch, b: RequestMatch) => number

const byUri: Compare = (a, b) => {
  const [x, y] = [uriRank(a.uri), uriRank(b.uri)]
  return x[0] - y[0] || x[1] - y[1] || compareText(x[2], y[2])
}

const byContent: Compare = (a, b) =>
  size(b.headers) - size(a.headers) ||
  size(b.queryParams) - size(a.queryParams) ||
  size(b.sourceLabels) - size(a.sourceLabels) ||
  compareText(b.sourceNamespace ?? '', a.sourceNamespace ?? '')

const byMethod: Compare = (a, b) =>
  flag(b.method !== undefined) - flag(a.method !== undefined) ||
  compareText(methodOf(b), methodOf(a)) ||
  size(b.withoutHeaders) - size(a.withoutHeaders)

/** The path is compared first. */
export const pathFirst: Compare = (a, b) => byUri(a, b) || byContent(a, b) || byMethod(a, b)

/** Headers, parameters and callers are compared before the path. */
export const pathLast: Compare = (a, b) => byContent(a, b) || byUri(a, b) || byMethod(a, b)

function methodOf({ method }: RequestMatch): string {
  return method !== undefined && 'exact' in method ? method.exact : ''
}
