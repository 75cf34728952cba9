// istio.v1.auth.IstioCertificateService: agents bring a signing request and get a certificate for their own identity.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  type IstioCertificateRequest,
  IstioCertificateRequestSchema,
  type IstioCertificateResponse,
  IstioCertificateResponseSchema,
} from '#gen/security/v1alpha1/ca_pb.js'
import type { Authenticator, Caller } from './authenticate.ts'
import type { CertificateAuthority } from './authority.ts'
import { formatSpiffeId } from './spiffe-id.ts'

export interface CertificateServiceParts {
  readonly authority: CertificateAuthority
  readonly authenticator: Authenticator
  /** PEM of the root behind the control plane's own server certificate; agents must trust it to reach us again. */
  readonly serverRoot: () => string
}

/** Lifetime where the agent asks for none. */
const defaultTtlMs = 24 * 3600_000

/** The definition of the service, for servers and clients of @grpc/grpc-js. */
export const certificateService = {
  createCertificate: {
    path: '/istio.v1.auth.IstioCertificateService/CreateCertificate',
    requestStream: false,
    responseStream: false,
    requestSerialize: (message: IstioCertificateRequest) =>
      Buffer.from(toBinary(IstioCertificateRequestSchema, message)),
    requestDeserialize: (bytes: Buffer) => fromBinary(IstioCertificateRequestSchema, bytes),
    responseSerialize: (message: IstioCertificateResponse) =>
      Buffer.from(toBinary(IstioCertificateResponseSchema, message)),
    responseDeserialize: (bytes: Buffer) => fromBinary(IstioCertificateResponseSchema, bytes),
  },
} as const

/**
 * Signs the request of a caller. Of the request only the key and the lifetime count: the certificate is for the identity
 * that the caller has proved. The last element of the chain holds all trusted roots, ours for the xDS port included.
 * Rejects with IdentityRefused.
 */
export async function createCertificate(
  parts: CertificateServiceParts,
  caller: Caller,
  cluster: string,
  request: IstioCertificateRequest,
): Promise<IstioCertificateResponse> {
  const proved = await parts.authenticator.authenticate(caller, cluster)
  const asked = Number(request.validityDuration) * 1000
  const names = { uris: [formatSpiffeId(proved.id)] }
  const chain = await parts.authority.sign(cluster, request.csr, names, asked > 0 ? asked : defaultTtlMs)
  const roots = parts.authority.trust(cluster)?.roots ?? []
  return create(IstioCertificateResponseSchema, { certChain: [...chain, [...roots, parts.serverRoot()].join('')] })
}
