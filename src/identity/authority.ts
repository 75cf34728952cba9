// Which authority signs for which cluster, and which roots its proxies trust. A change of root goes in steps, so that
// no two proxies ever fail to verify each other:
//
//   active A, trusted A  ──announce──►  active A, next B, trusted A+B  ──everybody has B──►  active B, trusted B+A
//     ──everybody shows a leaf of B──►  the same, A no longer shown  ──leaves of A expired──►  active B, trusted B
//
// Each step is one write of the cluster's Secret; whoever restarts goes on from there.
import { AuthoritySource, type AuthorityTarget, nameKey, type TrustSettings } from './authority-source.ts'
import { type AuthorityRow, describeAuthority } from './describe.ts'
import { IdentityRefused } from './errors.ts'
import {
  type AuthorityState,
  contentOf,
  type PublicMarks,
  type RetiredAuthority,
  type SecretStore,
  stateOf,
} from './store.ts'
import type { VaultAuthority } from './vault/index.ts'
import {
  fingerprint,
  type KeyedCertificate,
  type LeafNames,
  makeLeaf,
  readCertificate,
  signRequest,
  validityFrom,
} from './x509.ts'

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
  /** PEM of the roots below which proxies may show leaves now. */
  readonly shown: readonly string[]
}

/** How far proxies have followed. */
export interface Delivery {
  /** Whether every proxy of the cluster trusts the root. */
  roots(cluster: string, root: string): boolean
  /** Whether every proxy of the cluster shows a leaf of the authority that signs now. */
  leaves(cluster: string): boolean
}

/** Annotations of a cluster's Secret: fingerprints of the roots that its proxies trust, and below which they show leaves. */
export const trustMarks = { trusted: 'fairlead.dev/trusted-roots', shown: 'fairlead.dev/shown-roots' } as const

const day = 24 * 3600_000

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
  /** Asked where a root is in a Vault; absent: such clusters get no authority. */
  readonly vault?: VaultAuthority
  readonly log?: (event: string, detail: Readonly<Record<string, unknown>>) => void
}

export class CertificateAuthority {
  readonly maxLeafTtlMs: number
  private readonly store: SecretStore
  private readonly now: () => number
  private readonly namespace: string
  private readonly log: (event: string, detail: Readonly<Record<string, unknown>>) => void
  private readonly source: AuthoritySource
  private readonly entries = new Map<string, Entry>()
  private readonly listeners = new Set<(cluster: string) => void>()

  constructor(options: CertificateAuthorityOptions) {
    this.store = options.store
    this.now = options.now
    this.maxLeafTtlMs = options.maxLeafTtlMs ?? day
    this.namespace = options.namespace ?? 'istio-system'
    this.log = options.log ?? (() => undefined)
    const { store, now, namespace, maxLeafTtlMs } = this
    this.source = new AuthoritySource({ store, now, namespace, maxLeafTtlMs, vault: options.vault })
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
   * that has none; another one is announced. `advance` takes the other steps. Call it again after the Secrets have
   * changed; it does nothing if all is as it should be. Rejects if a Secret cannot be read, written or used, or if a Vault
   * does not sign: then what was in force stays in force.
   */
  async setTrust(cluster: string, settings: TrustSettings): Promise<void> {
    // A Vault may take its time, or be away: what it has signed before goes on meanwhile.
    if (settings.root.kind === 'vault' && !this.entries.has(cluster))
      await this.update(cluster, settings, async (state) => state)
    const target = await this.source.target(cluster, settings)
    await this.update(cluster, settings, (state, rotation) => towards(state, target, rotation))
  }

  forget(cluster: string): void {
    if (this.entries.delete(cluster)) this.tell(cluster)
  }

  trust(cluster: string): ClusterTrust | undefined {
    const entry = this.entries.get(cluster)
    if (!entry) return undefined
    const { active, next } = entry.state
    return {
      cluster,
      trustDomain: entry.settings.trustDomain,
      roots: trustedRoots(entry.state),
      signers: unique([active.certificate, ...entry.state.retired.map((r) => r.certificate)]),
      active: fingerprint(active.certificate),
      announced: next && next.root !== active.root ? next.root : undefined,
      shown: shownRoots(entry.state),
    }
  }

  describe(): AuthorityRow[] {
    return [...this.entries].map(([cluster, { settings, state }]) => describeAuthority(cluster, settings, state))
  }

  /**
   * Notes the wish for another root of a cluster, and of those that share it; the watch of the Secret brings it back.
   * Returns their names, or undefined if there is no such cluster. Rejects if the root is not one that Fairlead made.
   */
  async wishRotation(cluster: string): Promise<string[] | undefined> {
    const entry = this.entries.get(cluster)
    if (!entry) return undefined
    const row = describeAuthority(cluster, entry.settings, entry.state)
    const { root } = entry.settings
    if (!row.secret || (root.kind === 'shared' && !root.generate))
      throw new IdentityRefused(
        'denied',
        `the root of cluster ${cluster} is not Fairlead's; replace it where you gave it`,
      )
    await this.store.wish(row.secret, new Date(this.now()).toISOString())
    return this.group(cluster)
  }

  /**
   * Takes the steps that are due for a cluster. Call it now and then, and when proxies acknowledge; only by the replica that writes.
   * Rejects if a Secret cannot be read or written, or if a Vault does not sign the successor of what expires.
   */
  async advance(cluster: string, delivery: Delivery): Promise<void> {
    const entry = this.entries.get(cluster)
    if (!entry) return
    const { settings, state } = entry
    if (this.expiresSoon(state)) {
      await this.update(cluster, settings, async (now) =>
        now && this.expiresSoon(now) ? await this.source.renewed(cluster, settings, now) : now,
      )
    }
    if (this.stepped(cluster, state, delivery) === state) return
    await this.update(cluster, settings, async (now) => now && this.stepped(cluster, now, delivery))
  }

  /** The state after the steps that are due; the same one if there is none. */
  private stepped(cluster: string, state: AuthorityState, delivery: Delivery): AuthorityState {
    const { active, next } = state
    const good = state.retired.filter((r) => r.untilMs > this.now())
    const isReplaced = good.some((r) => r.isShown) && delivery.leaves(cluster)
    const kept = good.length === state.retired.length ? state.retired : good
    const retired = isReplaced ? good.map((r): RetiredAuthority => ({ ...r, isShown: false })) : kept
    if (next && this.group(cluster).every((member) => this.has(member, next.root, delivery))) {
      const untilMs = this.now() + this.maxLeafTtlMs
      const old = { certificate: active.certificate, root: active.root, untilMs, isShown: true }
      return { ...state, active: next, next: undefined, retired: [...retired, old] }
    }
    return retired === state.retired ? state : { ...state, retired }
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

  /**
   * Reads the cluster's Secret, lets `change` decide, writes what is new; tries again if another replica was faster. A
   * Secret that somebody has deleted is a wish for another authority: what was in it goes on until the next one is there.
   */
  private async update(
    cluster: string,
    settings: TrustSettings,
    change: (state: AuthorityState | undefined, rotation: string | undefined) => Promise<AuthorityState | undefined>,
  ): Promise<void> {
    const name = { cluster, namespace: this.namespace, name: 'fairlead-ca' }
    for (let attempt = 0; attempt < 5; attempt++) {
      const stored = await this.store.read(name)
      const last = this.entries.get(cluster)
      const before = stored ? stateOf(stored.content) : last?.state
      const wish = stored ? stored.rotation : last && `deleted ${last.version}`
      const state = await change(before, wish)
      if (!state) return
      if (stored && state === before) return this.adopt(cluster, { settings, state, version: stored.version })
      if (await this.store.write(name, contentOf(state), stored?.version, marksOf(state))) {
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

  private expiresSoon({ active, next }: AuthorityState): boolean {
    return next === undefined && this.source.expiresSoon(active)
  }

  /** The clusters that share the cluster's root, itself included. */
  private group(cluster: string): string[] {
    const shared = sharedName(this.entries.get(cluster)?.settings)
    if (shared === undefined) return [cluster]
    return [...this.entries].filter(([, e]) => sharedName(e.settings) === shared).map(([name]) => name)
  }

  private has(cluster: string, root: string, delivery: Delivery): boolean {
    return (this.trust(cluster)?.roots.includes(root) ?? false) && delivery.roots(cluster, root)
  }
}

/** The first authority of a cluster signs at once; any other is announced first. */
async function towards(
  state: AuthorityState | undefined,
  target: AuthorityTarget,
  rotation: string | undefined,
): Promise<AuthorityState> {
  if (!state) return { active: await target.make(), next: undefined, retired: [], rotated: rotation }
  // What the user has given only the user can replace.
  if (rotation !== undefined && rotation !== state.rotated && !target.given)
    return { ...state, next: await target.make(), rotated: rotation }
  const { active, next } = state
  if (target.given && target.is(active) && !sameRoots(target.given, active))
    return { ...state, active: target.given, next: undefined }
  if (target.is(next ?? active)) return state
  return { ...state, next: target.is(active) ? undefined : await target.make() }
}

const sameRoots = (a: KeyedCertificate, b: KeyedCertificate): boolean =>
  [a.root, ...(a.alsoTrusted ?? [])].join('') === [b.root, ...(b.alsoTrusted ?? [])].join('')

function trustedRoots({ active, next, retired }: AuthorityState): string[] {
  const all = [active, ...(next ? [next] : [])].flatMap((a) => [a.root, ...(a.alsoTrusted ?? [])])
  return unique([...all, ...retired.map((r) => r.root)])
}

const shownRoots = ({ active, retired }: AuthorityState): string[] =>
  unique([active.root, ...retired.filter((r) => r.isShown).map((r) => r.root)])

const marksOf = (state: AuthorityState): PublicMarks => ({
  [trustMarks.trusted]: trustedRoots(state).map(fingerprint).join(),
  [trustMarks.shown]: shownRoots(state).map(fingerprint).join(),
})

const chainOf = (authority: KeyedCertificate): string[] =>
  // A root need not be sent: the peer has it or does not trust it.
  authority.certificate === authority.root ? [] : [authority.certificate, ...authority.intermediates]

function sharedName(settings: TrustSettings | undefined): string | undefined {
  const root = settings?.root
  if (root?.kind === 'vault') return `${root.vault.server} ${root.vault.namespace} ${root.vault.caPath}`
  return root?.kind === 'shared' ? nameKey(root.secret) : undefined
}

const unique = (list: readonly string[]): string[] => [...new Set(list)]
