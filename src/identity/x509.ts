// Certificates: made, read and checked. With mesh-authority.ts the only file that knows the X.509 library.
import 'reflect-metadata'
import { createPrivateKey, createPublicKey, KeyObject, randomBytes, webcrypto, X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { IdentityRefused } from './errors.ts'
import { Redacted } from './redacted.ts'

/** Kind of a key: the curve P-256, or RSA of so many bits. */
export type KeyKind = 'ecdsa-p256' | { readonly rsaBits: number }

/** A certificate with its key, and what is between it and its root. */
export interface KeyedCertificate {
  /** PEM. */
  readonly certificate: string
  /** PEM: certificates between this one and the root, nearest first; empty if the root signed it, or it is the root. */
  readonly intermediates: readonly string[]
  /** PEM of the root; the certificate itself if it is one. */
  readonly root: string
  /** PEM of other roots that its owner wants to be trusted too (several in one `root-cert.pem`). */
  readonly alsoTrusted?: readonly string[]
  /** PEM, PKCS#8. */
  readonly key: Redacted<string>
}

export interface Validity {
  readonly notBefore: Date
  readonly notAfter: Date
}

/** Clocks of a mesh differ a little; certificates are valid from this much before they are made. */
const clockSkewMs = 2 * 60_000

export function validityFrom(nowMs: number, ttlMs: number): Validity {
  return { notBefore: new Date(nowMs - clockSkewMs), notAfter: new Date(nowMs + ttlMs) }
}

/** DER to PEM. */
export function pemOf(label: 'CERTIFICATE' | 'PRIVATE KEY', der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n')
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`
}

/** The certificates of a PEM file, one PEM each, comments left out. */
export function splitPem(bundle: string): string[] {
  return (bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map((pem) => `${pem}\n`)
}

async function generateKey(kind: KeyKind): Promise<webcrypto.CryptoKeyPair> {
  const algorithm =
    kind === 'ecdsa-p256'
      ? { name: 'ECDSA', namedCurve: 'P-256' }
      : {
          name: 'RSASSA-PKCS1-v1_5',
          modulusLength: kind.rsaBits,
          publicExponent: Uint8Array.of(1, 0, 1),
          hash: 'SHA-256',
        }
  return (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
}

async function exportKey(key: webcrypto.CryptoKey): Promise<Redacted<string>> {
  return new Redacted(pemOf('PRIVATE KEY', new Uint8Array(await webcrypto.subtle.exportKey('pkcs8', key))))
}

/** A private key in any PEM form (PKCS#8, PKCS#1, SEC1), ready to sign. */
async function signingKey(pem: Redacted<string>): Promise<webcrypto.CryptoKey> {
  const key = createPrivateKey(pem.reveal())
  const der = key.export({ format: 'der', type: 'pkcs8' })
  const algorithm =
    key.asymmetricKeyType === 'rsa'
      ? { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
      : { name: 'ECDSA', namedCurve: curveOf(key) }
  return webcrypto.subtle.importKey('pkcs8', new Uint8Array(der), algorithm, false, ['sign'])
}

function curveOf(key: KeyObject): string {
  const curves: Record<string, string> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }
  return curves[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? 'P-256'
}

const serial = (): string => {
  const bytes = randomBytes(16)
  // A serial number is a positive integer of at most 20 bytes.
  bytes[0] = (bytes[0] ?? 0) & 0x7f || 1
  return bytes.toString('hex')
}

const hashOf = (key: webcrypto.CryptoKey) =>
  key.algorithm.name === 'ECDSA' ? { name: 'ECDSA', hash: 'SHA-256' } : { name: key.algorithm.name, hash: 'SHA-256' }

export const authorityExtensions = async (
  publicKey: webcrypto.CryptoKey,
  pathLength?: number,
): Promise<x509.Extension[]> => [
  new x509.BasicConstraintsExtension(true, pathLength, true),
  new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
  await x509.SubjectKeyIdentifierExtension.create(publicKey),
]

/** A new self-signed root. */
export async function makeRoot(parts: {
  organization: string
  commonName: string
  keyKind: KeyKind
  validity: Validity
}): Promise<KeyedCertificate> {
  const keys = await generateKey(parts.keyKind)
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: [{ O: [parts.organization] }, { CN: [parts.commonName] }],
    ...parts.validity,
    signingAlgorithm: hashOf(keys.privateKey),
    keys,
    extensions: await authorityExtensions(keys.publicKey),
  })
  const pem = pemOf('CERTIFICATE', new Uint8Array(certificate.rawData))
  return { certificate: pem, intermediates: [], root: pem, key: await exportKey(keys.privateKey) }
}

/** A new authority below another one; it may sign leaves only. */
export async function makeIntermediate(
  issuer: KeyedCertificate,
  parts: { organization: string; commonName: string; uris: readonly string[]; keyKind: KeyKind; validity: Validity },
): Promise<KeyedCertificate> {
  const keys = await generateKey(parts.keyKind)
  const names = parts.uris.map((value) => ({ type: 'url' as const, value }))
  const certificate = await sign(issuer, {
    publicKey: keys.publicKey,
    subject: [{ O: [parts.organization] }, { CN: [parts.commonName] }],
    validity: parts.validity,
    extensions: [
      ...(await authorityExtensions(keys.publicKey, 0)),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    ],
  })
  return {
    certificate,
    intermediates: issuer.certificate === issuer.root ? [] : [issuer.certificate, ...issuer.intermediates],
    root: issuer.root,
    key: await exportKey(keys.privateKey),
  }
}

/** What a leaf stands for: a SPIFFE id, or the names of a server. */
export interface LeafNames {
  readonly uris?: readonly string[]
  readonly dnsNames?: readonly string[]
  readonly addresses?: readonly string[]
}

/** Signs a leaf for a public key that is given, or makes a key for it. */
export async function makeLeaf(
  issuer: KeyedCertificate,
  names: LeafNames,
  validity: Validity,
): Promise<{ certificate: string; key: Redacted<string> }> {
  const keys = await generateKey('ecdsa-p256')
  return { certificate: await signLeaf(issuer, keys.publicKey, names, validity), key: await exportKey(keys.privateKey) }
}

async function signLeaf(
  issuer: KeyedCertificate,
  publicKey: x509.PublicKeyType,
  names: LeafNames,
  validity: Validity,
): Promise<string> {
  const alternatives = [
    ...(names.uris ?? []).map((value) => ({ type: 'url' as const, value })),
    ...(names.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(names.addresses ?? []).map((value) => ({ type: 'ip' as const, value })),
  ]
  return sign(issuer, {
    publicKey,
    // Empty, so that the alternative names alone say who it is and must be critical (RFC 5280, 4.2.1.6).
    subject: [],
    validity,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension(alternatives, true),
    ],
  })
}

/** The agent's side: a new key, and a request to have it certified. Who it is for, the authority finds out by itself. */
export async function makeRequest(): Promise<{ csr: string; key: Redacted<string> }> {
  const keys = await generateKey('ecdsa-p256')
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'O=',
    keys,
    signingAlgorithm: hashOf(keys.privateKey),
  })
  return { csr: request.toString('pem'), key: await exportKey(keys.privateKey) }
}

/** A new key for an authority, and a request to an authority outside to certify it. */
export async function makeAuthorityRequest(parts: {
  organization: string
  commonName: string
  uris: readonly string[]
  keyKind: KeyKind
}): Promise<{ csr: string; key: Redacted<string> }> {
  const keys = await generateKey(parts.keyKind)
  const names = parts.uris.map((value) => ({ type: 'url' as const, value }))
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ O: [parts.organization] }, { CN: [parts.commonName] }],
    keys,
    signingAlgorithm: hashOf(keys.privateKey),
    extensions: [
      ...(await authorityExtensions(keys.publicKey, 0)),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    ],
  })
  return { csr: request.toString('pem'), key: await exportKey(keys.privateKey) }
}

/** Signs a leaf for the key of a certificate signing request; of its content only the key is taken. */
export async function signRequest(
  issuer: KeyedCertificate,
  csr: string,
  names: LeafNames,
  validity: Validity,
): Promise<string> {
  let request: x509.Pkcs10CertificateRequest
  let proven: boolean
  try {
    request = new x509.Pkcs10CertificateRequest(csr)
    proven = await request.verify()
  } catch (cause) {
    throw new IdentityRefused('invalid', 'the certificate signing request cannot be read', { cause })
  }
  if (!proven) throw new IdentityRefused('invalid', 'the certificate signing request is not signed by its own key')
  return signLeaf(issuer, request.publicKey, names, validity)
}

export async function sign(
  issuer: KeyedCertificate,
  parts: {
    publicKey: x509.PublicKeyType
    subject: x509.JsonName
    validity: Validity
    extensions: x509.Extension[]
  },
): Promise<string> {
  const by = new x509.X509Certificate(issuer.certificate)
  const key = await signingKey(issuer.key)
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: parts.subject,
    issuer: by.subjectName.toJSON(),
    // No longer than its issuer, or the chain breaks before the certificate does.
    notBefore: parts.validity.notBefore,
    notAfter: parts.validity.notAfter < by.notAfter ? parts.validity.notAfter : by.notAfter,
    publicKey: parts.publicKey,
    signingKey: key,
    signingAlgorithm: hashOf(key),
    extensions: [...parts.extensions, await x509.AuthorityKeyIdentifierExtension.create(by.publicKey)],
  })
  return pemOf('CERTIFICATE', new Uint8Array(certificate.rawData))
}

/** What is needed of a leaf that a peer presents. */
export interface LeafFacts {
  readonly uris: readonly string[]
  readonly validity: Validity
}

/** Reads a certificate (DER or PEM); undefined if it is none. */
export function readCertificate(bytes: Uint8Array | string): LeafFacts | undefined {
  try {
    const certificate = new x509.X509Certificate(typeof bytes === 'string' ? bytes : new Uint8Array(bytes))
    const names = certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.toJSON() ?? []
    const uris = names.filter((name) => name.type === 'url').map((name) => name.value)
    return { uris, validity: { notBefore: certificate.notBefore, notAfter: certificate.notAfter } }
  } catch {
    // Bytes of a stranger; whatever is wrong with them, they are no certificate.
    return undefined
  }
}

/** Whether `issuer` has signed the certificate. */
export function isSignedBy(certificate: Uint8Array | string, issuer: string): boolean {
  const own = new X509Certificate(certificate)
  const by = new X509Certificate(issuer)
  return own.checkIssued(by) && own.verify(by.publicKey)
}

/** What is wrong with an authority that a user has given; undefined if it can sign. */
export function checkAuthority(authority: KeyedCertificate): string | undefined {
  try {
    const certificate = new X509Certificate(authority.certificate)
    const key = createPrivateKey(authority.key.reveal())
    if (!certificate.ca) return 'the certificate is not one of an authority'
    if (!createPublicKey(key).equals(certificate.publicKey)) return 'key and certificate do not belong together'
    const chain = [authority.certificate, ...authority.intermediates]
    if (authority.certificate !== authority.root) chain.push(authority.root)
    for (const [i, pem] of chain.slice(0, -1).entries()) {
      if (!isSignedBy(pem, chain[i + 1] ?? '')) return 'the chain does not lead from the certificate to the root'
    }
    return undefined
  } catch (error) {
    return error instanceof Error ? `it cannot be read (${error.message.split('\n')[0]})` : 'it cannot be read'
  }
}

/** SHA-256 of a certificate, in hexadecimal: its name in logs and states. */
export function fingerprint(pem: string): string {
  return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase()
}
