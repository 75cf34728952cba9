// What the tests of this folder share: a clock, a store, settings, and what a peer would trust.
import { X509Certificate } from 'node:crypto'
import { CertificateAuthority, type Delivery } from './authority.ts'
import { type RootSource, type TrustSettings } from './authority-source.ts'
import { formatSpiffeId } from './spiffe-id.ts'
import { memorySecretStore } from './store.ts'

export const hour = 3600_000
export const day = 24 * hour
export const own: TrustSettings = { trustDomain: 'cluster.local', root: { kind: 'own' } }
export const sharedSource = {
  kind: 'shared',
  secret: { cluster: '', namespace: 'service-mesh-hub', name: 'mesh.service-mesh-hub' },
  generate: { organization: 'mesh', keyKind: 'ecdsa-p256', ttlMs: 365 * day },
  intermediate: { organization: 'Istio', keyKind: 'ecdsa-p256', ttlMs: 365 * day },
} satisfies RootSource
export const shared: TrustSettings = { trustDomain: 'cluster.local', root: sharedSource }
export const reviews = { trustDomain: 'cluster.local', namespace: 'bookinfo', serviceAccount: 'reviews' }
export const uris = [formatSpiffeId(reviews)]

export function setUp() {
  const timers = fakeTimers(Date.UTC(2030, 0, 1))
  const store = memorySecretStore()
  const open = () => new CertificateAuthority({ store, now: () => timers.now() })
  return { timers, store, open, authority: open() }
}

/** A clock that stands still until it is moved. */
export function fakeTimers(start: number) {
  let now = start
  const waiting = new Set<{ at: number; callback: () => void }>()
  return {
    now: () => now,
    after(ms: number, callback: () => void) {
      const timer = { at: now + ms, callback }
      waiting.add(timer)
      return () => void waiting.delete(timer)
    },
    advance(ms: number) {
      now += ms
      for (const timer of waiting) {
        if (timer.at > now) continue
        waiting.delete(timer)
        timer.callback()
      }
    },
    get waiting() {
      return waiting.size
    },
  }
}

/** Whether a peer that trusts `roots` takes this chain, as Envoy would decide. */
export function isTrusted(chain: readonly string[], roots: readonly string[]): boolean {
  const certificates = chain.map((pem) => new X509Certificate(pem))
  const issuers = [...certificates.slice(1), ...roots.map((pem) => new X509Certificate(pem))]
  let current = certificates[0]
  for (let i = 0; current && i < 5; i++) {
    const at: X509Certificate = current
    if (roots.some((pem) => new X509Certificate(pem).raw.equals(at.raw))) return true
    current = issuers.find((by) => at.checkIssued(by) && at.verify(by.publicKey))
  }
  return false
}

/** Proxies that have taken everything, in those clusters. */
export const delivered = (has: (cluster: string) => boolean = () => true): Delivery => ({ roots: has, leaves: has })

export async function advanceAll(authority: CertificateAuthority, delivery: Delivery): Promise<void> {
  for (const cluster of authority.clusters) await authority.advance(cluster, delivery)
}

export const secretOf = (cluster: string) => ({ cluster, namespace: 'istio-system', name: 'fairlead-ca' })

export const rootsOf = (authority: CertificateAuthority, cluster: string) => authority.trust(cluster)?.roots ?? []
