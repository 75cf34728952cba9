// Who is calling: by a certificate that the cluster's authority has signed, or by a service account token that the
// cluster's API server vouches for. And whether a proxy is what it says it is.
import type { CertificateAuthority } from './authority.ts'
import { IdentityRefused } from './errors.ts'
import { parseSpiffeId, type SpiffeId } from './spiffe-id.ts'
import { isSignedBy, readCertificate } from './x509.ts'

/** What a caller brings. The transport has checked that it owns the key of the certificate. */
export interface Caller {
  /** DER. */
  readonly certificate: Uint8Array | undefined
  readonly bearer: string | undefined
}

/** What an API server says of a token (TokenReview). */
export interface TokenIdentity {
  readonly namespace: string
  readonly serviceAccount: string
  /** The pod that the token is bound to, if it is bound to one. */
  readonly pod?: string
}

/** Asks a cluster's API server about a token; undefined if it is not good. Rejects if the cluster cannot be reached. */
export type TokenVerifier = (cluster: string, token: string) => Promise<TokenIdentity | undefined>

/** A caller that has proved who it is. */
export interface Authenticated {
  readonly cluster: string
  readonly id: SpiffeId
  readonly pod: string | undefined
}

export class Authenticator {
  private readonly authority: CertificateAuthority
  private readonly verifyToken: TokenVerifier
  private readonly now: () => number

  constructor(authority: CertificateAuthority, verifyToken: TokenVerifier, now: () => number) {
    this.authority = authority
    this.verifyToken = verifyToken
    this.now = now
  }

  /** Who the caller is in the cluster that it claims to be of. Rejects with IdentityRefused. */
  async authenticate(caller: Caller, cluster: string): Promise<Authenticated> {
    const trust = this.authority.trust(cluster)
    if (!trust) throw new IdentityRefused('denied', `cluster ${cluster || '(none)'} is not known here`)
    // A token is looked at first: it is how a caller whose certificate has expired comes back.
    if (caller.bearer !== undefined) {
      const token = await this.reviewed(cluster, caller.bearer)
      const { namespace, serviceAccount, pod } = token
      return { cluster, id: { trustDomain: trust.trustDomain, namespace, serviceAccount }, pod }
    }
    if (caller.certificate === undefined) {
      throw new IdentityRefused('unauthenticated', 'a client certificate or a bearer token is needed')
    }
    return { cluster, id: this.certified(caller.certificate, trust.signers, trust.trustDomain), pod: undefined }
  }

  private async reviewed(cluster: string, token: string): Promise<TokenIdentity> {
    let identity: TokenIdentity | undefined
    try {
      identity = await this.verifyToken(cluster, token)
    } catch (cause) {
      throw new IdentityRefused('unauthenticated', `cluster ${cluster} cannot be asked about the token`, { cause })
    }
    if (!identity) throw new IdentityRefused('unauthenticated', `cluster ${cluster} does not accept the token`)
    return identity
  }

  /**
   * Two clusters may use one trust domain without sharing a root, so it is not enough that some root of ours stands
   * behind the certificate: it must be signed for this cluster.
   */
  private certified(certificate: Uint8Array, signers: readonly string[], trustDomain: string): SpiffeId {
    const facts = readCertificate(certificate)
    if (!facts || !signers.some((signer) => isSignedBy(certificate, signer))) {
      throw new IdentityRefused('unauthenticated', 'the client certificate is not from the authority of this cluster')
    }
    const now = this.now()
    if (now < facts.validity.notBefore.getTime() || now > facts.validity.notAfter.getTime()) {
      throw new IdentityRefused('unauthenticated', 'the client certificate is expired or not yet valid')
    }
    const id = facts.uris.length === 1 ? parseSpiffeId(facts.uris[0] ?? '') : undefined
    if (!id || id.trustDomain !== trustDomain) {
      throw new IdentityRefused('unauthenticated', 'the client certificate names no identity of this cluster')
    }
    return id
  }
}

/** What a proxy says of itself: its node id and Istio's node metadata. */
export interface NodeClaim {
  readonly id: string
  readonly metadata: Readonly<Record<string, unknown>>
}

/** A proxy may only be what its identity proves: its namespace and service account, and its pod if the token says it. */
export function checkNodeClaim(proved: Authenticated, node: NodeClaim): void {
  const text = (key: string): string | undefined => {
    const value = node.metadata[key]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  // `sidecar~10.0.0.1~pod.namespace~namespace.svc.cluster.local`
  const inId = node.id.split('~')[2] ?? ''
  const dot = inId.lastIndexOf('.')
  const claims: readonly [string, string | undefined, string | undefined][] = [
    ['namespace', text('NAMESPACE'), proved.id.namespace],
    ['namespace in the node id', dot >= 0 ? inId.slice(dot + 1) : undefined, proved.id.namespace],
    ['service account', text('SERVICE_ACCOUNT'), proved.id.serviceAccount],
    ['pod', text('NAME'), proved.pod],
  ]
  for (const [what, claimed, is] of claims) {
    if (claimed !== undefined && is !== undefined && claimed !== is) {
      throw new IdentityRefused('denied', `the proxy claims ${what} ${claimed}, its identity proves ${is}`)
    }
  }
}
