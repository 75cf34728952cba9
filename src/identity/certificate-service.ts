// istio.v1.auth.IstioCertificateService: agents bring a signing request and get a certificate for their own identity.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  type IstioCertificateRequest,
  IstioCertificateRequestSchema,
  IstioCertificateResponseSchema,
} from '#gen/security/v1alpha1/ca_pb.js'
import type { Authenticator, Caller } from './authenticate.ts'
import type { CertificateAuthority } from './authority.ts'
import { IdentityRefused } from './errors.ts'
import { formatSpiffeId } from './spiffe-id.ts'

export interface CertificateServiceParts {
  readonly authority: CertificateAuthority
  readonly authenticator: Authenticator
  /** PEM of the root behind the control plane's own server certificate; agents must trust it to reach us again. */
  readonly serverRoot: () => string
}

/** Lifetime where the agent asks for none. */
const defaultTtlMs = 24 * 3600_000

/** Path of the service's one method. */
export const certificatePath = '/istio.v1.auth.IstioCertificateService/CreateCertificate'

/**
 * Answers an encoded IstioCertificateRequest with an encoded IstioCertificateResponse. Of the request only the key and the lifetime count: the certificate is for the identity
 * that the caller has proved. The last element of the chain holds all trusted roots, ours for the xDS port included.
 * Rejects with IdentityRefused.
 */
export async function createCertificate(
  parts: CertificateServiceParts,
  caller: Caller,
  cluster: string,
  message: Uint8Array,
): Promise<Uint8Array> {
  const request = decoded(message)
  const proved = await parts.authenticator.authenticate(caller, cluster)
  const asked = Number(request.validityDuration) * 1000
  const names = { uris: [formatSpiffeId(proved.id)] }
  const chain = await parts.authority.sign(cluster, request.csr, names, asked > 0 ? asked : defaultTtlMs)
  const roots = parts.authority.trust(cluster)?.roots ?? []
  const certChain = [...chain, [...roots, parts.serverRoot()].join('')]
  return toBinary(IstioCertificateResponseSchema, create(IstioCertificateResponseSchema, { certChain }))
}

function decoded(message: Uint8Array): IstioCertificateRequest {
  try {
    return fromBinary(IstioCertificateRequestSchema, message)
  } catch (cause) {
    throw new IdentityRefused('invalid', 'the request cannot be read', { cause })
  }
}
