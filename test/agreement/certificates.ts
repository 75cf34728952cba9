// Certificates of all proxies and programs, from one root.
import type { JsonObject } from '@bufbuild/protobuf'
import { makeLeaf, makeRoot, validityFrom } from '../../src/identity/x509.ts'

export interface KeyPair {
  readonly cert: string
  readonly key: string
}

export interface Certificates {
  readonly root: string
  /** A leaf for a SPIFFE id or DNS name; the same for the same name. */
  leaf(name: string): Promise<KeyPair>
  /** The secret that a resource asks for. */
  secret(name: string, asked: string, principal: string): Promise<JsonObject>
}

export async function makeCertificates(): Promise<Certificates> {
  const validity = validityFrom(Date.now(), 24 * 3600_000)
  const root = await makeRoot({ organization: 'agreement', commonName: 'agreement', keyKind: 'ecdsa-p256', validity })
  const leaves = new Map<string, Promise<KeyPair>>()
  const leaf = (name: string): Promise<KeyPair> => {
    const names = name.includes('://') ? { uris: [name] } : { dnsNames: [name] }
    const made =
      leaves.get(name) ??
      makeLeaf(root, names, validity).then(({ certificate, key }) => ({ cert: certificate, key: key.reveal() }))
    leaves.set(name, made)
    return made
  }
  return {
    root: root.certificate,
    leaf,
    async secret(name, asked, principal) {
      if (asked === 'ROOTCA' || asked.endsWith('-cacert') || asked.startsWith('file-root:'))
        return { name, validationContext: { trustedCa: { inlineString: root.certificate } } }
      const { cert, key } = await leaf(asked === 'default' ? principal : 'edge.example')
      return { name, tlsCertificate: { certificateChain: { inlineString: cert }, privateKey: { inlineString: key } } }
    },
  }
}
