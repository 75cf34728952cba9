// Rules of servers → VirtualServices of gateways.
import type { Problem } from '../../../report/index.ts'
import { asInteger, asList, asMap, asText, asTexts, at, compact, type Plain } from '../../shared/index.ts'
import type { Hierarchy } from '../hierarchy.ts'
import type { PlacedServer } from './places.ts'
import type { Action, Rule } from './servers.ts'
import { localService, mayServe, serviceReference } from './services.ts'

export interface RouteContext {
  readonly hierarchy: Hierarchy
  readonly problems: Problem[]
  /** The host that stands for the gateways that an action means; undefined: there are none. */
  readonly hostOf: (placed: PlacedServer, action: Extract<Action, { kind: 'clusters' }>) => string | undefined
}

/** The name of a rule's route, by which patches find it. */
export const routeName = ({ server }: PlacedServer, index: number): string => `${server.name}-${index}`

/** The spec of a server's VirtualService; undefined if nothing is routed. */
export function gatewayRoutes(
  placed: PlacedServer,
  gateways: readonly string[],
  context: RouteContext,
): object | undefined {
  const { server } = placed
  const base = { hosts: [server.hostname], gateways, exportTo: ['.'] }
  if (server.protocol === 'HTTP') {
    const http = server.rules.map((rule, index) => httpRoute(placed, rule, index, context))
    return http.length === 0 ? undefined : { ...base, http }
  }
  const route = server.rules.flatMap((rule) => destinationOf(placed, rule, context) ?? [])
  if (route.length === 0) return undefined
  return server.protocol === 'TLS'
    ? { ...base, tls: [{ match: [{ port: server.port, sniHosts: [server.hostname] }], route }] }
    : { ...base, tcp: [{ route }] }
}

function httpRoute(placed: PlacedServer, rule: Rule, index: number, context: RouteContext): object {
  const { said, action } = rule
  const modify = asMap(said['modify'])
  const cors = said['corsPolicy'] ?? at(placed.server.said, 'routing', 'corsPolicy')
  return compact({
    name: routeName(placed, index),
    match: asList(said['match']).map((match) => compact({ uri: at(match, 'uri'), headers: at(match, 'headers') })),
    headers: compact({
      request: headersOf(at(modify, 'headers', 'request')),
      response: headersOf(at(modify, 'headers', 'response')),
    }),
    timeout: asText(said['timeout']) || undefined,
    corsPolicy: cors === undefined ? undefined : corsOf(asMap(cors)),
    ...actionFields(placed, rule, action, modify, context),
  })
}

function actionFields(
  placed: PlacedServer,
  rule: Rule,
  action: Action | undefined,
  modify: Plain,
  context: RouteContext,
): object {
  switch (action?.kind) {
    case 'redirect':
      return { redirect: redirectOf(action.said) }
    case 'answer':
      return { directResponse: answerOf(action.said) }
    default: {
      const destination = destinationOf(placed, rule, context)
      // Requests must not fall through to a later rule that means others.
      if (destination === undefined) return { directResponse: { status: 503 } }
      const rewrite = asTexts(modify['rewrite'])
      return compact({
        route: [destination],
        rewrite: compact({ uri: rewrite['uri'], authority: rewrite['authority'] }),
      })
    }
  }
}

function destinationOf(placed: PlacedServer, { path, action }: Rule, context: RouteContext): object | undefined {
  const { server, cluster } = placed
  const problem = (code: Problem['code'], message: string): undefined => {
    const severity = code === 'not-allowed' ? 'error' : 'warning'
    context.problems.push({ code, severity, object: server.object.ref, path: `spec.${path}`, message })
    return undefined
  }
  if (action?.kind === 'clusters') {
    const host = context.hostOf(placed, action)
    if (host === undefined)
      return problem(
        'reference-not-found',
        `cluster ${cluster.name} knows no gateway of another cluster that serves ${server.hostname} and can be reached`,
      )
    return { destination: { host, port: { number: callPort(placed) } } }
  }
  if (action?.kind !== 'service') return undefined
  const reference = serviceReference(action.reference)
  if (reference === undefined)
    return problem('invalid-value', `${JSON.stringify(action.reference)} does not name a service; write NAMESPACE/HOST`)
  if (!mayServe(server, context.hierarchy, cluster, reference.namespace))
    return problem(
      'not-allowed',
      `namespace ${reference.namespace} of cluster ${cluster.name} belongs to another workspace; only a privileged workspace may route there`,
    )
  const only = localService(cluster, reference)?.ports
  const number = action.port ?? (only?.length === 1 ? only[0]?.number : undefined)
  return { destination: compact({ host: reference.host, port: number === undefined ? undefined : { number } }) }
}

/** Port by which proxies of the mesh call the host of a server. */
export function callPort({ server }: PlacedServer): number {
  if (server.protocol === 'HTTP') return 80
  return server.port ?? asInteger(server.said['port']) ?? 443
}

function headersOf(change: unknown): object | undefined {
  if (change === undefined) return undefined
  const { set, add, remove } = asMap(change)
  return compact({ set: asTexts(set), add: asTexts(add), remove: asList(remove).map(asText) })
}

function redirectOf(said: Plain): object {
  return compact({
    uri: asText(said['uri']) || undefined,
    authority: asText(said['authority']) || undefined,
    port: asInteger(said['port']) || undefined,
    scheme: asText(said['scheme']) || undefined,
    redirectCode: asInteger(said['redirectCode']) || undefined,
  })
}

function answerOf(said: Plain): object {
  const [string, bytes] = [asText(at(said, 'body', 'string')), asText(at(said, 'body', 'bytes'))]
  const body = string !== '' ? { string } : bytes !== '' ? { bytes } : undefined
  return compact({ status: asInteger(said['status']) ?? 200, body })
}

function corsOf(said: Plain): object {
  const texts = (field: string): string[] => asList(said[field]).map(asText)
  return compact({
    allowOrigins: texts('allowOrigin').map((origin) => (origin === '*' ? { regex: '.*' } : { exact: origin })),
    allowMethods: texts('allowMethods'),
    allowHeaders: texts('allowHeaders'),
    exposeHeaders: texts('exposeHeaders'),
    maxAge: asText(said['maxAge']) || undefined,
    allowCredentials: said['allowCredentials'] === true ? true : undefined,
  })
}
