import { authorityOf, contentOfAuthority, type SecretName, type SecretStore } from './store.ts'
import type { Timers, WorkloadCertificate } from './workload-certificates.ts'
import { type KeyedCertificate, makeLeaf, makeRoot, validityFrom } from './x509.ts'

const day = 24 * 3600_000

/**
 * The certificate that the control plane shows on its xDS port. It has a root of its own, which no change of the clusters'
 * roots touches, so that a proxy can always come back and learn of the change.
 */
export class ServerCertificate {
  /** PEM of the root that clients must trust. */
  readonly root: string
  private readonly authority: KeyedCertificate
  private readonly timers: Timers
  private readonly names: { dnsNames: readonly string[]; addresses: readonly string[] }
  private readonly listeners = new Set<() => void>()
  private cancel: () => void = () => undefined
  private current: { chain: readonly string[]; key: WorkloadCertificate['key'] } | undefined

  private constructor(authority: KeyedCertificate, timers: Timers, names: ServerCertificate['names']) {
    this.authority = authority
    this.root = authority.root
    this.timers = timers
    this.names = names
  }

  /** Loads the root from its Secret, or makes it there. Rejects if the Secret cannot be read or written. */
  static async open(parts: {
    store: SecretStore
    secret: SecretName
    timers: Timers
    dnsNames: readonly string[]
    addresses: readonly string[]
  }): Promise<ServerCertificate> {
    const { store, secret, timers } = parts
    for (let attempt = 0; attempt < 5; attempt++) {
      const stored = await store.read(secret)
      let authority = stored && authorityOf(stored.content)
      if (!authority) {
        const validity = validityFrom(timers.now(), 3650 * day)
        authority = await makeRoot({
          organization: 'fairlead',
          commonName: 'fairlead control plane',
          keyKind: 'ecdsa-p256',
          validity,
        })
        if (!(await store.write(secret, contentOfAuthority(authority), stored?.version))) continue
      }
      const opened = new ServerCertificate(authority, timers, {
        dnsNames: parts.dnsNames,
        addresses: parts.addresses,
      })
      await opened.renew()
      return opened
    }
    throw new Error(`Secret ${secret.namespace}/${secret.name} keeps being changed by somebody else`)
  }

  /** PEM of chain and key, now. */
  pem(): { chain: string; key: string } {
    return { chain: this.current?.chain.join('') ?? '', key: this.current?.key.reveal() ?? '' }
  }

  /** Calls back after each renewal. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  close(): void {
    this.cancel()
    this.listeners.clear()
  }

  private async renew(): Promise<void> {
    const leaf = await makeLeaf(this.authority, this.names, validityFrom(this.timers.now(), 30 * day))
    this.current = { chain: [leaf.certificate], key: leaf.key }
    this.cancel = this.timers.after(15 * day, () => void this.renew())
    for (const listener of this.listeners) listener()
  }
}
