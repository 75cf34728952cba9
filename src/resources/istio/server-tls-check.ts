import type { Place } from '../check.ts'
import type { ServerTls } from './gateway.ts'

const cipherSuites = new Set([
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-RSA-AES256-SHA',
  'AES128-GCM-SHA256',
  'AES256-GCM-SHA384',
  'AES128-SHA',
  'AES256-SHA',
  'DES-CBC3-SHA',
])

/** A cipher suite that Envoy knows, or one of the expressions of OpenSSL (`ALL`, `-RC4`). */
export function isCipherSuite(name: string): boolean {
  return name === '' || name === 'ALL' || !/^[\p{L}\p{N}]/u.test(name) || cipherSuites.has(name)
}

/** TLS that a gateway or a sidecar ends. */
export function checkServerTls(place: Place, tls: ServerTls | undefined): void {
  if (tls === undefined) return
  checkCiphers(place, tls)
  const mode = tls.mode ?? 'PASSTHROUGH'
  if (mode === 'ISTIO_MUTUAL') {
    for (const field of certificateFields)
      if (field !== 'caCrl' && isSet(tls, field))
        place.field(field).error("ISTIO_MUTUAL uses the workload's own certificate")
    return
  }
  const passes = mode === 'PASSTHROUGH' || mode === 'AUTO_PASSTHROUGH'
  if (passes && certificateFields.some((field) => isSet(tls, field)))
    place.warn(`${mode} uses no certificates; they have no effect`)
  checkSources(place, tls)
  const byName = isSet(tls, 'credentialName') || isSet(tls, 'credentialNames')
  if (passes || byName) {
    if (passes) checkCrl(place, tls)
    return
  }
  checkFiles(place, tls)
  checkCrl(place, tls)
}

const certificateFields = [
  'serverCertificate',
  'privateKey',
  'caCertificates',
  'caCrl',
  'tlsCertificates',
  'credentialName',
  'credentialNames',
] as const

function isSet(tls: ServerTls, field: (typeof certificateFields)[number]): boolean {
  return (tls[field]?.length ?? 0) > 0
}

function checkCiphers(place: Place, tls: ServerTls): void {
  const old = tls.minProtocolVersion === 'TLSV1_0' || tls.minProtocolVersion === 'TLSV1_1'
  if (old && (tls.cipherSuites?.length ?? 0) === 0)
    place
      .field('minProtocolVersion')
      .warn('versions below 1.2 need cipherSuites: the default ones do not work with them')
  const seen = new Set<string>()
  place.field('cipherSuites').each(tls.cipherSuites, (at, name) => {
    if (!isCipherSuite(name)) at.warn(`${JSON.stringify(name)} is no known cipher suite; it is left out`)
    else if (seen.has(name)) at.warn(`${name} is named twice`)
    seen.add(name)
  })
}

/** There is one source of certificates. */
function checkSources(place: Place, tls: ServerTls): void {
  const sources = [
    isSet(tls, 'serverCertificate') && isSet(tls, 'privateKey') ? 'serverCertificate' : '',
    ...(['credentialName', 'credentialNames', 'tlsCertificates'] as const).map((field) =>
      isSet(tls, field) ? field : '',
    ),
  ].filter((source) => source !== '')
  if (sources.length > 1) place.error(`${sources.join(' and ')} cannot be set together`)
}

function checkFiles(place: Place, tls: ServerTls): void {
  const mutual = tls.mode === 'MUTUAL' || tls.mode === 'OPTIONAL_MUTUAL'
  if (mutual && !isSet(tls, 'caCertificates'))
    place.field('caCertificates').error('mutual TLS needs the certificates of those who sign clients', 'required')
  const listed = tls.tlsCertificates ?? []
  if (listed.length > 2) place.field('tlsCertificates').warn('two are used at most')
  const pairs =
    listed.length === 0
      ? [[place, tls] as const]
      : listed.map((pair, index) => [place.field('tlsCertificates').item(index), pair] as const)
  for (const [at, { serverCertificate = '', privateKey = '' }] of pairs) {
    if (serverCertificate === '') at.field('serverCertificate').error('TLS needs a certificate', 'required')
    if (privateKey === '') at.field('privateKey').error('TLS needs a private key', 'required')
  }
}

function checkCrl(place: Place, tls: ServerTls): void {
  if (!isSet(tls, 'caCrl')) return
  if (isSet(tls, 'credentialName')) place.field('caCrl').error('belongs into the Secret that credentialName names')
  if (tls.mode === 'SIMPLE') place.field('caCrl').error('needs MUTUAL: SIMPLE asks clients for no certificate')
}
