import type { HttpMatch, HttpRoute, StringMatch } from '../istio.ts'

// A root's route hands over to routes of another VirtualService: each of them is narrowed by the root's match, and takes
// from the root what it does not say itself.

/** The routes of a delegate in place of the root's route. A delegate's route that asks for more than the root is dropped. */
export function mergeDelegate(root: HttpRoute, delegate: readonly HttpRoute[]): HttpRoute[] {
  return delegate.flatMap((route) => mergeRoute(root, route) ?? [])
}

const inherited = [
  'rewrite',
  'directResponse',
  'timeout',
  'retries',
  'fault',
  'mirror',
  'mirrorPercent',
  'mirror_percent',
  'mirrorPercentage',
  'corsPolicy',
  'mirrors',
  'headers',
] as const

function mergeRoute(root: HttpRoute, route: HttpRoute): HttpRoute | undefined {
  const match = mergeMatches(root.match ?? [], route.match ?? [])
  if (!match) return undefined
  const fromRoot = Object.fromEntries(
    inherited
      .filter((field) => route[field] === undefined && root[field] !== undefined)
      .map((field) => [field, root[field]]),
  )
  const { match: _, name: __, ...own } = route
  const name = joinNames(root.name, route.name)
  return { ...own, ...fromRoot, ...(name && { name }), ...(match.length > 0 && { match }) }
}

function joinNames(root: string | undefined, own: string | undefined): string | undefined {
  if (!own) return root
  return root ? `${root}-${own}` : own
}

/** Undefined if some match of the delegate lies outside of every match of the root. */
function mergeMatches(root: readonly HttpMatch[], own: readonly HttpMatch[]): HttpMatch[] | undefined {
  if (root.length === 0) return [...own]
  if (own.length === 0) return [...root]
  const merged: HttpMatch[] = []
  for (const match of own) {
    const within = root.filter((outer) => !conflicts(outer, match))
    if (within.length === 0) return undefined
    merged.push(...within.map((outer) => mergeMatch(outer, match)))
  }
  return merged
}

function mergeMatch(root: HttpMatch, own: HttpMatch): HttpMatch {
  const name = joinNames(root.name, own.name)
  const merged: HttpMatch = { ...root, ...own, ...(name && { name }) }
  for (const field of ['headers', 'withoutHeaders', 'queryParams'] as const)
    if (root[field] || own[field]) merged[field] = { ...root[field], ...own[field] }
  if (root.sourceLabels || own.sourceLabels) merged.sourceLabels = { ...root.sourceLabels, ...own.sourceLabels }
  if ((own.gateways ?? []).length === 0 && root.gateways) merged.gateways = root.gateways
  return merged
}

function conflicts(root: HttpMatch, own: HttpMatch): boolean {
  for (const field of ['uri', 'scheme', 'method', 'authority'] as const)
    if (textConflict(root[field], own[field])) return true
  for (const field of ['headers', 'withoutHeaders', 'queryParams'] as const)
    for (const [name, match] of Object.entries(own[field] ?? {}))
      if (textConflict(root[field]?.[name], match)) return true
  if ((root.ignoreUriCase ?? false) !== (own.ignoreUriCase ?? false)) return true
  if (root.port && own.port && root.port !== own.port) return true
  if (root.sourceNamespace && own.sourceNamespace !== root.sourceNamespace) return true
  for (const [name, value] of Object.entries(own.sourceLabels ?? {})) {
    const outer = root.sourceLabels?.[name]
    if (outer !== undefined && outer !== value) return true
  }
  const outer = root.gateways ?? []
  return outer.length > 0 && (own.gateways ?? []).some((gateway) => !outer.includes(gateway))
}

/** Whether `own` may match something that `root` does not. Regular expressions are not compared. */
function textConflict(root: StringMatch | undefined, own: StringMatch | undefined): boolean {
  if (!root || !own) return false
  if (root.regex || own.regex) return true
  if (root.exact) return own.exact !== root.exact
  if (root.prefix) return !(own.prefix ?? own.exact ?? '').startsWith(root.prefix)
  return true
}
