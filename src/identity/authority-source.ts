// Which authority a cluster is to have, and how one is made: given by the user, made by Fairlead, or below a shared root.
import {
  type AuthorityState,
  authorityOf,
  contentOfAuthority,
  type SecretName,
  type SecretStore,
  type StoredSecret,
} from './store.ts'
import type { VaultAuthority, VaultSettings } from './vault/index.ts'
import {
  checkAuthority,
  fingerprint,
  type KeyedCertificate,
  type KeyKind,
  makeAuthorityRequest,
  makeIntermediate,
  makeRoot,
  readCertificate,
  validityFrom,
} from './x509.ts'

export interface AuthorityOptions {
  readonly organization: string
  readonly keyKind: KeyKind
  readonly ttlMs: number
}

/** Where the root of a cluster's identities comes from. */
export type RootSource =
  /** The cluster has a root of its own: the user's Secret `cacerts` where there is one, else made by Fairlead. */
  | { readonly kind: 'own' }
  /** What the cluster has stays, whatever its root is; if it has none, it gets one of its own. */
  | { readonly kind: 'keep' }
  /** Several clusters share a root, kept in `secret`; made there unless `generate` is undefined (then it is the user's). */
  | {
      readonly kind: 'shared'
      readonly secret: SecretName
      readonly generate: AuthorityOptions | undefined
      readonly intermediate: AuthorityOptions
    }
  /** The root's key is in a Vault, which signs the authorities of the clusters. */
  | { readonly kind: 'vault'; readonly vault: VaultSettings; readonly intermediate: AuthorityOptions }

export interface TrustSettings {
  readonly trustDomain: string
  readonly root: RootSource
}

/** The authority that a cluster is to have. */
export interface AuthorityTarget {
  /** Whether this one will do. */
  readonly is: (authority: KeyedCertificate) => boolean
  readonly make: () => Promise<KeyedCertificate>
  /** What the user has given, as it is now. */
  readonly given?: KeyedCertificate
}

const day = 24 * 3600_000
const ownRoot: AuthorityOptions = { organization: 'fairlead', keyKind: 'ecdsa-p256', ttlMs: 3650 * day }

/** Secrets in which users of Istio have their authority: what they plug in, and what istiod made for itself. */
const givenSecrets = ['cacerts', 'istio-ca-secret']

export class AuthoritySource {
  private readonly store: SecretStore
  private readonly now: () => number
  private readonly namespace: string
  private readonly maxLeafTtlMs: number
  private readonly vault: VaultAuthority | undefined
  /** Shared roots that are being read or made: members that ask at once get the same. */
  private readonly asked = new Map<string, Promise<KeyedCertificate>>()

  constructor(parts: {
    store: SecretStore
    now: () => number
    namespace: string
    maxLeafTtlMs: number
    vault: VaultAuthority | undefined
  }) {
    this.store = parts.store
    this.now = parts.now
    this.namespace = parts.namespace
    this.maxLeafTtlMs = parts.maxLeafTtlMs
    this.vault = parts.vault
  }

  /** Rejects if a Secret cannot be read, written or used, or if a Vault does not do what it is asked. */
  async target(cluster: string, settings: TrustSettings): Promise<AuthorityTarget> {
    if (settings.root.kind === 'keep') {
      const make = async () => (await this.givenByUser(cluster)) ?? (await this.newRoot(cluster, ownRoot))
      return { is: () => true, make }
    }
    if (settings.root.kind === 'own') {
      const given = await this.givenByUser(cluster)
      if (given) return { is: (a) => a.certificate === given.certificate, make: async () => given, given }
      return { is: (a) => a.certificate === a.root, make: () => this.newRoot(cluster, ownRoot) }
    }
    if (settings.root.kind === 'vault') return this.belowVault(cluster, settings, settings.root)
    const root = await this.sharedRoot(settings.root)
    return { is: (a) => a.root === root.root, make: () => this.newIntermediate(cluster, settings, root) }
  }

  /** In the last fifth of its life an authority is replaced, as long as leaves can outlive the change. */
  expiresSoon(authority: KeyedCertificate): boolean {
    const validity = readCertificate(authority.certificate)?.validity
    if (!validity) return false
    const life = validity.notAfter.getTime() - validity.notBefore.getTime()
    return validity.notAfter.getTime() - this.now() < Math.max(life / 5, Math.min(2 * this.maxLeafTtlMs, life / 2))
  }

  /** The state with a successor announced. What the user gave only the user can renew. */
  async renewed(cluster: string, settings: TrustSettings, state: AuthorityState): Promise<AuthorityState> {
    const target = await this.target(cluster, settings)
    return target.given ? state : { ...state, next: await target.make() }
  }

  /** There is nothing to fall back to: without an answer of the Vault the state before stays, and if there is none, none. */
  private async belowVault(
    cluster: string,
    { trustDomain }: TrustSettings,
    { vault: settings, intermediate }: Extract<RootSource, { kind: 'vault' }>,
  ): Promise<AuthorityTarget> {
    const vault = this.vault
    if (!vault) throw new Error('Vault cannot be asked here')
    const [signer = ''] = await vault.issuer(cluster, settings)
    const wanted = fingerprint(signer)
    return {
      is: ({ root, intermediates }) => [root, ...intermediates].some((pem) => fingerprint(pem) === wanted),
      make: async () => {
        const { csr, key } = await makeAuthorityRequest({
          organization: intermediate.organization,
          commonName: cluster,
          uris: [this.uriOf(trustDomain)],
          keyKind: intermediate.keyKind,
        })
        const signed = await vault.sign(cluster, settings, csr, intermediate.ttlMs)
        const { certificate, intermediates, root, alsoTrusted } = signed
        const made = { certificate, intermediates, root, key }
        const wrong = checkAuthority(made)
        if (wrong !== undefined) throw new Error(`Vault: what csrPath '${settings.csrPath}' gave is no use: ${wrong}`)
        return alsoTrusted.length > 0 ? { ...made, alsoTrusted } : made
      },
    }
  }

  private uriOf(trustDomain: string): string {
    return `spiffe://${trustDomain}/ns/${this.namespace}/sa/istiod`
  }

  private async givenByUser(cluster: string): Promise<KeyedCertificate | undefined> {
    for (const name of givenSecrets) {
      const stored = await this.store.read({ cluster, namespace: this.namespace, name })
      const given = stored && authorityOf(stored.content)
      if (!given) continue
      const wrong = checkAuthority(given)
      if (wrong !== undefined) throw new Error(`Secret ${this.namespace}/${name} of cluster ${cluster}: ${wrong}`)
      return given
    }
    return undefined
  }

  private sharedRoot(source: Extract<RootSource, { kind: 'shared' }>): Promise<KeyedCertificate> {
    const key = nameKey(source.secret)
    const known = this.asked.get(key)
    if (known) return known
    const asked = this.readOrMakeRoot(source).finally(() => this.asked.delete(key))
    this.asked.set(key, asked)
    return asked
  }

  private async readOrMakeRoot(source: Extract<RootSource, { kind: 'shared' }>): Promise<KeyedCertificate> {
    const { secret, generate } = source
    for (let attempt = 0; attempt < 5; attempt++) {
      const stored = await this.store.read(secret)
      const root = stored && authorityOf(stored.content)
      const isDue = generate !== undefined && (isWished(stored) || (root && this.expiresSoon(root)))
      if (root && !isDue) {
        const wrong = checkAuthority(root)
        if (wrong !== undefined) throw new Error(`Secret ${secret.namespace}/${secret.name}: ${wrong}`)
        return root
      }
      if (!generate) throw new Error(`Secret ${secret.namespace}/${secret.name} with the shared root does not exist`)
      const made = await this.newRoot(secret.name, generate)
      const rotated = stored?.rotation === undefined ? {} : { rotated: stored.rotation }
      if (await this.store.write(secret, { ...contentOfAuthority(made), ...rotated }, stored?.version)) return made
    }
    throw new Error(`Secret ${secret.namespace}/${secret.name} keeps being changed by somebody else`)
  }

  private newRoot(name: string, options: AuthorityOptions): Promise<KeyedCertificate> {
    return makeRoot({
      organization: options.organization,
      commonName: `${name} root`,
      keyKind: options.keyKind,
      validity: validityFrom(this.now(), options.ttlMs),
    })
  }

  private newIntermediate(cluster: string, settings: TrustSettings, root: KeyedCertificate): Promise<KeyedCertificate> {
    const options = settings.root.kind === 'shared' ? settings.root.intermediate : ownRoot
    return makeIntermediate(root, {
      organization: options.organization,
      commonName: cluster,
      uris: [this.uriOf(settings.trustDomain)],
      keyKind: options.keyKind,
      validity: validityFrom(this.now(), options.ttlMs),
    })
  }
}

const isWished = (stored: StoredSecret | undefined): boolean =>
  stored?.rotation !== undefined && stored.rotation !== stored.content['rotated']

export const nameKey = (name: SecretName): string => `${name.cluster}/${name.namespace}/${name.name}`
