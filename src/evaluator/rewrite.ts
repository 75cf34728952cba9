// Paths and hosts that routes rewrite, and redirects. Source: Envoy's RouteEntryImplBase (finalizePathHeader, newUri).
import type {
  RedirectAction,
  RouteAction,
  RouteMatch,
  WeightedCluster_ClusterWeight,
} from '#gen/envoy/config/route/v3/route_components_pb.js'
import type { RegexMatchAndSubstitute } from '#gen/envoy/type/matcher/v3/regex_pb.js'
import { toJsRegex } from './match/string.ts'
import { type Seen, split } from './request.ts'

/** `:path` as the route sends it on. */
export function rewrittenPath(action: RouteAction, match: RouteMatch | undefined, path: string): string {
  if (action.prefixRewrite !== '') return replaceMatched(match, path, action.prefixRewrite)
  return action.regexRewrite ? substitute(action.regexRewrite, path) : path
}

/** Replaces what the match took: a prefix, or (for exact paths and expressions) the whole path. */
function replaceMatched(match: RouteMatch | undefined, path: string, replacement: string): string {
  const spec = match?.pathSpecifier
  const [bare, query] = split(path)
  const taken = spec?.case === 'prefix' || spec?.case === 'pathSeparatedPrefix' ? spec.value.length : bare.length
  return replacement + bare.slice(taken) + query
}

function substitute({ pattern, substitution }: RegexMatchAndSubstitute, path: string): string {
  const regex = pattern && toJsRegex(pattern.regex, 'g')
  if (!regex) return path
  const [bare, query] = split(path)
  const replacement = substitution
    .replace(/\$/g, '$$$$')
    .replace(/\\(\d)/g, (_, group: string) => (group === '0' ? '$&' : `$${group}`))
    .replace(/\\\\/g, '\\')
  return bare.replace(regex, replacement) + query
}

/** `:authority` as the route sends it on; undefined: the name of the endpoint, which only the endpoint tells. */
export function rewrittenHost(
  action: RouteAction,
  weighted: WeightedCluster_ClusterWeight | undefined,
  headers: ReadonlyMap<string, string>,
): string | undefined {
  const host = headers.get(':authority') ?? ''
  if (weighted?.hostRewriteSpecifier.case === 'hostRewriteLiteral') return weighted.hostRewriteSpecifier.value
  const spec = action.hostRewriteSpecifier
  switch (spec.case) {
    case 'hostRewriteLiteral':
      return spec.value
    case 'autoHostRewrite':
      return spec.value ? undefined : host
    case 'hostRewriteHeader':
      return headers.get(spec.value.toLowerCase()) ?? host
    default:
      return host
  }
}

const redirectCodes = [301, 302, 303, 307, 308]

export interface Redirect {
  readonly status: number
  readonly location: string
}

export function redirectOf(action: RedirectAction, match: RouteMatch | undefined, seen: Seen): Redirect {
  const header = (name: string): string => seen.headers.get(name) ?? ''
  const schemeSpec = action.schemeRewriteSpecifier
  const scheme =
    schemeSpec.case === 'schemeRedirect' && schemeSpec.value !== ''
      ? schemeSpec.value.toLowerCase()
      : schemeSpec.case === 'httpsRedirect' && schemeSpec.value
        ? 'https'
        : header(':scheme')
  const port = action.portRedirect === 0 ? '' : `:${action.portRedirect}`
  const host =
    action.hostRedirect === ''
      ? hostForRedirect(header(':authority'), header('x-forwarded-proto'), scheme, port !== '')
      : action.hostRedirect
  const path = redirectPath(action, match, header(':path'))
  return { status: redirectCodes[action.responseCode] ?? 301, location: `${scheme}://${host}${port}${path}` }
}

/** A port of the old scheme makes no sense with the new one. */
function hostForRedirect(host: string, was: string, scheme: string, newPort: boolean): string {
  const port = /:\d*$/.exec(host.replace(/^\[.*\]/, (v6) => '-'.repeat(v6.length)))?.[0]
  if (port === undefined) return host
  const usual = scheme !== was && ((was === 'https' && port === ':443') || (was === 'http' && port === ':80'))
  return newPort || usual ? host.slice(0, -port.length) : host
}

function redirectPath(action: RedirectAction, match: RouteMatch | undefined, path: string): string {
  const spec = action.pathRewriteSpecifier
  const [bare, query] = split(path)
  const strip = (whole: string): string => (action.stripQuery ? split(whole)[0] : whole)
  if (spec.case === 'pathRedirect' && spec.value !== '') {
    return spec.value.includes('?') ? spec.value : spec.value + (action.stripQuery ? '' : query)
  }
  if (spec.case === 'prefixRewrite' && spec.value !== '') return strip(replaceMatched(match, path, spec.value))
  if (spec.case === 'regexRewrite') return strip(substitute(spec.value, path))
  return strip(bare + query)
}
