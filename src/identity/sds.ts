// Certificates and roots as Envoy's secrets.
import { hash } from 'node:crypto'
import { create, toBinary } from '@bufbuild/protobuf'
import { SecretSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js'
import type { WorkloadCertificate } from './workload-certificates.ts'

/** Names under which Istio's sidecars ask for their own certificate and for what they trust. */
export const secretNames = { certificate: 'default', roots: 'ROOTCA' } as const

/** A secret, ready to send. */
export interface EncodedSecret {
  readonly name: string
  readonly version: string
  /** envoy.extensions.transport_sockets.tls.v3.Secret, encoded. It may hold a private key: for the wire only. */
  message(): Uint8Array
}

/** The proxy's own certificate and key. */
export function certificateSecret(certificate: WorkloadCertificate): EncodedSecret {
  const chain = certificate.chain.join('')
  // The version tells certificates apart; nothing is derived from the key.
  return secret(secretNames.certificate, hash('sha256', chain), () =>
    create(SecretSchema, {
      name: secretNames.certificate,
      type: {
        case: 'tlsCertificate',
        value: {
          certificateChain: { specifier: { case: 'inlineBytes', value: Buffer.from(chain) } },
          privateKey: { specifier: { case: 'inlineBytes', value: Buffer.from(certificate.key.reveal()) } },
        },
      },
    }),
  )
}

/** All roots that the proxy trusts. */
export function rootsSecret(roots: readonly string[]): EncodedSecret {
  const bundle = roots.join('')
  return secret(secretNames.roots, hash('sha256', bundle), () =>
    create(SecretSchema, {
      name: secretNames.roots,
      type: {
        case: 'validationContext',
        value: { trustedCa: { specifier: { case: 'inlineBytes', value: Buffer.from(bundle) } } },
      },
    }),
  )
}

function secret(
  name: string,
  version: string,
  make: () => ReturnType<typeof create<typeof SecretSchema>>,
): EncodedSecret {
  return { name, version, message: () => toBinary(SecretSchema, make()) }
}
