import type { ObjectRef } from '../../report/index.ts'
import type { ServerTls } from '../istio.ts'

/** A host that a server is for; rules of one namespace only, or of any (''). Lower case. */
export interface ServerHost {
  readonly namespace: string
  readonly host: string
}

/** A server of a Gateway, as it holds for a proxy. */
export interface GatewayServerPlan {
  /** `namespace/name` of the Gateway. */
  readonly gateway: string
  /** What routing rules name to be bound to it: the same, but for what Ingresses ask for. */
  readonly boundAs: string
  /** As the Gateway says: names virtual hosts, and is what rules mean by a port. */
  readonly number: number
  /** Name of the server; '' = none. */
  readonly name: string
  readonly portName: string
  readonly hosts: readonly ServerHost[]
  readonly tls: ServerTls | undefined
  /** Name of the route configuration; '' = not routed by request. */
  readonly routes: string
}

/** `http`: by request; `tcp`: as it comes; `tls`: by the server name of the TLS hello, and then either. */
export type GatewayPortKind = 'http' | 'tcp' | 'tls'

/** Servers that share a socket. */
export interface GatewayPort {
  /** What the proxy listens on: a Service's target port, where a Service has the server's port. */
  readonly port: number
  /** '' = all addresses. */
  readonly bind: string
  readonly kind: GatewayPortKind
  readonly servers: readonly GatewayServerPlan[]
}

/** A server, or some of its hosts, that another one before it leaves nothing. */
export interface GatewayConflict {
  readonly origin: ObjectRef
  readonly path: string
  readonly message: string
}

export interface GatewayPlan {
  readonly ports: readonly GatewayPort[]
  readonly conflicts: readonly GatewayConflict[]
  /** The objects that it was made from. */
  readonly origin: readonly ObjectRef[]
}
