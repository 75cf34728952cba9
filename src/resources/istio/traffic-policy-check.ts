import type { Place } from '../check.ts'
import { durationMs } from '../duration.ts'
import { isIpAddress } from './address.ts'
import { checkLocalityLb, checkZoneAwareLb } from './locality-lb-check.ts'
import { checkPort, faultOfDomain } from './names.ts'
import type {
  ClientTls,
  ConnectionPool,
  ConsistentHash,
  LoadBalancer,
  OutlierDetection,
  PortTrafficPolicy,
  TrafficPolicy,
} from './traffic-policy.ts'

export function checkTrafficPolicy(place: Place, policy: TrafficPolicy | undefined, namespace: string): void {
  if (policy === undefined) return
  if (Object.keys(policy).length === 0) place.error('must say something', 'required')
  if (policy.tunnel !== undefined && policy.proxyProtocol !== undefined)
    place.field('proxyProtocol').error('cannot be set together with tunnel')
  checkBlocks(place, policy, namespace)
  place.field('portLevelSettings').each(policy.portLevelSettings, (at, port) => {
    if (port.port === undefined) at.field('port').error('Required value', 'required')
    if (Object.keys(port).every((key) => key === 'port')) at.error('must say something about the port', 'required')
    checkBlocks(at, port, namespace)
  })
  checkTunnel(place.field('tunnel'), policy.tunnel)
}

function checkBlocks(place: Place, policy: PortTrafficPolicy, namespace: string): void {
  checkOutlierDetection(place.field('outlierDetection'), policy.outlierDetection)
  checkConnectionPool(place.field('connectionPool'), policy.connectionPool)
  checkLoadBalancer(place.field('loadBalancer'), policy.loadBalancer, policy.outlierDetection)
  checkClientTls(place.field('tls'), policy.tls, namespace)
}

function checkTunnel(place: Place, tunnel: TrafficPolicy['tunnel']): void {
  if (tunnel === undefined) return
  const { protocol = '', targetHost, targetPort } = tunnel
  if (!['', 'CONNECT', 'POST'].includes(protocol)) place.field('protocol').error('must be CONNECT or POST')
  const fault = faultOfDomain(targetHost)
  if (fault !== undefined && !isIpAddress(targetHost)) place.field('targetHost').error(`${fault}, nor an IP address`)
  checkPort(place.field('targetPort'), targetPort)
}

function checkPercent(place: Place, value: number | undefined): void {
  if (value !== undefined && (value < 0 || value > 100)) place.error(`${value} must be between 0 and 100`)
}

export function checkOutlierDetection(place: Place, outlier: OutlierDetection | undefined): void {
  if (outlier === undefined) return
  if ((outlier.consecutiveErrors ?? 0) !== 0)
    place.field('consecutiveErrors').warn('has no effect: use consecutiveGatewayErrors or consecutive5xxErrors')
  if (!outlier.splitExternalLocalOriginErrors && (outlier.consecutiveLocalOriginFailures ?? 0) > 0)
    place.field('consecutiveLocalOriginFailures').error('needs splitExternalLocalOriginErrors: true')
  checkPercent(place.field('maxEjectionPercent'), outlier.maxEjectionPercent)
  checkPercent(place.field('minHealthPercent'), outlier.minHealthPercent)
}

export function checkConnectionPool(place: Place, pool: ConnectionPool | undefined): void {
  if (pool === undefined) return
  const { http, tcp } = pool
  if (http === undefined && tcp === undefined) place.error('http or tcp must be set', 'required')
  const notNegative = (at: Place, value: number | undefined): void => {
    if (value !== undefined && value < 0) at.error(`must not be negative, and is ${value}`)
  }
  if (http !== undefined) {
    const at = place.field('http')
    for (const field of [
      'http1MaxPendingRequests',
      'http2MaxRequests',
      'maxRequestsPerConnection',
      'maxRetries',
      'maxConcurrentStreams',
    ] as const)
      notNegative(at.field(field), http[field])
    if (http.h2UpgradePolicy === 'UPGRADE' && http.useClientProtocol)
      at.field('useClientProtocol').error('contradicts h2UpgradePolicy UPGRADE')
    if (http.http2KeepAlive !== undefined)
      for (const field of ['interval', 'timeout'] as const)
        if (http.http2KeepAlive[field] === undefined)
          at.field('http2KeepAlive').field(field).error('Required value', 'required')
  }
  notNegative(place.field('tcp').field('maxConnections'), tcp?.maxConnections)
  const idle = tcp?.idleTimeout === undefined ? 0 : (durationMs(tcp.idleTimeout) ?? 0)
  if (idle >= 1 && !Number.isInteger(idle)) place.field('tcp').field('idleTimeout').error('must be whole milliseconds')
}

function checkLoadBalancer(
  place: Place,
  settings: LoadBalancer | undefined,
  outlier: OutlierDetection | undefined,
): void {
  if (settings === undefined) return
  checkConsistentHash(place.field('consistentHash'), settings.consistentHash)
  if (settings.localityLbSetting !== undefined && settings.zoneAwareLbSetting !== undefined)
    place.field('zoneAwareLbSetting').error('cannot be set together with localityLbSetting')
  checkLocalityLb(place.field('localityLbSetting'), settings.localityLbSetting, outlier !== undefined)
  checkZoneAwareLb(place.field('zoneAwareLbSetting'), settings.zoneAwareLbSetting, outlier !== undefined)
  if (settings.warmup?.aggression === 0) place.field('warmup').field('aggression').error('must be greater than 0')
}

const largestMaglevTable = 5_000_011

function checkConsistentHash(place: Place, hash: ConsistentHash | undefined): void {
  if (hash === undefined) return
  const cookie = place.field('httpCookie')
  if (hash.httpCookie?.name === '') cookie.field('name').error('must not be empty', 'required')
  const attributes = new Set<string>()
  cookie.field('attributes').each(hash.httpCookie?.attributes, (at, { name }) => {
    if (name === '') at.field('name').error('must not be empty', 'required')
    else if (attributes.has(name)) at.field('name').error(`${name} is set already`)
    attributes.add(name)
  })
  if ((hash.minimumRingSize ?? 0) !== 0) {
    place.field('minimumRingSize').warn('is deprecated: use ringHash')
    if (hash.ringHash !== undefined || hash.maglev !== undefined)
      place.field('minimumRingSize').error('cannot be set together with ringHash or maglev')
  }
  if (hash.maglev === undefined) return
  const { tableSize = 0 } = hash.maglev
  const at = place.field('maglev').field('tableSize')
  if (tableSize === 0) at.error('Required value', 'required')
  else if (tableSize >= largestMaglevTable) at.error(`must be less than ${largestMaglevTable}`)
  else if (!isPrime(tableSize)) at.error(`${tableSize} is no prime number`)
}

function isPrime(value: number): boolean {
  if (value < 4) return value > 0
  if (value % 2 === 0) return false
  for (let factor = 3; factor * factor <= value; factor += 2) if (value % factor === 0) return false
  return true
}

/** TLS towards a service. */
export function checkClientTls(place: Place, tls: ClientTls | undefined, namespace: string): void {
  if (tls === undefined) return
  const { mode, credentialName = '', clientCertificate = '', privateKey = '', caCertificates = '', caCrl = '' } = tls
  checkConfigMapReference(place.field('credentialName'), credentialName, namespace)
  const withCredential = credentialName !== '' && (mode === 'SIMPLE' || mode === 'MUTUAL')
  if (tls.insecureSkipVerify) {
    const verifies = caCertificates !== '' || tls.subjectAltNames !== undefined
    if ((mode === 'SIMPLE' && (verifies || credentialName !== '')) || (mode === 'MUTUAL' && verifies))
      place.field('insecureSkipVerify').error('contradicts caCertificates, credentialName and subjectAltNames')
  }
  if (withCredential && clientCertificate + privateKey + caCertificates + caCrl !== '')
    place.field('credentialName').error('cannot be set together with files')
  if (withCredential || mode !== 'MUTUAL') return
  if (clientCertificate === '') place.field('clientCertificate').error('mutual TLS needs a certificate', 'required')
  if (privateKey === '') place.field('privateKey').error('mutual TLS needs a private key', 'required')
}

/** `configmap://name` or `configmap://namespace/name`, in the namespace of the rule. */
function checkConfigMapReference(place: Place, name: string, namespace: string): void {
  if (!name.startsWith('configmap://')) return
  const parts = name.slice('configmap://'.length).split('/')
  if (parts.length > 2 || parts.includes('')) place.error('must have the form configmap://namespace/name')
  else if (parts.length === 2 && parts[0] !== namespace) place.error(`must be in namespace ${namespace}`)
}
