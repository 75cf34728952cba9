import {
  HttpConnectionManager_ForwardClientCertDetails as ForwardDetails,
  type HttpConnectionManagerSchema,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import { meshConfigOf, type World } from '../../../discovery/index.ts'
import type { Proxy } from '../../../mesh/index.ts'
import { isObject } from '../../../resources/index.ts'
import type { Init } from '../proto.ts'

/** What stands in front of a gateway (`gatewayTopology` of the proxy's configuration, else of the mesh's default). */
export interface GatewayTopology {
  /** Proxies in front whose word for the client's address is taken. */
  readonly trustedProxies: number
  readonly clientCertificates: ForwardDetails
  /** A load balancer in front tells the client's address at the start of connections. */
  readonly proxyProtocol: boolean
}

const details: Readonly<Record<string, ForwardDetails>> = {
  SANITIZE: ForwardDetails.SANITIZE,
  FORWARD_ONLY: ForwardDetails.FORWARD_ONLY,
  APPEND_FORWARD: ForwardDetails.APPEND_FORWARD,
  SANITIZE_SET: ForwardDetails.SANITIZE_SET,
  ALWAYS_FORWARD_ONLY: ForwardDetails.ALWAYS_FORWARD_ONLY,
}

export function gatewayTopology(world: World, proxy: Proxy): GatewayTopology {
  const own = proxy.metadata['PROXY_CONFIG']
  const config = { ...meshConfigOf(world).defaultConfig, ...(isObject(own) ? own : {}) }
  const topology = isObject(config['gatewayTopology']) ? config['gatewayTopology'] : {}
  const { numTrustedProxies, forwardClientCertDetails, proxyProtocol } = topology
  return {
    trustedProxies: typeof numTrustedProxies === 'number' ? numTrustedProxies : 0,
    clientCertificates: details[String(forwardClientCertDetails)] ?? ForwardDetails.SANITIZE_SET,
    proxyProtocol: isObject(proxyProtocol),
  }
}

/** Fields of a connection manager that faces clients outside of the mesh. */
export function edgeFields(topology: GatewayTopology, http10: boolean): Init<typeof HttpConnectionManagerSchema> {
  const { trustedProxies, clientCertificates } = topology
  const tells =
    clientCertificates === ForwardDetails.APPEND_FORWARD || clientCertificates === ForwardDetails.SANITIZE_SET
  return {
    useRemoteAddress: true,
    xffNumTrustedHops: trustedProxies,
    forwardClientCertDetails: clientCertificates,
    ...(tells && { setCurrentClientCertDetails: { subject: true, cert: true, dns: true, uri: true } }),
    proxy100Continue: true,
    httpProtocolOptions: { acceptHttp10: http10 },
  }
}
