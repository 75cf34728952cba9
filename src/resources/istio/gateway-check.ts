import type { Place } from '../check.ts'
import { checkIpAddress, checkUnixAddress, isIpAddress, isUnixAddress } from './address.ts'
import type { Gateway, GatewayServer } from './gateway.ts'
import { checkPort, faultOfWildcardDomain, hasPartialWildcard, isDnsLabel } from './names.ts'
import { isHttp, isTls, parseProtocol } from './protocol.ts'
import { checkServerTls } from './server-tls-check.ts'

export function checkGateway(root: Place, { metadata, spec = {} }: Gateway): void {
  if (!isDnsLabel(metadata.name))
    root.field('metadata').field('name').error('a name of a gateway has no dots (a DNS label)')
  const place = root.field('spec').field('servers')
  if ((spec.servers?.length ?? 0) === 0) place.error('must have at least one server', 'required')
  const names = new Set<string>()
  place.each(spec.servers, (at, server) => {
    checkServer(at, server)
    const name = server.port?.name
    if (name === undefined) return
    if (names.has(name))
      at.field('port')
        .field('name')
        .error(`port name ${JSON.stringify(name)} is used already`)
    names.add(name)
    if (!isHttp(parseProtocol(server.port?.protocol)) && server.tls?.httpsRedirect)
      at.field('tls').field('httpsRedirect').warn('has no effect: only a plain HTTP server can redirect')
  })
}

function checkServer(place: Place, server: GatewayServer): void {
  if (server.hosts?.length === 0) place.field('hosts').error('must name at least one host', 'required')
  place.field('hosts').each(server.hosts, (at, host) => checkScopedHost(at, host, 'gateway'))
  checkServerPort(place, server)
  checkServerTls(place.field('tls'), server.tls)
  const protocol = parseProtocol(server.port?.protocol)
  if (protocol === undefined) return
  if (isTls(protocol) && server.tls === undefined)
    place.field('tls').error(`protocol ${protocol} needs TLS settings`, 'required')
  if (isTls(protocol) || server.tls === undefined) return
  // A plain server may only say that it redirects.
  const { mode = 'PASSTHROUGH', caCertificates = '', privateKey = '', serverCertificate = '' } = server.tls
  const terminates = mode !== 'PASSTHROUGH' && mode !== 'AUTO_PASSTHROUGH'
  if (!isHttp(protocol)) place.field('tls').error(`protocol ${protocol} has no TLS settings`)
  else if (terminates || caCertificates + privateKey + serverCertificate !== '')
    place.field('tls').error('a plain HTTP server has no TLS settings but httpsRedirect')
}

function checkServerPort(place: Place, { port, bind = '' }: GatewayServer): void {
  const at = place.field('port')
  if (isUnixAddress(bind)) {
    checkUnixAddress(place.field('bind'), bind)
    if (port?.number !== undefined && port.number !== 0) at.field('number').error('must be 0 for a Unix socket')
  } else {
    if (bind !== '') checkIpAddress(place.field('bind'), bind)
    if (port?.number !== undefined) checkPort(at.field('number'), port.number)
  }
  if (port?.protocol !== undefined && parseProtocol(port.protocol) === undefined)
    at.field('protocol').error(
      `Unsupported value: ${JSON.stringify(port.protocol)}: supported values: HTTP, HTTPS, HTTP2, GRPC, GRPC-Web, TLS, TCP, MONGO, REDIS, MYSQL`,
    )
  if ((port?.targetPort ?? 0) > 0) at.field('targetPort').error('has no effect at a gateway', 'no-effect')
  if (port?.name === '') at.field('name').error('must not be empty', 'required')
}

/** `namespace/host` (for a gateway also just `host`), where the namespace may be `*` or `.`; in Sidecars also `~`. */
export function checkScopedHost(place: Place, text: string, owner: 'gateway' | 'sidecar'): void {
  const slash = text.indexOf('/')
  if (slash < 0) {
    if (owner === 'sidecar') place.error(`${JSON.stringify(text)} must have the form namespace/host`)
    else checkHost(place, text, owner)
    return
  }
  const [namespace, host] = [text.slice(0, slash), text.slice(slash + 1)]
  if (namespace === '' || host === '') place.error(`${JSON.stringify(text)}: neither namespace nor host may be empty`)
  const plain = owner === 'sidecar' ? namespace.replace(/^~/, '') : namespace
  if (plain !== '*' && plain !== '.' && plain !== '' && !isDnsLabel(plain))
    place.error(`${JSON.stringify(namespace)} is no namespace`)
  checkHost(place, host, owner)
}

function checkHost(place: Place, host: string, owner: 'gateway' | 'sidecar'): void {
  if (host !== '*' && !host.includes('.')) place.error(`${JSON.stringify(host)} must be a full name, with dots`)
  const fault = faultOfWildcardDomain(host)
  if (fault !== undefined && !(owner === 'gateway' && isIpAddress(host))) place.error(fault)
  if (hasPartialWildcard(host))
    place.error(`${JSON.stringify(host)}: a wildcard is the whole first label (*.example.com)`)
}
