// Handlers of TCP connections: a VirtualService each, since Istio tells connections of one port apart by its hosts.
import { asText, type ClusterObject, istioObject, type RouteContext, trafficShift } from '../../shared/index.ts'
import type { Finding } from '../status.ts'
import type { GatewayService } from './emit.ts'
import type { Gateway, Handler } from './model.ts'

/** What is needed of the Istio Gateway that the handlers stand at. */
export interface TcpInput {
  /** `namespace/name` of the Istio Gateway. */
  readonly name: string
  readonly ports: readonly GatewayService[]
  readonly context: RouteContext
  readonly tell: (finding: Finding) => void
}

/** Names of servers that a handler is for. */
export const serverNamesOf = ({ serverNames }: Handler): readonly string[] =>
  serverNames.length > 0 ? serverNames : ['*']

/** The VirtualServices of the TCP handlers of a gateway on one cluster. */
export function tcpObjects(gateway: Gateway, input: TcpInput): ClusterObject[] {
  const specs = gateway.handlers.flatMap((handler) => specOf(handler, input) ?? [])
  const { name, namespace } = gateway.object
  return specs.map((spec, index) => {
    const place = {
      cluster: input.context.cluster,
      namespace,
      name: `${name}-tcp-${namespace}${index === 0 ? '' : `-${index}`}`,
    }
    return istioObject('VirtualService', place, { dialect: gateway.dialect, parents: [gateway.object] }, spec)
  })
}

function specOf(handler: Handler, { name, ports, context, tell }: TcpInput): object | undefined {
  if (handler.hosts.kind !== 'tcp') return undefined
  const targets = handler.hosts.targets.map(({ target }) => target)
  const errors = trafficShift.check(targets, context)
  for (const error of errors) tell({ path: `${handler.path}.tcp${error.path}`, message: error.message })
  if (errors.length > 0) return undefined
  const hosts = serverNamesOf(handler)
  // What is passed through is encrypted: the name that the client asks for (SNI) is all that is known of it.
  const isPassed = asText(handler.tls?.['mode']).endsWith('PASSTHROUGH')
  const routes = ports.map(({ port }) => ({
    match: [{ port: port.number, ...(isPassed && { sniHosts: hosts }) }],
    ...trafficShift.emit(targets, context, undefined),
  }))
  return { hosts, gateways: [name], ...(isPassed ? { tls: routes } : { tcp: routes }) }
}
