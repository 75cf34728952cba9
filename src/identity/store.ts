// Where authorities are kept: Secrets, by name. The keys of a Secret are those of Istio's `cacerts`, with a few more.
import { Redacted } from './redacted.ts'
import { isSignedBy, type KeyedCertificate, splitPem } from './x509.ts'

/** Names a Secret. `cluster` is "" for the cluster that the control plane calls its own. */
export interface SecretName {
  readonly cluster: string
  readonly namespace: string
  readonly name: string
}

/** Keys and values, as text (not base64). */
export type SecretContent = Readonly<Record<string, string>>

/** A Secret as it was read. */
export interface StoredSecret {
  readonly content: SecretContent
  /** Differs with every write: the resourceVersion, in Kubernetes. */
  readonly version: string
  /** Differs with every wish of a user that the authority in it be replaced; undefined if nobody ever wished it. */
  readonly rotation?: string | undefined
}

/** Annotation of an authority's Secret; another value of it is the wish that the authority be replaced. */
export const rotateAnnotation = 'fairlead.dev/rotate'

/** What anybody who sees a Secret may know of it: annotations, in Kubernetes. */
export type PublicMarks = Readonly<Record<string, string>>

/** Secrets, kept outside: in Kubernetes, or in memory for tests. Both reject while the cluster cannot be reached. */
export interface SecretStore {
  read(name: SecretName): Promise<StoredSecret | undefined>
  /**
   * Writes the Secret if it still has the version that was read (undefined: if there is none). Returns false if
   * somebody else was faster.
   */
  write(name: SecretName, content: SecretContent, version: string | undefined, marks?: PublicMarks): Promise<boolean>
  /** Notes at a Secret the wish that its authority be replaced. Rejects if there is none. */
  wish(name: SecretName, rotation: string): Promise<void>
}

/** Secrets in memory. */
export interface MemorySecretStore extends SecretStore {
  remove(name: SecretName): void
  marks(name: SecretName): PublicMarks | undefined
}

/** Secrets in memory. */
export function memorySecretStore(): MemorySecretStore {
  const secrets = new Map<string, StoredSecret & { readonly marks: PublicMarks }>()
  const keyOf = (name: SecretName): string => `${name.cluster}/${name.namespace}/${name.name}`
  let writes = 0
  return {
    read: async (name) => secrets.get(keyOf(name)),
    write: async (name, content, version, marks = {}) => {
      const before = secrets.get(keyOf(name))
      if (before?.version !== version) return false
      secrets.set(keyOf(name), { content, version: `${++writes}`, rotation: before?.rotation, marks })
      return true
    },
    wish: async (name, rotation) => {
      const before = secrets.get(keyOf(name))
      if (!before) throw new Error(`there is no Secret ${keyOf(name)}`)
      secrets.set(keyOf(name), { ...before, version: `${++writes}`, rotation })
    },
    remove: (name) => void secrets.delete(keyOf(name)),
    marks: (name) => secrets.get(keyOf(name))?.marks,
  }
}

/** An authority whose certificates are still good, though it signs no more. */
export interface RetiredAuthority {
  readonly certificate: string
  readonly root: string
  /** When the last leaf that it has signed expires: milliseconds since the epoch. */
  readonly untilMs: number
  /** Proxies may still show leaves that it has signed: not all have acknowledged newer ones. */
  readonly isShown?: boolean
}

/** The authorities of one cluster at one moment. */
export interface AuthorityState {
  /** Signs leaves. */
  readonly active: KeyedCertificate
  /** Its root is trusted already; it signs when every proxy trusts it. */
  readonly next: KeyedCertificate | undefined
  readonly retired: readonly RetiredAuthority[]
  /** The last wish for another authority that was fulfilled. */
  readonly rotated?: string | undefined
}

/**
 * Reads an authority in the layout of `cacerts`, or in the older one of `root-cert.pem` and `key.pem` alone, or in that of
 * istiod's own Secret, which may leave out the root. Of several roots the one that stands behind the certificate is its.
 */
export function authorityOf(content: SecretContent, prefix = ''): KeyedCertificate | undefined {
  const value = (key: string): string => content[`${prefix}${key}`] ?? ''
  const roots = splitPem(value('root-cert.pem'))
  const certificate = splitPem(value('ca-cert.pem'))[0] ?? roots[0]
  const key = value('ca-key.pem') || value('key.pem')
  if (certificate === undefined || key === '') return undefined
  const intermediates = splitPem(value('cert-chain.pem')).filter((pem) => pem !== certificate && !roots.includes(pem))
  const root = rootOf([certificate, ...intermediates], roots) ?? certificate
  const others = roots.filter((pem) => pem !== root)
  const keyed = { certificate, intermediates, root, key: new Redacted(key) }
  return others.length > 0 ? { ...keyed, alsoTrusted: others } : keyed
}

function rootOf(chain: readonly string[], roots: readonly string[]): string | undefined {
  if (roots.length < 2) return roots[0]
  const last = chain.at(-1) ?? ''
  try {
    return roots.find((root) => root === last || isSignedBy(last, root)) ?? roots[0]
  } catch {
    return roots[0] // One that cannot be read: `checkAuthority` says so.
  }
}

/** The layout of `cacerts`. */
export function contentOfAuthority(authority: KeyedCertificate, prefix = ''): Record<string, string> {
  return {
    [`${prefix}ca-cert.pem`]: authority.certificate,
    [`${prefix}ca-key.pem`]: authority.key.reveal(),
    [`${prefix}cert-chain.pem`]: [authority.certificate, ...authority.intermediates].join(''),
    [`${prefix}root-cert.pem`]: [authority.root, ...(authority.alsoTrusted ?? [])].join(''),
  }
}

/** Keys of the authority that is announced and does not sign yet begin with this. */
const nextPrefix = 'next-'

export function stateOf(content: SecretContent): AuthorityState | undefined {
  const active = authorityOf(content)
  if (!active) return undefined
  return {
    active,
    next: authorityOf(content, nextPrefix),
    retired: parseRetired(content['retired.json'] ?? '[]'),
    rotated: content['rotated'],
  }
}

export function contentOf(state: AuthorityState): SecretContent {
  return {
    ...contentOfAuthority(state.active),
    ...(state.next ? contentOfAuthority(state.next, nextPrefix) : {}),
    ...(state.retired.length > 0 ? { 'retired.json': JSON.stringify(state.retired) } : {}),
    ...(state.rotated !== undefined ? { rotated: state.rotated } : {}),
  }
}

function parseRetired(text: string): RetiredAuthority[] {
  const list: unknown = JSON.parse(text)
  if (!Array.isArray(list)) return []
  return list.filter(
    (item: Partial<RetiredAuthority>): item is RetiredAuthority =>
      typeof item?.certificate === 'string' && typeof item.root === 'string' && typeof item.untilMs === 'number',
  )
}
