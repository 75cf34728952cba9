// What is to be done next for one IssuedCertificate. Pure.
import {
  type CertificateRequest,
  causeAnnotation,
  generationOf,
  type IssuedCertificate,
  placeOf,
  type Secret,
} from './objects.ts'

/** What the cluster holds for an IssuedCertificate. */
export interface Situation {
  readonly issued: IssuedCertificate
  readonly request: CertificateRequest | undefined
  /** Secret with the private key, until it has become part of the issued one. */
  readonly key: Secret | undefined
  /** The Secret that istiod reads. */
  readonly result: Secret | undefined
}

export type Step =
  /** The object asks nothing of an agent like this. */
  | { readonly kind: 'nothing' }
  /** Make a key and a request for it. */
  | { readonly kind: 'request' }
  | { readonly kind: 'wait' }
  /** Write the Secret of what was signed. */
  | { readonly kind: 'store'; readonly privateKey: string }
  /** Restart pods, then finish. */
  | { readonly kind: 'bounce' }
  | { readonly kind: 'fail'; readonly error: string }

const keys = { certificate: 'ca-cert.pem', key: 'ca-key.pem' } as const

/** True if the agent made the Secret for this very object. */
function isOwnResult({ metadata }: Secret, issued: IssuedCertificate): boolean {
  const { namespace, name } = placeOf(issued)
  return metadata.annotations?.[causeAnnotation] === `${namespace}/${name}`
}

/** Decides the next step. `mayRetry`: what failed before may be tried again. */
export function nextStep({ issued, request, key, result }: Situation, mayRetry: boolean): Step {
  const { spec, status = {} } = issued
  if (spec.issuedCertificateSecret?.name === undefined || spec.agentCa !== undefined) return { kind: 'nothing' }
  if (result !== undefined && !isOwnResult(result, issued)) {
    const { namespace, name } = placeOf(result)
    return fail(status, `Secret ${namespace}/${name} is there already, and is not the agent's; remove it to go on`)
  }
  const isCurrent = String(status.observedGeneration ?? '') === generationOf(issued)
  const state = isCurrent ? (status.state ?? 'PENDING') : 'PENDING'
  switch (state) {
    case 'FAILED':
      return mayRetry ? { kind: 'request' } : { kind: 'wait' }
    case 'REQUESTED':
      return requested(request, key)
    case 'ISSUED':
      return result === undefined ? { kind: 'request' } : { kind: 'bounce' }
    case 'FINISHED':
      if (result === undefined) return fail(status, 'the Secret of the issued certificate is gone; it is issued again')
      return renewed(request, result)
    default:
      return { kind: 'request' }
  }
}

/** An error that was told before is not told again. */
function fail(status: NonNullable<IssuedCertificate['status']>, error: string): Step {
  return status.state === 'FAILED' && status.error === error ? { kind: 'wait' } : { kind: 'fail', error }
}

function requested(request: CertificateRequest | undefined, key: Secret | undefined): Step {
  const privateKey = key?.data?.['private-key'] ?? ''
  if (request === undefined || privateKey === '') return { kind: 'request' }
  const { status = {} } = request
  if (String(status.observedGeneration ?? '') !== generationOf(request)) return { kind: 'wait' }
  if (status.state === 'FAILED')
    return { kind: 'fail', error: `the request was not signed: ${status.error ?? 'no reason is given'}` }
  return status.state === 'FINISHED' ? { kind: 'store', privateKey } : { kind: 'wait' }
}

/** The issuer has signed the request again: the root has changed, or the certificate gets old. */
function renewed(request: CertificateRequest | undefined, result: Secret): Step {
  const signed = request?.status?.state === 'FINISHED' ? (request.status.signedCertificate ?? '') : ''
  const privateKey = result.data?.[keys.key] ?? ''
  if (signed === '' || privateKey === '' || signed === result.data?.[keys.certificate]) return { kind: 'wait' }
  return { kind: 'store', privateKey }
}
