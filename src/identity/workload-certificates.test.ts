import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { certificateSecret } from './sds.ts'
import { advanceAll, day, delivered, hour, own, reviews, secretOf, setUp } from './testing.ts'
import { WorkloadCertificates } from './workload-certificates.ts'

describe('certificates of workloads', () => {
  it('are renewed half-way, and kept until the new one is there', async () => {
    const { authority, timers } = setUp()
    await authority.setTrust('east', own)
    const renewed: string[] = []
    const certificates = new WorkloadCertificates({ authority, timers, renewed: (holder) => renewed.push(holder) })
    const first = await certificates.prepare('pod-1', 'east', reviews)
    timers.advance(11 * hour)
    expect(certificates.get('pod-1')).toBe(first)
    timers.advance(hour)
    expect(certificates.get('pod-1')).toBe(first)
    await expect.poll(() => renewed).toEqual(['pod-1'])
    expect(certificates.get('pod-1')?.validity.notAfter.getTime()).toBe(timers.now() + day)
    certificates.release('pod-1')
    expect(certificates.get('pod-1')).toBeUndefined()
    expect(timers.waiting).toBe(0)
  })

  it('are replaced when another authority signs', async () => {
    const { authority, timers, store } = setUp()
    await authority.setTrust('east', own)
    const renewed: string[] = []
    const certificates = new WorkloadCertificates({ authority, timers, renewed: (holder) => renewed.push(holder) })
    const first = await certificates.prepare('pod-1', 'east', reviews)
    await store.wish(secretOf('east'), 'now')
    await authority.setTrust('east', own)
    expect(renewed).toEqual([])
    await advanceAll(authority, delivered())
    await expect.poll(() => renewed).toEqual(['pod-1'])
    expect(certificates.get('pod-1')?.signer).not.toBe(first.signer)
    certificates.close()
  })

  it('never show their keys', async () => {
    const { authority, timers } = setUp()
    await authority.setTrust('east', own)
    const certificates = new WorkloadCertificates({ authority, timers, renewed: () => undefined })
    const certificate = await certificates.prepare('pod-1', 'east', reviews)
    const key = certificate.key.reveal().split('\n')[1] ?? ''
    expect(key.length).toBeGreaterThan(20)
    for (const shown of [
      inspect(certificate, { depth: 9 }),
      JSON.stringify(certificate),
      String(certificate.key.toString()),
    ]) {
      expect(shown).not.toContain(key)
    }
    expect(Buffer.from(certificateSecret(certificate).message()).toString('latin1')).toContain(key)
    certificates.close()
  })
})
