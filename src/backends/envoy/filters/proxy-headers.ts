// Headers that proxies add to requests and responses, as the MeshConfig (or the proxy's own configuration) says.
import { clone } from '@bufbuild/protobuf'
import type { Http1ProtocolOptionsSchema } from '#gen/envoy/config/core/v3/protocol_pb.js'
import { type Route, RouteSchema } from '#gen/envoy/config/route/v3/route_components_pb.js'
import {
  HttpConnectionManager_ForwardClientCertDetails as ForwardDetails,
  type HttpConnectionManagerSchema,
  HttpConnectionManager_ServerHeaderTransformation as ServerHeader,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import { PreserveCaseFormatterConfigSchema } from '#gen/envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case_pb.js'
import type { MeshConfig } from '../../../discovery/index.ts'
import type { Proxy } from '../../../mesh/index.ts'
import { isObject } from '../../../resources/index.ts'
import { extension, type Init } from '../proto.ts'

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
    ...saidOfManager(headers),
  }
}

/** Fields of every connection manager. */
export function managerHeaderFields(mesh: MeshConfig): Init<typeof HttpConnectionManagerSchema> {
  return saidOfManager(ofMesh(mesh))
}

function saidOfManager(headers: Readonly<Record<string, unknown>>): Init<typeof HttpConnectionManagerSchema> {
  const server = part(headers, 'server')
  return {
    ...(server['disabled'] === true
      ? { serverName: '', serverHeaderTransformation: ServerHeader.PASS_THROUGH }
      : typeof server['value'] === 'string' &&
        server['value'] !== '' && {
          serverName: server['value'],
          serverHeaderTransformation: ServerHeader.OVERWRITE,
        }),
    ...(part(headers, 'requestId')['disabled'] === true && { generateRequestId: false }),
    ...(part(headers, 'xForwardedPort')['enabled'] === true && { appendXForwardedPort: true }),
  }
}

/** Whether the router leaves out `x-envoy-*` headers that only tell how it went. */
export function suppressesEnvoyHeaders(mesh: MeshConfig): boolean {
  return part(ofMesh(mesh), 'envoyDebugHeaders')['disabled'] === true
}

/** Whether requests tell how often they were tried. */
export function countsAttempts(mesh: MeshConfig): boolean {
  return part(ofMesh(mesh), 'attemptCount')['disabled'] !== true
}

/** HTTP/1.1 with the names of headers as they came; undefined: in lower case, as always. */
export function keptHeaderCase(mesh: MeshConfig): Init<typeof Http1ProtocolOptionsSchema> | undefined {
  if (ofMesh(mesh)['preserveHttp1HeaderCase'] !== true) return undefined
  const formatter = extension('preserve_case', PreserveCaseFormatterConfigSchema)
  return { headerKeyFormat: { headerFormat: { case: 'statefulFormatter', value: formatter } } }
}

/** The routes, which keep the host that a rewrite replaces in `x-forwarded-host` where the mesh says so. */
export function withForwardedHost(mesh: MeshConfig, routes: readonly Route[]): Route[] {
  if (part(ofMesh(mesh), 'xForwardedHost')['enabled'] !== true) return [...routes]
  return routes.map((route) => {
    const changed = clone(RouteSchema, route)
    if (changed.action.case === 'route') changed.action.value.appendXForwardedHost = true
    return changed
  })
}

const ofMesh = (mesh: MeshConfig): Record<string, unknown> => part(mesh.defaultConfig ?? {}, 'proxyHeaders')

/** What the proxy was started with comes before the mesh's default. */
function proxyHeaders(mesh: MeshConfig, proxy: Proxy): Record<string, unknown> {
  const own = proxy.metadata['PROXY_CONFIG']
  return { ...ofMesh(mesh), ...(isObject(own) ? part(own, 'proxyHeaders') : {}) }
}

function part(value: Readonly<Record<string, unknown>>, name: string): Record<string, unknown> {
  const found = value[name]
  return isObject(found) ? found : {}
}
