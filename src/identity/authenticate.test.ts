import 'reflect-metadata'
import { webcrypto, X509Certificate } from 'node:crypto'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import * as x509 from '@peculiar/x509'
import { describe, expect, it } from 'vitest'
import { IstioCertificateRequestSchema, IstioCertificateResponseSchema } from '#gen/security/v1alpha1/ca_pb.js'
import { Authenticator, checkNodeClaim } from './authenticate.ts'
import { createCertificate } from './certificate-service.ts'
import { day, isTrusted, own, reviews, rootsOf, setUp, uris } from './testing.ts'
import { makeLeaf, makeRoot, validityFrom } from './x509.ts'

describe('callers', () => {
  const tokens = new Map([['east-token', { namespace: 'bookinfo', serviceAccount: 'reviews', pod: 'reviews-v1-abc' }]])

  async function callers() {
    const parts = setUp()
    for (const cluster of ['east', 'west']) await parts.authority.setTrust(cluster, own)
    const authenticator = new Authenticator(
      parts.authority,
      async (cluster, token) => (cluster === 'east' ? tokens.get(token) : undefined),
      () => parts.timers.now(),
    )
    const der = async (cluster: string, ttlMs = day) => {
      const leaf = await parts.authority.issue(cluster, { uris }, ttlMs)
      return new X509Certificate(leaf.chain[0] ?? '').raw
    }
    return { ...parts, authenticator, der }
  }

  it('are known by certificate or token, in their own cluster only', async () => {
    const { authenticator, der, timers } = await callers()
    const east = await der('east')
    const byCertificate = { certificate: east, bearer: undefined }
    expect((await authenticator.authenticate(byCertificate, 'east')).id).toEqual(reviews)
    await expect(authenticator.authenticate(byCertificate, 'west')).rejects.toThrow('not from the authority')
    const byToken = { certificate: undefined, bearer: 'east-token' }
    expect(await authenticator.authenticate(byToken, 'east')).toMatchObject({ id: reviews, pod: 'reviews-v1-abc' })
    await expect(authenticator.authenticate(byToken, 'west')).rejects.toThrow('does not accept the token')
    await expect(authenticator.authenticate(byToken, 'north')).rejects.toThrow('not known')
    const nothing = { certificate: undefined, bearer: undefined }
    await expect(authenticator.authenticate(nothing, 'east')).rejects.toMatchObject({ code: 'unauthenticated' })
    timers.advance(2 * day)
    await expect(authenticator.authenticate(byCertificate, 'east')).rejects.toThrow('expired')
  })

  it('are refused with certificates of strangers, of other identities, and of other times', async () => {
    const { authority, authenticator, timers } = await callers()
    const refused = async (certificate: Uint8Array, why: string): Promise<void> => {
      const asked = authenticator.authenticate({ certificate, bearer: undefined }, 'east')
      await expect(asked).rejects.toMatchObject({ code: 'unauthenticated', message: expect.stringContaining(why) })
    }
    const der = (pem: string): Uint8Array => new X509Certificate(pem).raw
    const now = timers.now()
    const parts = { organization: 'stranger', commonName: 'root', keyKind: 'ecdsa-p256' } as const
    const stranger = await makeRoot({ ...parts, validity: validityFrom(now, day) })
    await refused(
      der((await makeLeaf(stranger, { uris }, validityFrom(now, day))).certificate),
      'not from the authority',
    )
    // Who has stolen the name of our root has not its key.
    const [root = ''] = rootsOf(authority, 'east')
    const named = await makeRoot({
      organization: 'fairlead',
      commonName: 'east root',
      keyKind: 'ecdsa-p256',
      validity: validityFrom(now, day),
    })
    expect(new X509Certificate(named.certificate).subject).toBe(new X509Certificate(root).subject)
    await refused(der((await makeLeaf(named, { uris }, validityFrom(now, day))).certificate), 'not from the authority')
    const leaf = async (names: Parameters<typeof makeLeaf>[1]): Promise<Uint8Array> =>
      der((await authority.issue('east', names, day)).chain[0] ?? '')
    await refused(await leaf({ uris: ['spiffe://other.domain/ns/bookinfo/sa/reviews'] }), 'names no identity')
    await refused(
      await leaf({ uris: [...uris, 'spiffe://cluster.local/ns/kube-system/sa/admin'] }),
      'names no identity',
    )
    await refused(await leaf({ dnsNames: ['istiod.istio-system.svc'] }), 'names no identity')
    await refused(Buffer.from('no certificate'), 'not from the authority')
    const good = await leaf({ uris })
    timers.advance(-day)
    await refused(good, 'not yet valid')
  })

  it('lose their name with the account: a token that was taken away is asked for each time', async () => {
    const parts = setUp()
    await parts.authority.setTrust('east', own)
    const accepted = new Map([['stolen', { namespace: 'machines', serviceAccount: 'shop' }]])
    const verify = async (_: string, token: string) => accepted.get(token)
    const authenticator = new Authenticator(parts.authority, verify, () => parts.timers.now())
    const owner = { certificate: undefined, bearer: 'stolen' }
    const proved = await authenticator.authenticate(owner, 'east')
    // The thief is the account, nothing more: no machine of another one, and no pod.
    expect(await authenticator.authenticate(owner, 'east')).toEqual(proved)
    const id = 'sidecar~10.9.9.9~shop-1.machines~machines.svc.cluster.local'
    expect(() => checkNodeClaim(proved, { id, metadata: { SERVICE_ACCOUNT: 'bank' } })).toThrow(
      'its identity proves shop',
    )
    expect(() => checkNodeClaim(proved, { id: id.replaceAll('machines', 'banks'), metadata: {} })).toThrow(
      'proves machines',
    )
    accepted.clear()
    await expect(authenticator.authenticate(owner, 'east')).rejects.toThrow('does not accept the token')
  })

  it('may be no other node than their identity proves', () => {
    const proved = { cluster: 'east', id: reviews, pod: 'reviews-v1-abc' }
    const id = 'sidecar~10.0.0.1~reviews-v1-abc.bookinfo~bookinfo.svc.cluster.local'
    const metadata = { NAME: 'reviews-v1-abc', NAMESPACE: 'bookinfo', SERVICE_ACCOUNT: 'reviews' }
    expect(() => checkNodeClaim(proved, { id, metadata })).not.toThrow()
    expect(() => checkNodeClaim({ ...proved, pod: undefined }, { id, metadata: {} })).not.toThrow()
    const others = [
      { id, metadata: { ...metadata, NAMESPACE: 'kube-system' } },
      { id, metadata: { ...metadata, SERVICE_ACCOUNT: 'productpage' } },
      { id, metadata: { ...metadata, NAME: 'reviews-v2-abc' } },
      { id: id.replace('abc.bookinfo', 'abc.other'), metadata },
    ]
    for (const node of others) expect(() => checkNodeClaim(proved, node)).toThrow('its identity proves')
  })

  it('get certificates for their own identity by a signing request', async () => {
    const { authority, authenticator } = await callers()
    const keys = (await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
      'sign',
      'verify',
    ])) as webcrypto.CryptoKeyPair
    const request = await x509.Pkcs10CertificateRequestGenerator.create({
      name: 'O=somebody',
      keys,
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      extensions: [
        new x509.SubjectAlternativeNameExtension([{ type: 'url', value: 'spiffe://cluster.local/ns/a/sa/admin' }]),
      ],
    })
    const parts = { authority, authenticator, serverRoot: () => 'SERVER ROOT' }
    const message = create(IstioCertificateRequestSchema, { csr: request.toString('pem'), validityDuration: 3600n })
    const caller = { certificate: undefined, bearer: 'east-token' }
    const answer = await createCertificate(parts, caller, 'east', toBinary(IstioCertificateRequestSchema, message))
    const { certChain } = fromBinary(IstioCertificateResponseSchema, answer)
    const leaf = new X509Certificate(certChain[0] ?? '')
    expect(leaf.subjectAltName).toBe('URI:spiffe://cluster.local/ns/bookinfo/sa/reviews')
    expect(certChain.at(-1)).toBe(`${rootsOf(authority, 'east').join('')}SERVER ROOT`)
    expect(isTrusted(certChain.slice(0, -1), rootsOf(authority, 'east'))).toBe(true)

    const bad = create(IstioCertificateRequestSchema, { csr: 'nonsense' })
    await expect(
      createCertificate(parts, caller, 'east', toBinary(IstioCertificateRequestSchema, bad)),
    ).rejects.toMatchObject({ code: 'invalid' })
  })
})
