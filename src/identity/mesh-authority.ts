// An authority whose key stays where it is: its owner makes the key and a request, an issuer elsewhere signs.
import { createPrivateKey } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { IdentityRefused } from './errors.ts'
import { Redacted } from './redacted.ts'
import { authorityExtensions, type KeyedCertificate, makeAuthorityRequest, sign, type Validity } from './x509.ts'

/** What an authority is called, and the SPIFFE ids that it stands for. */
export interface AuthorityNames {
  readonly organization: string
  readonly commonName: string
  readonly uris: readonly string[]
}

/** A new RSA key (PEM, PKCS#1), and the request to be made an authority (PEM). */
export async function requestMeshAuthority(
  names: AuthorityNames,
  rsaBits: number,
): Promise<{ csr: string; key: Redacted<string> }> {
  const { csr, key } = await makeAuthorityRequest({ ...names, keyKind: { rsaBits } })
  const text = createPrivateKey(key.reveal()).export({ type: 'pkcs1', format: 'pem' })
  return { csr, key: new Redacted(text.toString()) }
}

/**
 * A certificate (PEM) for an authority that may sign leaves only. Of the request only the key is taken; it must be
 * signed by that key. Rejects with IdentityRefused.
 */
export async function signMeshAuthority(
  issuer: KeyedCertificate,
  csr: string,
  names: AuthorityNames,
  validity: Validity,
): Promise<string> {
  let request: x509.Pkcs10CertificateRequest
  let isProven: boolean
  try {
    request = new x509.Pkcs10CertificateRequest(csr)
    isProven = await request.verify()
  } catch (cause) {
    throw new IdentityRefused('invalid', 'the certificate signing request cannot be read', { cause })
  }
  if (!isProven) throw new IdentityRefused('invalid', 'the certificate signing request is not signed by its own key')
  const publicKey = await request.publicKey.export()
  return sign(issuer, {
    publicKey: request.publicKey,
    subject: subjectOf(names),
    validity,
    extensions: [...(await authorityExtensions(publicKey, 0)), ...alternativeNames(names)],
  })
}

const subjectOf = ({ organization, commonName }: AuthorityNames): x509.JsonName => [
  { O: [organization] },
  { CN: [commonName] },
]

function alternativeNames({ uris }: AuthorityNames): x509.Extension[] {
  if (uris.length === 0) return []
  return [new x509.SubjectAlternativeNameExtension(uris.map((value) => ({ type: 'url' as const, value })))]
}
