// VirtualGateway, VirtualHost and RouteTable → what they mean.
import {
  type RouteSpec,
  type RouteTableSpec,
  routeTable,
  type TrafficPolicySpec,
  type VirtualGatewaySpec,
  type VirtualHostSpec,
  virtualGateway,
  virtualHost,
} from '../../../resources/gloo/index.ts'
import { type KubeObject, readKind } from '../../../resources/index.ts'
import type { Ref, UserObject, WeightedTarget } from '../../shared/index.ts'
import { gatewayPort } from '../east-west-gateway.ts'
import {
  clusterRef,
  matcherOf,
  plainRef,
  requestPolicy,
  type Source,
  serviceSelectors,
  userObject,
  weightedTarget,
} from '../read-policies.ts'
import type { Gateway, Handler, Host, ObjectSelector, Route, RouteAction, RouteSelector, Table } from './model.ts'

type SelectorSpec = NonNullable<NonNullable<RouteSpec['delegateAction']>['selector']>

export function objectSelector({ namespaces = [], labels = {}, expressions = [] }: SelectorSpec): ObjectSelector {
  return {
    namespaces,
    labels,
    expressions: expressions.map(({ key = '', operator = 'Equals', values = [] }) => ({ key, operator, values })),
  }
}

const redirectCodes = {
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
} as const

/** Undefined for a route without action, which the checks of the kind have told of. */
function actionOf({
  routeAction,
  redirectAction,
  directResponseAction,
  delegateAction,
}: RouteSpec): RouteAction | undefined {
  if (routeAction !== undefined)
    return {
      kind: 'route',
      targets: (routeAction.destinations ?? []).map(weightedTarget),
      pathRewrite: routeAction.pathRewrite,
    }
  if (redirectAction !== undefined) {
    const {
      hostRedirect,
      pathRedirect,
      prefixRewrite,
      responseCode = 'MOVED_PERMANENTLY',
      httpsRedirect = false,
      stripQuery = false,
    } = redirectAction
    return {
      kind: 'redirect',
      host: hostRedirect,
      path: pathRedirect,
      prefix: prefixRewrite,
      code: redirectCodes[responseCode],
      https: httpsRedirect,
      stripQuery,
    }
  }
  if (directResponseAction !== undefined)
    return { kind: 'direct', status: directResponseAction.status ?? 200, body: directResponseAction.body ?? '' }
  if (delegateAction === undefined) return undefined
  const { refs = [], selector, sortMethod } = delegateAction
  return {
    kind: 'delegate',
    refs: refs.map(plainRef),
    selector: selector && objectSelector(selector),
    bySpecificity: sortMethod === 'ROUTE_SPECIFICITY',
  }
}

function routesOf(routes: readonly RouteSpec[] | undefined, path: string): Route[] {
  return (routes ?? []).flatMap((route, index) => {
    const action = actionOf(route)
    if (action === undefined) return []
    const matchers = (route.matchers ?? []).map((matcher) =>
      matcherOf({ ...matcher, method: matcher.method || undefined }),
    )
    return [
      {
        name: route.name ?? '',
        path: `${path}.routes[${index}]`,
        matchers: matchers.length > 0 ? matchers : [{ uri: { prefix: '/' }, headers: [], query: [] }],
        labels: route.labels ?? {},
        options: requestPolicy(route.options ?? {}),
        action,
      },
    ]
  })
}

const labelsOf = ({ metadata }: KubeObject): Readonly<Record<string, string>> => metadata.labels ?? {}

function hostOf(user: UserObject, spec: VirtualHostSpec, place: Ref, path: string): Omit<Host, 'labels'> {
  return {
    ...user,
    domains: spec.domains ?? [],
    routes: routesOf(spec.routes, path),
    options: requestPolicy(spec.options?.trafficPolicy ?? {}),
    place,
  }
}

export function readHost(object: KubeObject, source: Source): Host {
  const { spec, problems } = readKind(virtualHost, object, source.cluster)
  const { name, namespace = '' } = object.metadata
  const user = userObject(object, source, problems)
  return { ...hostOf(user, spec, { name: `${name}-${namespace}`, namespace }, 'spec'), labels: labelsOf(object) }
}

export function readTable(object: KubeObject, source: Source): Table {
  const { spec, problems }: { spec: RouteTableSpec; problems: UserObject['problems'] } = readKind(
    routeTable,
    object,
    source.cluster,
  )
  return {
    ...userObject(object, source, problems),
    labels: labelsOf(object),
    routes: routesOf(spec.routes, 'spec'),
    weight: spec.weight ?? 0,
  }
}

export function readGateway(object: KubeObject, source: Source): Gateway {
  const { spec, problems } = readKind(virtualGateway, object, source.cluster)
  const user = userObject(object, source, problems)
  return {
    ...user,
    selectors: (spec.ingressGatewaySelectors ?? []).map(({ destinationSelectors, portName }) => ({
      services: serviceSelectors(destinationSelectors),
      portName: portName || gatewayPort,
    })),
    handlers: (spec.connectionHandlers ?? []).map((handler, index) =>
      handlerOf(handler, `spec.connectionHandlers[${index}]`, user),
    ),
    bindAddress: spec.options?.bindAddress ?? '',
  }
}

type HandlerSpec = NonNullable<VirtualGatewaySpec['connectionHandlers']>[number]

function handlerOf(
  { connectionMatch, http, tcp, connectionOptions }: HandlerSpec,
  path: string,
  user: UserObject,
): Handler {
  const ssl = connectionOptions?.sslConfig
  const common = {
    path,
    serverNames: connectionMatch?.serverNames ?? [],
    tls: ssl && tlsOf(ssl),
    httpsRedirect: connectionOptions?.httpsRedirect ?? false,
  }
  if (tcp !== undefined) {
    const targets = (tcp.tcpHosts ?? []).map(({ destination = {} }, index) => ({
      target: tcpTarget(destination),
      path: `${path}.tcp.tcpHosts[${index}]`,
    }))
    return { ...common, hosts: { kind: 'tcp', targets } }
  }
  const config = http?.routeConfig ?? []
  const { name, namespace } = user.object
  return {
    ...common,
    hosts: {
      kind: 'http',
      selectors: config.flatMap(({ virtualHostSelector }) =>
        virtualHostSelector ? [objectSelector(virtualHostSelector)] : [],
      ),
      inline: config.flatMap(({ virtualHost: spec }, index) => {
        if (spec === undefined) return []
        const place = { name: `${name}-${namespace}-${index}`, namespace }
        return [{ ...hostOf(user, spec, place, `${path}.http.routeConfig[${index}].virtualHost`), labels: {} }]
      }),
    },
  }
}

type TcpSpec = NonNullable<NonNullable<NonNullable<HandlerSpec['tcp']>['tcpHosts']>[number]['destination']>

function tcpTarget({ static: fixed, virtual, kube, weight }: TcpSpec): WeightedTarget {
  if (kube !== undefined) return { target: { kind: 'service', ref: clusterRef(kube), subset: {} }, weight }
  if (virtual !== undefined) return { target: { kind: 'virtual', ref: plainRef(virtual), subset: {} }, weight }
  if (fixed !== undefined) return { target: { kind: 'static', ref: plainRef(fixed) }, weight }
  return { target: { kind: 'cluster-header', header: '' }, weight }
}

type Ssl = NonNullable<NonNullable<HandlerSpec['connectionOptions']>['sslConfig']>

/** Istio's ServerTLSSettings. */
function tlsOf({
  secretName,
  sslFiles,
  verifySubjectAltName = [],
  parameters = {},
  tlsMode,
}: Ssl): Readonly<Record<string, unknown>> {
  const { minimumProtocolVersion, maximumProtocolVersion, cipherSuites = [] } = parameters
  const version = (name: string | undefined): string | undefined => name?.replace('TLSv', 'TLSV')
  return {
    mode: tlsMode ?? 'SIMPLE',
    ...(secretName && { credentialName: secretName }),
    ...(sslFiles && {
      serverCertificate: sslFiles.tlsCert,
      privateKey: sslFiles.tlsKey,
      ...(sslFiles.rootCa && { caCertificates: sslFiles.rootCa }),
    }),
    ...(verifySubjectAltName.length > 0 && { subjectAltNames: verifySubjectAltName }),
    ...(minimumProtocolVersion && { minProtocolVersion: version(minimumProtocolVersion) }),
    ...(maximumProtocolVersion && { maxProtocolVersion: version(maximumProtocolVersion) }),
    ...(cipherSuites.length > 0 && { cipherSuites }),
  }
}

/** The gateway routes on which a TrafficPolicy acts; none if it says nothing of them. */
export function readRouteSelectors(spec: TrafficPolicySpec): RouteSelector[] {
  return (spec.routeSelector ?? []).map((selector) => ({
    hostRefs: (selector.virtualHostRefs ?? []).map(plainRef),
    hosts: selector.virtualHostSelector && objectSelector(selector.virtualHostSelector),
    tableRefs: (selector.routeTableRefs ?? []).map(plainRef),
    tables: selector.routeTableSelector && objectSelector(selector.routeTableSelector),
    labels: selector.routeLabelMatcher ?? {},
  }))
}
