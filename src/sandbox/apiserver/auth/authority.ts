// The certificate authority of one cluster: signs the server's certificate and those of clients.
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'

type Keys = webcrypto.CryptoKeyPair
type Key = webcrypto.CryptoKey

x509.cryptoProvider.set(webcrypto)

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const dayMs = 24 * 3600 * 1000
const lifetimeMs = 3650 * dayMs

export interface KeyPair {
  readonly certificatePem: string
  readonly keyPem: string
}

async function newKeys(): Promise<Keys> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

async function keyToPem(key: Key): Promise<string> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key)
  return x509.PemConverter.encode(der, 'PRIVATE KEY')
}

async function keyFromPem(pem: string): Promise<Key> {
  const [der] = x509.PemConverter.decode(pem)
  if (!der) throw new Error('the stored key of the certificate authority is no PEM')
  return webcrypto.subtle.importKey('pkcs8', der, algorithm, true, ['sign'])
}

const validity = (): { notBefore: Date; notAfter: Date } => ({
  notBefore: new Date(Date.now() - dayMs),
  notAfter: new Date(Date.now() + lifetimeMs),
})

const serialNumber = (): string => `01${Buffer.from(webcrypto.getRandomValues(new Uint8Array(15))).toString('hex')}`

/** A fresh authority. */
export async function createAuthority(name: string): Promise<KeyPair> {
  const keys = await newKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [name] }],
    serialNumber: serialNumber(),
    ...validity(),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificatePem: certificate.toString('pem'), keyPem: await keyToPem(keys.privateKey) }
}

interface Leaf {
  readonly subject: x509.JsonName
  readonly usage: string
  readonly alternatives?: readonly string[]
}

/** A certificate with a new key, signed by the authority. */
async function issue(authority: KeyPair, leaf: Leaf): Promise<KeyPair> {
  const keys = await newKeys()
  const issuer = new x509.X509Certificate(authority.certificatePem)
  const names = (leaf.alternatives ?? []).map((value) => ({
    type: isIP(value) ? ('ip' as const) : ('dns' as const),
    value,
  }))
  const certificate = await x509.X509CertificateGenerator.create({
    subject: leaf.subject,
    issuer: issuer.subject,
    serialNumber: serialNumber(),
    ...validity(),
    publicKey: keys.publicKey,
    signingKey: await keyFromPem(authority.keyPem),
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension([leaf.usage]),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  })
  return { certificatePem: certificate.toString('pem'), keyPem: await keyToPem(keys.privateKey) }
}

/** A serving certificate for the names and addresses. */
export const issueServing = (authority: KeyPair, alternatives: readonly string[]): Promise<KeyPair> =>
  issue(authority, { subject: [{ CN: ['kube-apiserver'] }], usage: x509.ExtendedKeyUsage.serverAuth, alternatives })

/** A client certificate: the user is its common name, the groups its organisations. */
export const issueClient = (authority: KeyPair, user: string, groups: readonly string[]): Promise<KeyPair> =>
  issue(authority, {
    subject: [...groups.map((group) => ({ O: [group] })), { CN: [user] }],
    usage: x509.ExtendedKeyUsage.clientAuth,
  })
