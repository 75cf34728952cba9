// Where authorities are kept: Secrets, by name. The keys of a Secret are those of Istio's `cacerts`, with a few more.
import { Redacted } from './redacted.ts'
import { type KeyedCertificate, splitPem } from './x509.ts'

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
}

/** Secrets, kept outside: in Kubernetes, or in memory for tests. Both reject while the cluster cannot be reached. */
export interface SecretStore {
  read(name: SecretName): Promise<StoredSecret | undefined>
  /**
   * Writes the Secret if it still has the version that was read (undefined: if there is none). Returns false if
   * somebody else was faster.
   */
  write(name: SecretName, content: SecretContent, version: string | undefined): Promise<boolean>
}

/** Secrets in memory. */
export function memorySecretStore(): SecretStore {
  const secrets = new Map<string, StoredSecret>()
  const keyOf = (name: SecretName): string => `${name.cluster}/${name.namespace}/${name.name}`
  let writes = 0
  return {
    read: async (name) => secrets.get(keyOf(name)),
    write: async (name, content, version) => {
      if (secrets.get(keyOf(name))?.version !== version) return false
      secrets.set(keyOf(name), { content, version: `${++writes}` })
      return true
    },
  }
}

/** An authority whose certificates are still good, though it signs no more. */
export interface RetiredAuthority {
  readonly certificate: string
  readonly root: string
  /** When the last leaf that it has signed expires: milliseconds since the epoch. */
  readonly untilMs: number
}

/** The authorities of one cluster at one moment. */
export interface AuthorityState {
  /** Signs leaves. */
  readonly active: KeyedCertificate
  /** Its root is trusted already; it signs when every proxy trusts it. */
  readonly next: KeyedCertificate | undefined
  readonly retired: readonly RetiredAuthority[]
}

/** Reads an authority in the layout of `cacerts`, or in the older one of `root-cert.pem` and `key.pem` alone. */
export function authorityOf(content: SecretContent, prefix = ''): KeyedCertificate | undefined {
  const value = (key: string): string => content[`${prefix}${key}`] ?? ''
  const root = splitPem(value('root-cert.pem'))[0]
  const certificate = splitPem(value('ca-cert.pem'))[0] ?? root
  const key = value('ca-key.pem') || value('key.pem')
  if (certificate === undefined || root === undefined || key === '') return undefined
  const intermediates = splitPem(value('cert-chain.pem')).filter((pem) => pem !== certificate && pem !== root)
  return { certificate, intermediates, root, key: new Redacted(key) }
}

/** The layout of `cacerts`. */
export function contentOfAuthority(authority: KeyedCertificate, prefix = ''): Record<string, string> {
  return {
    [`${prefix}ca-cert.pem`]: authority.certificate,
    [`${prefix}ca-key.pem`]: authority.key.reveal(),
    [`${prefix}cert-chain.pem`]: [authority.certificate, ...authority.intermediates].join(''),
    [`${prefix}root-cert.pem`]: authority.root,
  }
}

/** Keys of the authority that is announced and does not sign yet begin with this. */
const nextPrefix = 'next-'

export function stateOf(content: SecretContent): AuthorityState | undefined {
  const active = authorityOf(content)
  if (!active) return undefined
  return { active, next: authorityOf(content, nextPrefix), retired: parseRetired(content['retired.json'] ?? '[]') }
}

export function contentOf(state: AuthorityState): SecretContent {
  return {
    ...contentOfAuthority(state.active),
    ...(state.next ? contentOfAuthority(state.next, nextPrefix) : {}),
    ...(state.retired.length > 0 ? { 'retired.json': JSON.stringify(state.retired) } : {}),
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
