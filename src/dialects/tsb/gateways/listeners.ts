// A server's port, and the port for calls of the mesh → Istio's Gateway.
import { asList, asText, at, type ClusterObject, canonical, compact } from '../../shared/index.ts'
import { eastWestPort } from '../east-west-gateways.ts'
import { written } from '../written.ts'
import type { PlacedServer } from './places.ts'
import { type Server, tlsModeOf } from './servers.ts'

/** The Gateway of a server; none if it listens nowhere. */
export function gatewayObject(placed: PlacedServer): ClusterObject[] {
  const { server, cluster, name, isInner } = placed
  const servers = [
    ...(server.port === undefined ? [] : [outerServer(server, server.port)]),
    ...(isInner ? [innerServer(server)] : []),
  ]
  if (servers.length === 0) return []
  const { namespace, labels } = server.selector
  const spec = { selector: labels, servers }
  return [written({ cluster: cluster.name, kind: 'Gateway', namespace, name, spec })]
}

function outerServer(server: Server, number: number): object {
  const { protocol, hostname, said } = server
  const mode = tlsModeOf(said)
  const tls = protocol === 'TLS' ? { mode: 'PASSTHROUGH' } : mode === 'DISABLED' ? undefined : serverTls(server)
  const secured = protocol === 'HTTP' ? 'HTTPS' : 'TLS'
  const hosts = protocol === 'TCP' && tls === undefined ? ['*'] : [hostname]
  const name = `${portPrefix(protocol, tls !== undefined)}-${number}-${plain(server.name)}`
  return compact({ port: { number, name, protocol: tls === undefined ? protocol : secured }, hosts, tls })
}

const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9-]+/g, '-')

const portPrefix = (protocol: Server['protocol'], isTls: boolean): string =>
  protocol === 'HTTP' ? (isTls ? 'https' : 'http') : isTls ? 'tls' : 'tcp'

/** Mutual TLS of the mesh, by the host's own name. */
function innerServer({ protocol, hostname, name }: Server): object {
  const isHttp = protocol === 'HTTP'
  const port = { number: eastWestPort, name: `mtls-${plain(name)}`, protocol: isHttp ? 'HTTPS' : 'TLS' }
  return { port, hosts: [hostname], tls: { mode: 'ISTIO_MUTUAL' } }
}

function serverTls({ said, selector }: Server): object {
  const text = (...path: string[]): string | undefined => asText(at(said, 'tls', ...path)) || undefined
  const secret = text('secretName')
  return compact({
    mode: tlsModeOf(said),
    credentialName: secret?.startsWith(`${selector.namespace}/`) ? secret.split('/')[1] : secret,
    serverCertificate: text('files', 'serverCertificate'),
    privateKey: text('files', 'privateKey'),
    caCertificates: text('files', 'caCertificates'),
    subjectAltNames: asList(at(said, 'tls', 'subjectAltNames')).map(asText),
    minProtocolVersion: text('minProtocolVersion'),
    maxProtocolVersion: text('maxProtocolVersion'),
    cipherSuites: asList(at(said, 'tls', 'cipherSuites')).map(asText),
  })
}

/** Labels of a selector as a text. */
export function selectorKey({ selector: { namespace, labels } }: Server): string {
  return `${namespace} ${canonical(labels)}`
}
