// Headers that proxies add to requests and responses, as the MeshConfig (or the proxy's own configuration) says.
import {
  HttpConnectionManager_ForwardClientCertDetails as ForwardDetails,
  type HttpConnectionManagerSchema,
  HttpConnectionManager_ServerHeaderTransformation as ServerHeader,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import type { MeshConfig } from '../../../discovery/index.ts'
import type { Proxy } from '../../../mesh/index.ts'
import { isObject } from '../../../resources/index.ts'
import type { Init } from '../proto.ts'

const details: Readonly<Record<string, ForwardDetails>> = {
  SANITIZE: ForwardDetails.SANITIZE,
  FORWARD_ONLY: ForwardDetails.FORWARD_ONLY,
  APPEND_FORWARD: ForwardDetails.APPEND_FORWARD,
  SANITIZE_SET: ForwardDetails.SANITIZE_SET,
  ALWAYS_FORWARD_ONLY: ForwardDetails.ALWAYS_FORWARD_ONLY,
}

/** Fields of an inbound connection manager. The certificate of the caller is passed on to the program. */
export function proxyHeaderFields(mesh: MeshConfig, proxy: Proxy): Init<typeof HttpConnectionManagerSchema> {
  const headers = proxyHeaders(mesh, proxy)
  const certificate = part(headers, 'setCurrentClientCertDetails')
  const server = part(headers, 'server')
  const forwarded = details[String(headers['forwardedClientCert'])]
  return {
    forwardClientCertDetails: forwarded ?? ForwardDetails.APPEND_FORWARD,
    setCurrentClientCertDetails: {
      subject: certificate['subject'] !== false,
      uri: certificate['uri'] !== false,
      dns: certificate['dns'] !== false,
      cert: certificate['cert'] === true,
      chain: certificate['chain'] === true,
    },
    proxy100Continue: true,
    ...(server['disabled'] === true
      ? { serverName: '', serverHeaderTransformation: ServerHeader.PASS_THROUGH }
      : typeof server['value'] === 'string' && server['value'] !== '' && { serverName: server['value'] }),
    ...(part(headers, 'requestId')['disabled'] === true && { generateRequestId: false }),
  }
}

/** What the proxy was started with comes before the mesh's default. */
function proxyHeaders(mesh: MeshConfig, proxy: Proxy): Record<string, unknown> {
  const own = proxy.metadata['PROXY_CONFIG']
  return { ...part(mesh.defaultConfig ?? {}, 'proxyHeaders'), ...(isObject(own) ? part(own, 'proxyHeaders') : {}) }
}

function part(value: Readonly<Record<string, unknown>>, name: string): Record<string, unknown> {
  const found = value[name]
  return isObject(found) ? found : {}
}
