// Istio's Gateways and VirtualServices for gateways, on each cluster that has a selected gateway.
import {
  type ClusterObject,
  compact,
  type FieldError,
  findTargetService,
  hashName,
  istioObject,
  istioRequestMatch,
  type ObjectRef,
  type RequestPolicy,
  type RouteContext,
  routeFeatures,
  type Service,
  trafficShift,
} from '../../shared/index.ts'
import type { Finding } from '../status.ts'
import type { FinalAction, FlatRoute } from './flatten.ts'
import type { Gateway, Handler, Host } from './model.ts'
import type { DecidedRoute } from './route-policies.ts'

/** A gateway's Service, and the port that a VirtualGateway takes. */
export interface GatewayService {
  readonly service: Service
  readonly port: Service['ports'][number]
}

/** Name of the Istio Gateway: the same on all clusters whose gateway Services have one name. */
export function istioGatewayName({ object }: Gateway, { ref }: Service): string {
  return `${object.name}-${hashName([object.namespace, object.name, ref.namespace, ref.name].join('/'))}`
}

/** A port whose name says that it speaks TLS. */
const isTlsPort = ({ name, number }: Service['ports'][number]): boolean => /^(https|tls)/.test(name) || number === 443

/** The Istio Gateway for one gateway Service. `hostsOf`: the host names of a handler. */
export function gatewayObject(
  gateway: Gateway,
  entries: readonly GatewayService[],
  hostsOf: (handler: Handler) => readonly string[],
): ClusterObject {
  const service = (entries[0] as GatewayService).service
  const both = entries.some(({ port }) => isTlsPort(port)) && entries.some(({ port }) => !isTlsPort(port))
  const servers = entries.flatMap(({ port }) =>
    gateway.handlers.flatMap((handler, index) => {
      // With a plain and a TLS port at hand, each handler stands at the one that fits it.
      if (both && isTlsPort(port) !== (handler.tls !== undefined)) return []
      const hosts = hostsOf(handler)
      return hosts.length === 0 ? [] : [server(gateway, handler, port, hosts, index)]
    }),
  )
  const place = {
    cluster: service.ref.cluster,
    namespace: service.ref.namespace,
    name: istioGatewayName(gateway, service),
  }
  return istioObject(
    'Gateway',
    place,
    { dialect: gateway.dialect, parents: [gateway.object] },
    { selector: service.selector, servers },
  )
}

function server(
  { bindAddress }: Gateway,
  { tls, httpsRedirect, hosts: kind, serverNames }: Handler,
  port: Service['ports'][number],
  hosts: readonly string[],
  index: number,
): object {
  const isHttp = kind.kind === 'http'
  const protocol = tls === undefined ? (isHttp ? 'HTTP' : 'TCP') : isHttp ? 'HTTPS' : 'TLS'
  const name = index === 0 ? port.name : `${port.name}-${index}`
  return compact({
    port: { number: port.number, name, protocol },
    hosts: tls !== undefined && serverNames.length > 0 ? serverNames : hosts,
    ...(bindAddress !== '' && { bind: bindAddress }),
    ...((tls !== undefined || httpsRedirect) && { tls: httpsRedirect ? { httpsRedirect: true } : tls }),
  })
}

/** The VirtualService of a host on a cluster. `gateways`: `namespace/name` of the Istio Gateways there. */
export function hostObject(
  host: Host,
  cluster: string,
  gateways: readonly string[],
  http: readonly object[],
  parents: readonly ObjectRef[],
): ClusterObject {
  const place = { cluster, ...host.place }
  const spec = { hosts: host.domains, gateways: [...new Set(gateways)].sort(), http }
  return istioObject('VirtualService', place, { dialect: host.dialect, parents }, spec)
}

export interface RouteInput {
  readonly route: FlatRoute
  readonly decided: DecidedRoute
  readonly context: RouteContext
  /** `isWrong`: wherever the route is made, not only on this cluster. */
  readonly tell: (finding: Finding, isWrong?: boolean) => void
}

/** Istio's HTTPRoute; undefined if the route cannot work on the cluster, which is then told. */
export function httpRoute({ route, decided, context, tell }: RouteInput): object | undefined {
  const matchers = matchersOf({ route, decided, context, tell })
  if (matchers.length === 0 && decided.matchers.length > 0) return undefined
  const match = matchers.map((matcher) => istioRequestMatch(matcher)).filter((each) => Object.keys(each).length > 0)
  const action = actionOf({ route, decided, context, tell })
  if (action === undefined) return undefined
  const { trafficShift: _, ...others } = decided.fields
  const fields = routeFeatures.flatMap((feature) => fieldOf(feature, others, context, tell, route.path))
  const parts = route.action.kind === 'route' ? fields : []
  return {
    ...(route.name !== '' && { name: route.name }),
    ...(match.length > 0 && { match }),
    ...Object.assign({}, action, ...parts),
  }
}

/** What a path is rewritten to replaces a prefix or a whole path; of a regular expression it is not known what it would. */
function matchersOf({ route, decided, tell }: RouteInput): DecidedRoute['matchers'] {
  const { action, path } = route
  if (action.kind !== 'route' || action.pathRewrite === undefined) return decided.matchers
  const usable = decided.matchers.filter(({ uri }) => uri === undefined || !('regex' in uri))
  if (usable.length < decided.matchers.length) {
    const message = 'pathRewrite does not work with a regular expression; requests that it matches are left out'
    tell({ path: `${path}.routeAction.pathRewrite`, message }, true)
  }
  return usable
}

function fieldOf(
  feature: (typeof routeFeatures)[number],
  fields: RequestPolicy,
  context: RouteContext,
  tell: RouteInput['tell'],
  path: string,
): object[] {
  const value = fields[feature.field]
  if (value === undefined) return []
  const errors = feature.check(value as never, context)
  for (const error of errors) tell({ path: `${path}.options.${feature.field}${error.path}`, message: error.message })
  return errors.length > 0 ? [] : [feature.emit(value as never, context, undefined)]
}

function actionOf({ route, decided, context, tell }: RouteInput): object | undefined {
  const { action } = route
  switch (action.kind) {
    case 'route':
      return forwardTo(action, { route, decided, context, tell })
    case 'redirect':
      if (action.stripQuery)
        tell({
          path: `${route.path}.redirectAction.stripQuery`,
          message: 'a redirect keeps the query: Istio cannot strip it',
        })
      return {
        redirect: compact({
          ...(action.host !== undefined && { authority: action.host }),
          ...(action.path !== undefined && { uri: action.path }),
          ...(action.prefix !== undefined && { uri: `%PREFIX()%${action.prefix}` }),
          ...(action.https && { scheme: 'https' }),
          redirectCode: action.code,
        }),
      }
    case 'direct':
      return { directResponse: { status: action.status, ...(action.body !== '' && { body: { string: action.body } }) } }
  }
}

function forwardTo(
  action: Extract<FinalAction, { kind: 'route' }>,
  { route, decided, context, tell }: RouteInput,
): object | undefined {
  const errors: readonly FieldError[] = trafficShift.check(decided.targets, context)
  if (errors.length > 0) {
    for (const { path, message, code } of errors)
      tell({ path: `${route.path}.routeAction${path}`, message }, code === 'reference-not-found')
    return undefined
  }
  const only = decided.targets.length === 1 ? decided.targets[0] : undefined
  const service = only && findTargetService(context.fleet, only)
  return {
    ...trafficShift.emit(decided.targets, context, service?.ports[0]?.number),
    ...(action.pathRewrite !== undefined && { rewrite: { uri: action.pathRewrite } }),
  }
}
