import type { Place } from '../check.ts'
import { checkIpAddress, checkUnixAddress, isUnixAddress } from './address.ts'
import { checkScopedHost } from './gateway-check.ts'
import { checkDestination } from './http-route-check.ts'
import { checkDnsLabel, checkDomain, checkPort } from './names.ts'
import { checkProtocol, isHttp, isTls, parseProtocol } from './protocol.ts'
import { checkLabelSelector } from './selector-check.ts'
import { checkServerTls } from './server-tls-check.ts'
import type { EgressListener, IngressListener, Sidecar, SidecarPort, SidecarSpec } from './sidecar.ts'
import { checkConnectionPool } from './traffic-policy-check.ts'

export function checkSidecar(root: Place, { metadata, spec = {} }: Sidecar): void {
  const place = root.field('spec')
  const { ingress = [], egress = [] } = spec
  checkLabelSelector(place.field('workloadSelector'), spec.workloadSelector)
  const nothing = spec.outboundTrafficPolicy === undefined && spec.inboundConnectionPool === undefined
  if (ingress.length + egress.length === 0 && nothing) place.error('must say something', 'required')
  const ports = new Set<number>()
  place.field('ingress').each(ingress, (at, listener) => {
    checkIngress(at, listener)
    checkUnique(at.field('port').field('number'), ports, listener.port?.number ?? 0)
  })
  checkConnectionPool(place.field('inboundConnectionPool'), spec.inboundConnectionPool)
  checkEgress(place.field('egress'), egress, metadata.namespace ?? '')
  checkOutboundPolicy(place.field('outboundTrafficPolicy'), spec.outboundTrafficPolicy)
}

function checkUnique<T>(place: Place, seen: Set<T>, value: T): void {
  if (seen.has(value)) place.error(`${String(value)} is used by another listener already`)
  seen.add(value)
}

function checkListenerPort(place: Place, port: SidecarPort): void {
  if (port.name !== undefined && port.name !== '') checkDnsLabel(place.field('name'), port.name)
  checkProtocol(place.field('protocol'), port.protocol)
  if ((port.targetPort ?? 0) > 0) place.field('targetPort').error('has no effect in a Sidecar', 'no-effect')
}

function checkIngress(place: Place, listener: IngressListener): void {
  const { port, bind = '', defaultEndpoint = '', tls, connectionPool } = listener
  if (port === undefined) return
  checkListenerPort(place.field('port'), port)
  checkPort(place.field('port').field('number'), port.number ?? 0)
  if (bind !== '') checkIpAddress(place.field('bind'), bind)
  if (defaultEndpoint !== '') checkDefaultEndpoint(place.field('defaultEndpoint'), defaultEndpoint)
  const protocol = parseProtocol(port.protocol)
  if (tls !== undefined) {
    const at = place.field('tls')
    for (const field of ['subjectAltNames', 'credentialName', 'credentialNames', 'tlsCertificates'] as const)
      if ((tls[field]?.length ?? 0) > 0) at.field(field).error('is not supported in a Sidecar', 'not-supported')
    if (tls.httpsRedirect) at.field('httpsRedirect').error('is not supported in a Sidecar', 'not-supported')
    if (tls.mode === 'ISTIO_MUTUAL' || tls.mode === 'AUTO_PASSTHROUGH')
      at.field('mode').error(`${tls.mode} is not supported in a Sidecar`)
    if (!isTls(protocol)) at.error('needs a port of protocol HTTPS or TLS')
    checkServerTls(at, tls)
  }
  checkConnectionPool(place.field('connectionPool'), connectionPool)
  if (connectionPool?.http !== undefined && !isHttp(protocol))
    place.field('connectionPool').field('http').warn('has no effect: the port does not speak HTTP')
}

const localAddresses = ['', '127.0.0.1', '0.0.0.0', '::1', '::']

/** Where the program listens: on this host, or a Unix socket. */
function checkDefaultEndpoint(place: Place, endpoint: string): void {
  if (isUnixAddress(endpoint)) {
    checkUnixAddress(place, endpoint)
    return
  }
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(.*)$/.exec(endpoint)
  const host = match?.[1] ?? match?.[2]
  if (match === null || !localAddresses.includes(host ?? ''))
    place.error('must be 127.0.0.1:port, 0.0.0.0:port, [::1]:port, [::]:port or unix:// and a path')
  else if (!/^[+-]?\d+$/.test(match[3] ?? '')) place.error(`${JSON.stringify(match[3])} is no port`)
  else checkPort(place, Number(match[3]))
}

function checkEgress(place: Place, egress: readonly EgressListener[], namespace: string): void {
  const ports = new Set<number>()
  const sockets = new Set<string>()
  let catchAll = false
  place.each(egress, (at, listener, index) => {
    const { port, bind = '', captureMode = 'DEFAULT' } = listener
    if (port === undefined) {
      if (catchAll) at.error('only one listener can be without port')
      else if (index < egress.length - 1) at.error('the listener without port must be the last')
      catchAll = true
    } else {
      checkListenerPort(at.field('port'), port)
      if ((port.number ?? 0) === 0) {
        if (isUnixAddress(bind)) checkUnixAddress(at.field('bind'), bind)
        else at.field('bind').error('a port of 0 needs a Unix socket to bind to')
        if (captureMode === 'IPTABLES') at.field('captureMode').error('must be DEFAULT or NONE for a Unix socket')
        checkUnique(at.field('bind'), sockets, bind)
      } else {
        checkPort(at.field('port').field('number'), port.number ?? 0)
        if (bind !== '') checkIpAddress(at.field('bind'), bind)
        checkUnique(at.field('port').field('number'), ports, port.number ?? 0)
      }
    }
    checkEgressHosts(at.field('hosts'), listener, namespace)
  })
}

function checkEgressHosts(place: Place, { hosts }: EgressListener, namespace: string): void {
  if (hosts?.length === 0) place.error('must name at least one host', 'required')
  const seen = new Map<string, Set<string>>()
  place.each(hosts, (at, text) => {
    checkScopedHost(at, text, 'sidecar')
    const slash = text.indexOf('/')
    if (slash < 0 || text.startsWith('~')) return
    const scope = text.slice(0, slash) === '.' ? namespace : text.slice(0, slash)
    const host = text.slice(slash + 1)
    const known = seen.get(scope) ?? new Set<string>()
    if (host === '*' ? known.size > 0 : known.has(host) || known.has('*')) at.warn(`${text} is covered twice`)
    seen.set(scope, known.add(host))
  })
  if (seen.get('*')?.has('*') && seen.size > 1) place.warn('*/* selects everything already')
}

function checkOutboundPolicy(place: Place, policy: SidecarSpec['outboundTrafficPolicy']): void {
  const proxy = policy?.egressProxy
  if (proxy === undefined) return
  const at = place.field('egressProxy')
  // An unset mode is REGISTRY_ONLY, the first of the enum.
  if (policy?.mode !== 'ALLOW_ANY') at.error('needs mode ALLOW_ANY')
  if (proxy.host !== undefined) checkDomain(at.field('host'), proxy.host)
  if (proxy.port === undefined) at.field('port').error('Required value', 'required')
  checkDestination(at, proxy)
}
