/** What a port carries, as far as a proxy treats it differently. `auto`: not declared, so the proxy looks for itself. */
export type Protocol =
  | 'HTTP'
  | 'HTTP2'
  | 'GRPC'
  | 'GRPC-Web'
  | 'HTTP_PROXY'
  | 'HTTPS'
  | 'TLS'
  | 'TCP'
  | 'UDP'
  | 'Mongo'
  | 'Redis'
  | 'MySQL'
  | 'auto'

const names: Readonly<Record<string, Protocol>> = {
  http: 'HTTP',
  http2: 'HTTP2',
  grpc: 'GRPC',
  'grpc-web': 'GRPC-Web',
  http_proxy: 'HTTP_PROXY',
  https: 'HTTPS',
  tls: 'TLS',
  tcp: 'TCP',
  udp: 'UDP',
  mongo: 'Mongo',
  redis: 'Redis',
  mysql: 'MySQL',
}

/** Values of `appProtocol` that Kubernetes defines. */
const kubernetesNames: Readonly<Record<string, Protocol>> = {
  'kubernetes.io/h2c': 'HTTP2',
  'kubernetes.io/ws': 'HTTP',
  'kubernetes.io/wss': 'HTTPS',
}

/** Ports whose servers speak first: looking for a protocol there would hang (smtp, dns, mysql, mongo). */
const serverFirst = new Set([25, 53, 3306, 27017])

/** The protocol of a ServiceEntry, Gateway or Sidecar port; `auto` for what is not known. */
export function parseProtocol(text: string): Protocol {
  return names[text.toLowerCase()] ?? 'auto'
}

/** The protocol of a Service port: appProtocol, else the prefix of its name, else what is known of the number. */
export function servicePortProtocol(port: {
  port?: number
  name?: string
  protocol?: string
  appProtocol?: string | null
}): Protocol {
  if (port.protocol === 'UDP') return 'UDP'
  const declared = port.appProtocol ?? port.name ?? ''
  const known = port.appProtocol ? kubernetesNames[declared] : undefined
  if (known) return known
  if (/^grpc-web/i.test(declared)) return 'GRPC-Web'
  const parsed = parseProtocol(declared.split('-')[0] ?? '')
  return parsed === 'auto' && serverFirst.has(port.port ?? 0) ? 'TCP' : parsed
}

export function isHttp(protocol: Protocol): boolean {
  return ['HTTP', 'HTTP2', 'HTTP_PROXY', 'GRPC', 'GRPC-Web'].includes(protocol)
}

export function isHttp2(protocol: Protocol): boolean {
  return protocol === 'HTTP2' || protocol === 'GRPC' || protocol === 'GRPC-Web'
}

export function isHttpOrAuto(protocol: Protocol): boolean {
  return protocol === 'auto' || isHttp(protocol)
}

/** Whether the client's bytes start with a TLS hello that names a server. */
export function isTls(protocol: Protocol): boolean {
  return protocol === 'TLS' || protocol === 'HTTPS'
}

/** TCP in the wide sense: anything that is routed by address (and SNI), not by request. */
export function isTcp(protocol: Protocol): boolean {
  return !isHttpOrAuto(protocol) && protocol !== 'UDP'
}
