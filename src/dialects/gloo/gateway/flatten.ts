// Delegation: the routes of a host, with those of the tables that it (and they) delegate to in their places. What the
// parent says (prefix, conditions, options, labels) the child inherits.
import { compareText } from '../../../lib/index.ts'
import type { HttpMatcher, RequestPolicy, StringMatch } from '../../shared/index.ts'
import type { Finding } from '../status.ts'
import type { Host, Route, RouteAction, Table } from './model.ts'
import { selectsObject } from './object-selector.ts'

export type FinalAction = Exclude<RouteAction, { readonly kind: 'delegate' }>

/** A route that delegates no further. */
export interface FlatRoute {
  readonly name: string
  /** Any of. */
  readonly matchers: readonly HttpMatcher[]
  readonly labels: Readonly<Record<string, string>>
  readonly options: RequestPolicy
  readonly action: FinalAction
  /** The object in which it is written, and where. */
  readonly owner: Host | Table
  readonly path: string
  /** The tables by which it was reached, outermost first. */
  readonly tables: readonly Table[]
}

export interface Flattened {
  readonly routes: readonly FlatRoute[]
  /** What is wrong with the delegation, by the object that delegates. */
  readonly errors: ReadonlyMap<Host | Table, readonly Finding[]>
  /** All tables that were reached. */
  readonly tables: readonly Table[]
  /** Who selected each of them. */
  readonly selectedBy: ReadonlyMap<Table, readonly (Host | Table)[]>
}

interface Inherited {
  readonly matchers: readonly HttpMatcher[]
  readonly labels: Readonly<Record<string, string>>
  readonly options: RequestPolicy
  readonly chain: readonly Table[]
}

/** Flattens the routes of a host. */
export function flatten(host: Host, tables: readonly Table[]): Flattened {
  const errors = new Map<Host | Table, Finding[]>()
  const selectedBy = new Map<Table, (Host | Table)[]>()
  const tell = (owner: Host | Table, finding: Finding): void => {
    errors.set(owner, [...(errors.get(owner) ?? []), finding])
  }
  const walk = (owner: Host | Table, above: Inherited): FlatRoute[] =>
    owner.routes.flatMap((route) => {
      const own = inherit(route, above)
      if (route.action.kind !== 'delegate')
        return own.matchers.length === 0
          ? []
          : [{ ...own, name: route.name, action: route.action, owner, path: route.path, tables: above.chain }]
      if (route.matchers.some(({ uri }) => uri !== undefined && !('prefix' in uri))) {
        tell(owner, { path: `${route.path}.matchers`, message: 'a route that delegates must match by prefix' })
        return []
      }
      const chosen = chosenTables(route, owner, tables, (finding) => tell(owner, finding))
      const found = chosen.flatMap((table) => {
        if (table === owner || above.chain.includes(table)) {
          tell(owner, {
            path: route.path,
            message: `RouteTable ${table.object.name}.${table.object.namespace} delegates to itself, in a cycle`,
          })
          return []
        }
        const by = selectedBy.get(table) ?? []
        if (!by.includes(owner)) selectedBy.set(table, [...by, owner])
        return walk(table, { ...own, chain: [...above.chain, table] })
      })
      return route.action.bySpecificity ? sorted(found) : found
    })
  const routes = walk(host, { matchers: [], labels: {}, options: host.options, chain: [] })
  return { routes, errors, tables: [...selectedBy.keys()], selectedBy }
}

/** References in their order, then selected tables: heavier first, then by place. */
function chosenTables(
  { action, path }: Route,
  owner: Host | Table,
  tables: readonly Table[],
  tell: (finding: Finding) => void,
): Table[] {
  if (action.kind !== 'delegate') return []
  const named = action.refs.flatMap(({ name, namespace }) => {
    const table = tables.find(({ object }) => object.name === name && object.namespace === namespace)
    if (table === undefined)
      tell({ path: `${path}.delegateAction.refs`, message: `RouteTable ${name}.${namespace} not found` })
    return table ?? []
  })
  const { selector } = action
  if (selector === undefined) return named
  const selected = tables.filter(
    (table) => !named.includes(table) && table !== owner && selectsObject(selector, owner.object.namespace, table),
  )
  selected.sort(
    (a, b) =>
      b.weight - a.weight ||
      compareText(a.object.namespace, b.object.namespace) ||
      compareText(a.object.name, b.object.name),
  )
  return [...named, ...selected]
}

function inherit(route: Route, above: Inherited): Omit<FlatRoute, 'name' | 'action' | 'owner' | 'path' | 'tables'> {
  const matchers =
    above.matchers.length === 0
      ? route.matchers
      : above.matchers.flatMap((parent) => route.matchers.flatMap((child) => joinMatchers(parent, child) ?? []))
  const said = Object.fromEntries(Object.entries(route.options).filter(([, value]) => value !== undefined))
  return { matchers, labels: { ...above.labels, ...route.labels }, options: { ...above.options, ...said } }
}

/** Both conditions together; undefined if no request can meet both. */
function joinMatchers(parent: HttpMatcher, child: HttpMatcher): HttpMatcher | undefined {
  if (parent.method !== undefined && child.method !== undefined && parent.method !== child.method) return undefined
  const prefix = parent.uri !== undefined && 'prefix' in parent.uri ? parent.uri.prefix : '/'
  return {
    uri: child.uri === undefined ? { prefix } : under(prefix, child.uri),
    headers: [...parent.headers, ...child.headers],
    query: [...parent.query, ...child.query],
    method: child.method ?? parent.method,
  }
}

const joinPaths = (prefix: string, path: string): string => `${prefix.replace(/\/$/, '')}/${path.replace(/^\//, '')}`

function under(prefix: string, uri: StringMatch): StringMatch {
  if ('exact' in uri) return { exact: joinPaths(prefix, uri.exact) }
  if ('prefix' in uri) return { prefix: joinPaths(prefix, uri.prefix) }
  const literal = prefix.replace(/\/$/, '').replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return { regex: `${literal}${uri.regex}` }
}

const rank = (uri: StringMatch | undefined): number =>
  uri === undefined ? 3 : 'exact' in uri ? 0 : 'regex' in uri ? 1 : 2
const text = (uri: StringMatch | undefined): string => Object.values(uri ?? {}).join('')

/** Exact paths before expressions before prefixes, longer ones first; equal ones keep their order. */
function sorted(routes: readonly FlatRoute[]): FlatRoute[] {
  const first = ({ matchers }: FlatRoute): StringMatch | undefined => matchers[0]?.uri
  return [...routes].sort((a, b) => rank(first(a)) - rank(first(b)) || text(first(b)).length - text(first(a)).length)
}

/** `name.namespace (Kind)`: how statuses name an object with routes. */
export function routeOwnerKey({ object }: Host | Table): string {
  return `${object.name}.${object.namespace} (${object.kind})`
}
