// Which CertificateRequests are to be signed now. Pure.
import { readCertificate, splitPem } from '../../identity/index.ts'
import type { IssuedCertificateSpec } from '../../resources/gloo/index.ts'
import type { KubeObject } from '../../resources/index.ts'

/** What is wanted of a mesh's certificate, and how far its request is. */
export interface Requested {
  readonly cluster: string
  /** `namespace/name` of both objects. */
  readonly key: string
  readonly wanted: IssuedCertificateSpec
  readonly request: KubeObject
  /** Secret on the management cluster with the authority that signs. */
  readonly signer: { readonly namespace: string; readonly name: string }
  /** Content of `root-cert.pem` in it, PEM; undefined if there is no such Secret. */
  readonly root: string | undefined
}

/** Status of a CertificateRequest, as far as it counts here; certificates are PEM, base64. */
export interface RequestStatus {
  readonly observedGeneration?: string | number
  readonly state?: string
  readonly signedCertificate?: string
  readonly signingRootCa?: string
}

const textOf = (base64: string | undefined): string => Buffer.from(base64 ?? '', 'base64').toString('utf8')

/** Why a request is to be signed; undefined if it is not. */
export function whyDue({ wanted, request, root }: Requested, now: number): string | undefined {
  const status = (request.status ?? {}) as RequestStatus
  if (String(status.observedGeneration ?? '') !== String(request.metadata.generation ?? 1)) return 'it is new'
  if (status.state === 'FAILED') return 'it could not be signed before'
  if (status.state !== 'FINISHED') return 'it is not signed'
  const known = splitPem(root ?? '')
  if (known.length > 0 && !splitPem(textOf(status.signingRootCa)).some((pem) => known.includes(pem)))
    return 'the root has changed'
  const validity = readCertificate(textOf(status.signedCertificate))?.validity
  if (validity === undefined) return 'its certificate cannot be read'
  const ratio = wanted.certOptions?.secretRotationGracePeriodRatio || 0.1
  const life = validity.notAfter.getTime() - validity.notBefore.getTime()
  return validity.notAfter.getTime() - now < life * ratio ? 'its certificate expires soon' : undefined
}

/** The request itself, PEM. */
export function csrOf({ request }: Requested): string {
  const spec = request.spec as { readonly certificateSigningRequest?: string } | undefined
  return textOf(spec?.certificateSigningRequest)
}
