// Servers that proxies ask: of authorization, of rate limits. Where they are, as Envoy is told.
import { asText, at, compact } from '../../shared/index.ts'
import type { TsbCluster } from '../clusters.ts'

/** Tells why something cannot be done: path below the object's spec, and a sentence. */
export type ServerProblem = (path: string, message: string) => void

export interface AskedServer {
  readonly isGrpc: boolean
  readonly cluster: string
  readonly authority: string
  /** The cluster's definition, where the mesh does not know the server. */
  readonly patch: object | undefined
}

const defaultPorts: Readonly<Record<string, number>> = { http: 80, https: 443, grpc: 80 }

/** Reads `http://HOST:PORT`, `https://…`, `grpc://…`; undefined if it is none of these. `tls`: how it is called. */
export function askedServer(uri: string, tls: unknown, { facts }: TsbCluster): AskedServer | undefined {
  const found = /^(https?|grpc):\/\/([^/:]+)(?::(\d+))?(\/.*)?$/.exec(uri)
  if (found === null) return undefined
  const [, scheme = '', name = '', written] = found
  const port = Number(written ?? defaultPorts[scheme])
  const host = fullName(name)
  const [service, namespace] = host.split('.')
  const isGrpc = scheme === 'grpc'
  const authority = `${name}:${port}`
  const isKnown = host.endsWith('.svc.cluster.local') && facts.services.has(`${namespace}/${service}`)
  if (isKnown) return { isGrpc, cluster: `outbound|${port}||${host}`, authority, patch: undefined }
  const cluster = `tsb-asked-${host}-${port}`
  const mode = asText(at(tls, 'mode'))
  const isTls = scheme === 'https' || mode === 'SIMPLE' || mode === 'MUTUAL'
  const patch = compact({
    name: cluster,
    type: 'STRICT_DNS',
    connect_timeout: '2s',
    dns_lookup_family: 'V4_PREFERRED',
    load_assignment: {
      cluster_name: cluster,
      endpoints: [
        { lb_endpoints: [{ endpoint: { address: { socket_address: { address: host, port_value: port } } } }] },
      ],
    },
    typed_extension_protocol_options: isGrpc ? http2 : undefined,
    transport_socket: isTls ? tlsSocket(name, tls) : undefined,
  })
  return { isGrpc, cluster, authority, patch }
}

/** `name.namespace.svc` is what people write for services. */
function fullName(name: string): string {
  return /^[^.]+\.[^.]+\.svc$/.test(name) ? `${name}.cluster.local` : name
}

const http2 = {
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
    '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
    explicit_http_config: { http2_protocol_options: {} },
  },
}

function tlsSocket(name: string, tls: unknown): object {
  const path = (field: string): string => asText(at(tls, 'files', field))
  const certificate = path('clientCertificate')
  const pair = { certificate_chain: { filename: certificate }, private_key: { filename: path('privateKey') } }
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
      sni: name,
      common_tls_context: compact({
        tls_certificates: certificate === '' ? [] : [pair],
        validation_context: {
          trusted_ca: { filename: path('caCertificates') || '/etc/ssl/certs/ca-certificates.crt' },
        },
      }),
    },
  }
}
