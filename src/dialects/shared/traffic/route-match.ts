// The conditions of routes: each combination of a caller and a request that a policy means is one atom, and each atom is
// one route, so that two policies meet exactly where they mean the same callers and the same requests.
import type { HttpMatcher, StringMatch, WorkloadSelector } from '../model.ts'
import { canonical, compact } from '../plain.ts'
import { sourcesOn } from '../selectors.ts'

/** Istio's HTTPMatchRequest, without port. */
export type RequestMatch = Readonly<{
  uri?: StringMatch
  headers?: Readonly<Record<string, StringMatch>>
  withoutHeaders?: Readonly<Record<string, StringMatch>>
  queryParams?: Readonly<Record<string, StringMatch>>
  method?: StringMatch
  sourceLabels?: Readonly<Record<string, string>>
  sourceNamespace?: string
}>

export interface Atom {
  /** Equal for equal conditions. */
  readonly key: string
  readonly match: RequestMatch
}

/** The atoms of a policy for the callers of a cluster: namespaces × source selectors × matchers. */
export function atomsOn(
  cluster: string,
  sources: readonly WorkloadSelector[],
  matchers: readonly HttpMatcher[],
): Atom[] {
  const selectors = sourcesOn(cluster, sources)
  if (selectors === undefined) return []
  const callers = selectors.length === 0 ? [{}] : selectors.flatMap(callersOf)
  const requests = matchers.length === 0 ? [{}] : matchers.map(requestOf)
  const atoms = new Map<string, Atom>()
  for (const caller of callers)
    for (const request of requests) {
      const match: RequestMatch = { ...request, ...caller }
      const key = canonical(match)
      if (!atoms.has(key)) atoms.set(key, { key, match })
    }
  return [...atoms.values()]
}

function callersOf({ labels, namespaces }: WorkloadSelector): RequestMatch[] {
  const sourceLabels = Object.keys(labels).length > 0 ? { sourceLabels: labels } : {}
  if (namespaces.length === 0) return [sourceLabels]
  return namespaces.map((sourceNamespace) => ({ ...sourceLabels, sourceNamespace }))
}

/** Any value: what stands in a match where a header or parameter must only be there. */
const present: StringMatch = { regex: '.*' }

/** Istio's match of one matcher. */
export function requestOf({ uri, headers, query, method }: HttpMatcher): RequestMatch {
  const named = (invert: boolean): Record<string, StringMatch> =>
    Object.fromEntries(headers.filter((h) => h.invert === invert).map(({ name, match }) => [name, match ?? present]))
  return compact({
    ...(uri && { uri }),
    headers: named(false),
    withoutHeaders: named(true),
    queryParams: Object.fromEntries(query.map(({ name, match }) => [name, match ?? present])),
    ...(method !== undefined && { method: { exact: method } }),
  })
}

/** True if the match holds for every request and caller. */
export function matchesAll(match: RequestMatch): boolean {
  return Object.keys(match).length === 0
}
