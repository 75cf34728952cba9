// Which authority signs for which cluster, and which roots its proxies trust. A change of root goes in steps, so that
// no two proxies ever fail to verify each other:
//
//   active A, trusted A  ──announce──►  active A, next B, trusted A+B  ──everybody has B──►  active B, trusted B+A
//                                                                     ──leaves of A expired──►  active B, trusted B
//
// Each step is one write of the cluster's Secret; whoever restarts goes on from there.
import { IdentityRefused } from './errors.ts'
import {
  type AuthorityState,
  authorityOf,
  contentOf,
  contentOfAuthority,
  type RetiredAuthority,
  type SecretName,
  type SecretStore,
  stateOf,
} from './store.ts'
import {
  checkAuthority,
  fingerprint,
  type KeyedCertificate,
  type KeyKind,
  type LeafNames,
  makeIntermediate,
  makeLeaf,
  makeRoot,
  readCertificate,
  signRequest,
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
  /** Several clusters share a root, kept in `secret`; made there unless `generate` is undefined (then it is the user's). */
  | {
      readonly kind: 'shared'
      readonly secret: SecretName
      readonly generate: AuthorityOptions | undefined
      readonly intermediate: AuthorityOptions
    }

export interface TrustSettings {
  readonly trustDomain: string
  readonly root: RootSource
}

/** What a cluster's proxies trust and who signs for them, as of now. */
export interface ClusterTrust {
  readonly cluster: string
  readonly trustDomain: string
  /** PEM of all trusted roots, the signing one first. */
  readonly roots: readonly string[]
  /** PEM of all certificates that may have signed a leaf that is still good. */
  readonly signers: readonly string[]
  /** Fingerprint of the active authority. */
  readonly active: string
  /** PEM of the root that is announced and does not sign yet. */
  readonly announced: string | undefined
}

const day = 24 * 3600_000
const defaultRoot: AuthorityOptions = { organization: 'fairlead', keyKind: 'ecdsa-p256', ttlMs: 3650 * day }

interface Entry {
  readonly settings: TrustSettings
  readonly state: AuthorityState
  readonly version: string
}

export interface CertificateAuthorityOptions {
  readonly store: SecretStore
  readonly now: () => number
  /** No leaf lives longer. */
  readonly maxLeafTtlMs?: number
  /** Namespace of the Secrets in the clusters. */
  readonly namespace?: string
  readonly log?: (event: string, detail: Readonly<Record<string, unknown>>) => void
}

export class CertificateAuthority {
  readonly maxLeafTtlMs: number
  private readonly store: SecretStore
  private readonly now: () => number
  private readonly namespace: string
  private readonly log: (event: string, detail: Readonly<Record<string, unknown>>) => void
  private readonly entries = new Map<string, Entry>()
  private readonly listeners = new Set<(cluster: string) => void>()

  constructor(options: CertificateAuthorityOptions) {
    this.store = options.store
    this.now = options.now
    this.maxLeafTtlMs = options.maxLeafTtlMs ?? day
    this.namespace = options.namespace ?? 'istio-system'
    this.log = options.log ?? (() => undefined)
  }

  /** Calls back with the name of each cluster whose authorities change. Returns how to stop. */
  onChange(listener: (cluster: string) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  get clusters(): readonly string[] {
    return [...this.entries.keys()]
  }

  /**
   * Says how a cluster is to be trusted, and takes the first step there: an authority is loaded or made for a cluster
   * that has none; one under another root is announced. `advance` takes the others. Call it again after the Secrets have
   * changed; it does nothing if all is as it should be. Rejects if a Secret cannot be read, written or used.
   */
  async setTrust(cluster: string, settings: TrustSettings): Promise<void> {
    await this.update(cluster, settings, (state) => this.reconciled(cluster, settings, state))
  }

  forget(cluster: string): void {
    if (this.entries.delete(cluster)) this.tell(cluster)
  }

  trust(cluster: string): ClusterTrust | undefined {
    const entry = this.entries.get(cluster)
    if (!entry) return undefined
    const { active, next, retired } = entry.state
    return {
      cluster,
      trustDomain: entry.settings.trustDomain,
      roots: unique([active.root, ...(next ? [next.root] : []), ...retired.map((r) => r.root)]),
      signers: unique([active.certificate, ...retired.map((r) => r.certificate)]),
      active: fingerprint(active.certificate),
      announced: next && next.root !== active.root ? next.root : undefined,
    }
  }

  /**
   * Announces a new root: of one cluster, or of all that share one. `advance` brings it into use. (A root that the user has
   * given is changed by changing the Secret.)
   */
  async rotateRoot(which: { cluster: string } | { shared: SecretName }): Promise<void> {
    if ('cluster' in which) {
      const entry = this.entries.get(which.cluster)
      if (entry?.settings.root.kind !== 'own') throw new Error(`cluster ${which.cluster} has no root of its own`)
      await this.update(which.cluster, entry.settings, async (state) =>
        state ? { ...state, next: await this.newRoot(which.cluster, defaultRoot) } : state,
      )
      return
    }
    const members = [...this.entries].filter(([, e]) => sharedName(e.settings) === nameKey(which.shared))
    const source = members[0]?.[1].settings.root
    if (source?.kind !== 'shared' || !source.generate) throw new Error('this root is not one that Fairlead made')
    const stored = await this.store.read(which.shared)
    const made = await this.newRoot(which.shared.name, source.generate)
    if (!(await this.store.write(which.shared, contentOfAuthority(made), stored?.version)))
      throw new Error(`Secret ${which.shared.namespace}/${which.shared.name} was changed by somebody else meanwhile`)
    for (const [cluster, entry] of members) await this.setTrust(cluster, entry.settings)
  }

  /**
   * Takes the steps that are due. `delivered` says whether every connected proxy of a cluster has taken a root.
   * Call it now and then, and when proxies acknowledge; only by the replica that writes.
   */
  async advance(delivered: (cluster: string, root: string) => boolean): Promise<void> {
    for (const [cluster, entry] of this.entries) {
      if (!this.isDue(entry.state)) continue
      await this.update(cluster, entry.settings, async (state) => {
        if (!state) return state
        const renewed = this.expiresSoon(state.active) && !state.next ? await this.renewed(cluster, entry) : state
        const retired = renewed.retired.filter((r) => r.untilMs > this.now())
        const { active, next } = renewed
        if (next && this.group(cluster).every((member) => this.has(member, next.root, delivered))) {
          const until = this.now() + this.maxLeafTtlMs
          const old: RetiredAuthority = { certificate: active.certificate, root: active.root, untilMs: until }
          return { active: next, next: undefined, retired: [...retired, old] }
        }
        return retired.length === state.retired.length ? renewed : { ...renewed, retired }
      })
    }
  }

  /** A new key with a certificate for it; the chain ends before the root. */
  async issue(cluster: string, names: LeafNames, ttlMs: number) {
    const { active } = this.entryOf(cluster).state
    const validity = validityFrom(this.now(), Math.min(ttlMs, this.maxLeafTtlMs))
    const leaf = await makeLeaf(active, names, validity)
    const facts = readCertificate(leaf.certificate)
    return {
      chain: [leaf.certificate, ...chainOf(active)],
      key: leaf.key,
      validity: facts?.validity ?? validity,
      signer: fingerprint(active.certificate),
    }
  }

  /** A certificate for the key of a signing request; the chain ends before the root. */
  async sign(cluster: string, csr: string, names: LeafNames, ttlMs: number): Promise<string[]> {
    const { active } = this.entryOf(cluster).state
    const validity = validityFrom(this.now(), Math.min(ttlMs, this.maxLeafTtlMs))
    return [await signRequest(active, csr, names, validity), ...chainOf(active)]
  }

  private entryOf(cluster: string): Entry {
    const entry = this.entries.get(cluster)
    if (!entry) throw new IdentityRefused('denied', `there is no authority for cluster ${cluster || '(none)'}`)
    return entry
  }

  /** Reads the cluster's Secret, lets `change` decide, writes what is new; tries again if another replica was faster. */
  private async update(
    cluster: string,
    settings: TrustSettings,
    change: (state: AuthorityState | undefined) => Promise<AuthorityState | undefined>,
  ): Promise<void> {
    const name = { cluster, namespace: this.namespace, name: 'fairlead-ca' }
    for (let attempt = 0; attempt < 5; attempt++) {
      const stored = await this.store.read(name)
      const before = stored && stateOf(stored.content)
      const state = await change(before)
      if (!state) return
      if (stored && state === before) return this.adopt(cluster, { settings, state, version: stored.version })
      if (await this.store.write(name, contentOf(state), stored?.version)) {
        const written = await this.store.read(name)
        return this.adopt(cluster, { settings, state, version: written?.version ?? '' })
      }
    }
    throw new Error(`Secret ${name.namespace}/${name.name} of cluster ${cluster} keeps being changed by somebody else`)
  }

  private adopt(cluster: string, entry: Entry): void {
    const before = this.entries.get(cluster)
    this.entries.set(cluster, entry)
    if (before?.version === entry.version && before.settings.trustDomain === entry.settings.trustDomain) return
    this.log('authorities changed', {
      cluster,
      active: fingerprint(entry.state.active.certificate),
      announced: entry.state.next ? fingerprint(entry.state.next.root) : '',
      retired: entry.state.retired.length,
    })
    this.tell(cluster)
  }

  private tell(cluster: string): void {
    for (const listener of this.listeners) listener(cluster)
  }

  private async reconciled(
    cluster: string,
    settings: TrustSettings,
    state: AuthorityState | undefined,
  ): Promise<AuthorityState> {
    if (settings.root.kind === 'own') {
      const given = await this.givenByUser(cluster)
      if (given)
        return towards(
          state,
          (a) => a.certificate === given.certificate,
          async () => given,
        )
      const isOwn = (a: KeyedCertificate): boolean => a.certificate === a.root
      return towards(state, isOwn, () => this.newRoot(cluster, defaultRoot))
    }
    const root = await this.sharedRoot(settings.root)
    const isBelow = (a: KeyedCertificate): boolean => a.root === root.root
    return towards(state, isBelow, () => this.newIntermediate(cluster, settings, root))
  }

  /** The Secret `cacerts`, as Istio's users make it. */
  private async givenByUser(cluster: string): Promise<KeyedCertificate | undefined> {
    const name = { cluster, namespace: this.namespace, name: 'cacerts' }
    const stored = await this.store.read(name)
    const given = stored && authorityOf(stored.content)
    if (!given) return undefined
    const wrong = checkAuthority(given)
    if (wrong !== undefined) throw new Error(`Secret ${name.namespace}/cacerts of cluster ${cluster}: ${wrong}`)
    return given
  }

  private async sharedRoot(source: Extract<RootSource, { kind: 'shared' }>): Promise<KeyedCertificate> {
    const { secret, generate } = source
    for (let attempt = 0; attempt < 5; attempt++) {
      const stored = await this.store.read(secret)
      const root = stored && authorityOf(stored.content)
      if (root) {
        const wrong = checkAuthority(root)
        if (wrong !== undefined) throw new Error(`Secret ${secret.namespace}/${secret.name}: ${wrong}`)
        return root
      }
      if (!generate) throw new Error(`Secret ${secret.namespace}/${secret.name} with the shared root does not exist`)
      const made = await this.newRoot(secret.name, generate)
      if (await this.store.write(secret, contentOfAuthority(made), stored?.version)) return made
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
    const options = settings.root.kind === 'shared' ? settings.root.intermediate : defaultRoot
    return makeIntermediate(root, {
      organization: options.organization,
      commonName: cluster,
      uris: [`spiffe://${settings.trustDomain}/ns/${this.namespace}/sa/istiod`],
      keyKind: options.keyKind,
      validity: validityFrom(this.now(), options.ttlMs),
    })
  }

  private isDue(state: AuthorityState): boolean {
    const expired = state.retired.some((r) => r.untilMs <= this.now())
    return state.next !== undefined || expired || this.expiresSoon(state.active)
  }

  /** In the last fifth of its life an authority is replaced, as long as leaves can outlive the change. */
  private expiresSoon(authority: KeyedCertificate): boolean {
    const validity = readCertificate(authority.certificate)?.validity
    if (!validity) return false
    const life = validity.notAfter.getTime() - validity.notBefore.getTime()
    return validity.notAfter.getTime() - this.now() < Math.max(life / 5, Math.min(2 * this.maxLeafTtlMs, life / 2))
  }

  private async renewed(cluster: string, entry: Entry): Promise<AuthorityState> {
    const { settings, state } = entry
    // What the user gave only the user can renew.
    if (settings.root.kind === 'own' && state.active.certificate !== state.active.root) return state
    const next =
      settings.root.kind === 'own'
        ? await this.newRoot(cluster, defaultRoot)
        : await this.newIntermediate(cluster, settings, await this.sharedRoot(settings.root))
    return { ...state, next }
  }

  /** The clusters that share the cluster's root, itself included. */
  private group(cluster: string): string[] {
    const shared = sharedName(this.entries.get(cluster)?.settings)
    if (shared === undefined) return [cluster]
    return [...this.entries].filter(([, e]) => sharedName(e.settings) === shared).map(([name]) => name)
  }

  private has(cluster: string, root: string, delivered: (cluster: string, root: string) => boolean): boolean {
    return (this.trust(cluster)?.roots.includes(root) ?? false) && delivered(cluster, root)
  }
}

/** The first authority of a cluster signs at once; any other is announced first. `is` tells those that will do. */
async function towards(
  state: AuthorityState | undefined,
  is: (authority: KeyedCertificate) => boolean,
  make: () => Promise<KeyedCertificate>,
): Promise<AuthorityState> {
  if (!state) return { active: await make(), next: undefined, retired: [] }
  if (is(state.next ?? state.active)) return state
  return { ...state, next: is(state.active) ? undefined : await make() }
}

const chainOf = (authority: KeyedCertificate): string[] =>
  // A root need not be sent: the peer has it or does not trust it.
  authority.certificate === authority.root ? [] : [authority.certificate, ...authority.intermediates]

const nameKey = (name: SecretName): string => `${name.cluster}/${name.namespace}/${name.name}`

const sharedName = (settings: TrustSettings | undefined): string | undefined =>
  settings?.root.kind === 'shared' ? nameKey(settings.root.secret) : undefined

const unique = (list: readonly string[]): string[] => [...new Set(list)]
