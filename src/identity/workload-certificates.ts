import type { CertificateAuthority } from './authority.ts'
import type { Redacted } from './redacted.ts'
import { formatSpiffeId, type SpiffeId } from './spiffe-id.ts'
import type { Validity } from './x509.ts'

/** The certificate that one proxy shows its peers. */
export interface WorkloadCertificate {
  /** PEM, leaf first, without the root. */
  readonly chain: readonly string[]
  readonly key: Redacted<string>
  readonly validity: Validity
  /** Fingerprint of the authority that signed it. */
  readonly signer: string
}

/** Time, passed in. */
export interface Timers {
  now(): number
  /** Calls back once after `ms`; returns how to cancel. */
  after(ms: number, callback: () => void): () => void
}

interface Holder {
  readonly cluster: string
  readonly id: SpiffeId
  certificate: WorkloadCertificate
  cancel: () => void
}

/**
 * A certificate for each holder (a connected proxy), renewed half-way through its life, and at once when another
 * authority signs. A holder keeps the old one until the new one is there.
 */
export class WorkloadCertificates {
  private readonly authority: CertificateAuthority
  private readonly timers: Timers
  private readonly ttlMs: number
  private readonly renewed: (holder: string) => void
  private readonly log: (event: string, detail: Readonly<Record<string, unknown>>) => void
  private readonly holders = new Map<string, Holder>()
  private readonly unsubscribe: () => void

  constructor(parts: {
    authority: CertificateAuthority
    timers: Timers
    ttlMs?: number
    /** Told after each renewal. */
    renewed: (holder: string) => void
    log?: (event: string, detail: Readonly<Record<string, unknown>>) => void
  }) {
    this.authority = parts.authority
    this.timers = parts.timers
    this.ttlMs = parts.ttlMs ?? parts.authority.maxLeafTtlMs
    this.renewed = parts.renewed
    this.log = parts.log ?? (() => undefined)
    this.unsubscribe = this.authority.onChange((cluster) => {
      const signer = this.authority.trust(cluster)?.active
      for (const [name, holder] of this.holders) {
        if (holder.cluster === cluster && holder.certificate.signer !== signer) this.renew(name)
      }
    })
  }

  /** Makes the holder's first certificate. Call `release` when the holder is gone. */
  async prepare(holder: string, cluster: string, id: SpiffeId): Promise<WorkloadCertificate> {
    const certificate = await this.issue(cluster, id)
    this.holders.get(holder)?.cancel()
    const cancel = this.renewLater(holder, certificate)
    this.holders.set(holder, { cluster, id, certificate, cancel })
    return certificate
  }

  get(holder: string): WorkloadCertificate | undefined {
    return this.holders.get(holder)?.certificate
  }

  release(holder: string): void {
    this.holders.get(holder)?.cancel()
    this.holders.delete(holder)
  }

  close(): void {
    this.unsubscribe()
    for (const holder of this.holders.keys()) this.release(holder)
  }

  private issue(cluster: string, id: SpiffeId): Promise<WorkloadCertificate> {
    return this.authority.issue(cluster, { uris: [formatSpiffeId(id)] }, this.ttlMs)
  }

  private renewLater(name: string, certificate: WorkloadCertificate): () => void {
    const { notBefore, notAfter } = certificate.validity
    const half = (notAfter.getTime() - Math.max(notBefore.getTime(), this.timers.now())) / 2
    return this.timers.after(Math.max(half, 1000), () => this.renew(name))
  }

  private renew(name: string): void {
    const holder = this.holders.get(name)
    if (!holder) return
    holder.cancel()
    this.issue(holder.cluster, holder.id).then(
      (certificate) => {
        if (this.holders.get(name) !== holder) return
        holder.certificate = certificate
        holder.cancel = this.renewLater(name, certificate)
        this.renewed(name)
      },
      (error: unknown) => {
        this.log('renewing a certificate failed', { holder: name, error: String(error) })
        // Half of what is left, so that many attempts fit before it expires.
        if (this.holders.get(name) === holder) holder.cancel = this.renewLater(name, holder.certificate)
      },
    )
  }
}
