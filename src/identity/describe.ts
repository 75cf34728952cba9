// What may be shown of an authority: everything but keys.
import type { TrustSettings } from './authority-source.ts'
import type { AuthorityState, SecretName } from './store.ts'
import { fingerprint, type KeyedCertificate, readCertificate } from './x509.ts'

/** A certificate by fingerprint (SHA-256, hexadecimal), and when it expires (RFC 3339). */
export interface ShownCertificate {
  readonly fingerprint: string
  readonly expires: string
}

/** Who signs for a cluster, and how far a change of that is. */
export interface AuthorityRow {
  readonly cluster: string
  readonly trustDomain: string
  /** `own`: made by Fairlead. `given`: the user's Secret `cacerts`, or istiod's. `shared`: below a root of several clusters. `vault`: signed by one. */
  readonly source: 'own' | 'given' | 'shared' | 'vault'
  /** Where the root is kept; absent if it is the user's, who knows. */
  readonly secret?: SecretName
  readonly root: ShownCertificate
  readonly signer: ShownCertificate
  /** A root that proxies are about to trust, and that does not sign yet. */
  readonly announced?: ShownCertificate
  /** Whether proxies may still show leaves of an earlier authority. */
  readonly changing: boolean
  /** Roots that are trusted still, and until when (RFC 3339). */
  readonly retired: readonly { readonly fingerprint: string; readonly until: string }[]
}

export function describeAuthority(cluster: string, settings: TrustSettings, state: AuthorityState): AuthorityRow {
  const { active, next, retired } = state
  const { root } = settings
  const secret = root.kind === 'shared' ? root.secret : { cluster, namespace: 'istio-system', name: 'fairlead-ca' }
  const source = sourceOf(root, active)
  return {
    cluster,
    trustDomain: settings.trustDomain,
    source,
    ...(source !== 'given' && { secret }),
    root: shown(active.root),
    signer: shown(active.certificate),
    ...(next && { announced: shown(next.root) }),
    changing: next !== undefined || retired.some((r) => r.isShown),
    retired: retired.map((r) => ({ fingerprint: fingerprint(r.root), until: new Date(r.untilMs).toISOString() })),
  }
}

function sourceOf({ kind }: TrustSettings['root'], active: KeyedCertificate): AuthorityRow['source'] {
  if (kind === 'shared' || kind === 'vault') return kind
  if (active.certificate === active.root) return 'own'
  return kind === 'keep' ? 'shared' : 'given'
}

function shown(pem: KeyedCertificate['root']): ShownCertificate {
  const expires = readCertificate(pem)?.validity.notAfter
  return { fingerprint: fingerprint(pem), expires: expires?.toISOString() ?? '' }
}
