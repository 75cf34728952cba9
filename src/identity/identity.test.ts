import { createPublicKey, generateKeyPairSync, webcrypto, X509Certificate } from 'node:crypto'
import 'reflect-metadata'
import { inspect } from 'node:util'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import * as x509 from '@peculiar/x509'
import { describe, expect, it } from 'vitest'
import { IstioCertificateRequestSchema, IstioCertificateResponseSchema } from '#gen/security/v1alpha1/ca_pb.js'
import { Authenticator, checkNodeClaim } from './authenticate.ts'
import { CertificateAuthority, type Delivery, trustMarks } from './authority.ts'
import type { RootSource, TrustSettings } from './authority-source.ts'
import { createCertificate } from './certificate-service.ts'
import { certificateSecret } from './sds.ts'
import { ServerCertificate } from './server-certificate.ts'
import { formatSpiffeId, parseSpiffeId } from './spiffe-id.ts'
import { memorySecretStore } from './store.ts'
import { WorkloadCertificates } from './workload-certificates.ts'
import { makeIntermediate, makeLeaf, makeRoot, validityFrom } from './x509.ts'

const hour = 3600_000
const day = 24 * hour
const own: TrustSettings = { trustDomain: 'cluster.local', root: { kind: 'own' } }
const sharedSource = {
  kind: 'shared',
  secret: { cluster: '', namespace: 'service-mesh-hub', name: 'mesh.service-mesh-hub' },
  generate: { organization: 'mesh', keyKind: 'ecdsa-p256', ttlMs: 365 * day },
  intermediate: { organization: 'Istio', keyKind: 'ecdsa-p256', ttlMs: 365 * day },
} satisfies RootSource
const shared: TrustSettings = { trustDomain: 'cluster.local', root: sharedSource }
const reviews = { trustDomain: 'cluster.local', namespace: 'bookinfo', serviceAccount: 'reviews' }
const uris = [formatSpiffeId(reviews)]

function setUp() {
  const timers = fakeTimers(Date.UTC(2030, 0, 1))
  const store = memorySecretStore()
  const open = () => new CertificateAuthority({ store, now: () => timers.now() })
  return { timers, store, open, authority: open() }
}

/** A clock that stands still until it is moved. */
function fakeTimers(start: number) {
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
function isTrusted(chain: readonly string[], roots: readonly string[]): boolean {
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
const delivered = (has: (cluster: string) => boolean = () => true): Delivery => ({ roots: has, leaves: has })

async function advanceAll(authority: CertificateAuthority, delivery: Delivery): Promise<void> {
  for (const cluster of authority.clusters) await authority.advance(cluster, delivery)
}

const secretOf = (cluster: string) => ({ cluster, namespace: 'istio-system', name: 'fairlead-ca' })

const rootsOf = (authority: CertificateAuthority, cluster: string) => authority.trust(cluster)?.roots ?? []

describe('SPIFFE ids', () => {
  it('are parsed values', () => {
    expect(parseSpiffeId('spiffe://cluster.local/ns/bookinfo/sa/reviews')).toEqual(reviews)
    for (const bad of ['', 'spiffe://a/ns/b', 'http://a/ns/b/sa/c', 'spiffe://a/ns/b/sa/c/d', 'spiffe:///ns/b/sa/c']) {
      expect(parseSpiffeId(bad)).toBeUndefined()
    }
  })
})

describe('authorities', () => {
  it('issue leaves that name nothing but the identity', async () => {
    const { authority, timers } = setUp()
    await authority.setTrust('east', own)
    const leaf = await authority.issue('east', { uris }, hour)
    const certificate = new X509Certificate(leaf.chain[0] ?? '')
    expect(certificate.subjectAltName).toBe('URI:spiffe://cluster.local/ns/bookinfo/sa/reviews')
    expect(certificate.subject).toBeFalsy()
    expect(certificate.ca).toBe(false)
    expect(leaf.validity.notAfter.getTime()).toBe(timers.now() + hour)
    expect(isTrusted(leaf.chain, rootsOf(authority, 'east'))).toBe(true)
  })

  it('are kept over a restart, and shared by replicas that start at once', async () => {
    const { open } = setUp()
    const replicas = [open(), open(), open()]
    await Promise.all(replicas.map((r) => r.setTrust('east', own)))
    expect(new Set(replicas.map((r) => r.trust('east')?.active)).size).toBe(1)
    const restarted = open()
    await restarted.setTrust('east', own)
    expect(restarted.trust('east')).toEqual(replicas[0]?.trust('east'))
  })

  it('do not know clusters of which they were not told', async () => {
    const { authority } = setUp()
    await expect(authority.issue('nowhere', { uris }, hour)).rejects.toThrow('no authority for cluster nowhere')
  })

  it('use what the user plugs in, and say what is wrong with it', async () => {
    const { authority, store, timers } = setUp()
    const validity = validityFrom(timers.now(), 100 * day)
    const root = await makeRoot({ organization: 'acme', commonName: 'acme', keyKind: { rsaBits: 2048 }, validity })
    const middle = { organization: 'acme', commonName: 'east', uris: [], keyKind: { rsaBits: 2048 }, validity } as const
    const given = await makeIntermediate(root, middle)
    const name = { cluster: 'east', namespace: 'istio-system', name: 'cacerts' }
    const content = {
      'ca-cert.pem': given.certificate,
      'ca-key.pem': given.key.reveal(),
      'cert-chain.pem': given.certificate + given.root,
      'root-cert.pem': given.root,
    }
    await store.write(name, content, undefined)
    await authority.setTrust('east', own)
    expect(rootsOf(authority, 'east')).toEqual([root.certificate])
    const leaf = await authority.issue('east', { uris }, hour)
    expect(leaf.chain).toHaveLength(2)
    expect(isTrusted(leaf.chain, [root.certificate])).toBe(true)

    // Istio's way to change a root that is plugged in: both are trusted first.
    const other = await makeRoot({ organization: 'acme', commonName: 'next', keyKind: 'ecdsa-p256', validity })
    const both = { ...content, 'root-cert.pem': other.root + root.root }
    await store.write(name, both, (await store.read(name))?.version)
    await authority.setTrust('east', own)
    expect(rootsOf(authority, 'east')).toEqual([root.certificate, other.certificate])
    expect((await authority.issue('east', { uris }, hour)).signer).toBe(leaf.signer)

    const version = (await store.read(name))?.version
    await store.write(name, { ...content, 'ca-key.pem': root.key.reveal() }, version)
    await expect(authority.setTrust('east', own)).rejects.toThrow('key and certificate do not belong together')
  })
})

describe('a change of root', () => {
  it('is never seen by two proxies that talk to each other', async () => {
    const { authority, timers } = setUp()
    await authority.setTrust('east', own)
    await authority.setTrust('west', own)
    const before = await authority.issue('east', { uris }, day)
    expect(isTrusted(before.chain, rootsOf(authority, 'west'))).toBe(false)

    // Both join a mesh with one root: announced first.
    await authority.setTrust('east', shared)
    await advanceAll(authority, delivered())
    expect(authority.trust('east')?.announced).toBeUndefined()
    await authority.setTrust('west', shared)
    const announced = authority.trust('west')?.announced
    expect(announced).toBeDefined()
    // West's proxies have not all taken the new root: west goes on with its old authority.
    const west = authority.trust('west')?.active
    await advanceAll(
      authority,
      delivered((cluster) => cluster !== 'west'),
    )
    expect(authority.trust('west')?.active).toBe(west)
    await advanceAll(authority, delivered())
    expect(authority.trust('west')?.active).not.toBe(west)
    const after = await authority.issue('west', { uris }, day)
    // New leaves are good in both clusters, and old leaves stay good in their own.
    expect(isTrusted(after.chain, rootsOf(authority, 'east'))).toBe(true)
    expect(isTrusted(after.chain, rootsOf(authority, 'west'))).toBe(true)
    expect(isTrusted(before.chain, rootsOf(authority, 'east'))).toBe(true)
    expect(rootsOf(authority, 'east')).toHaveLength(2)

    // When the last old leaf has expired, the old root goes.
    timers.advance(day + 1)
    await advanceAll(authority, delivered())
    expect(rootsOf(authority, 'east')).toEqual(rootsOf(authority, 'west'))
    expect(rootsOf(authority, 'east')).toHaveLength(1)
  })

  it('waits until every member of the mesh trusts the new root', async () => {
    const { authority, store } = setUp()
    for (const cluster of ['east', 'west']) await authority.setTrust(cluster, shared)
    expect(rootsOf(authority, 'east')).toEqual(rootsOf(authority, 'west'))
    await store.wish(sharedSource.secret, 'now')
    for (const cluster of ['east', 'west']) await authority.setTrust(cluster, shared)
    const actives = ['east', 'west'].map((cluster) => authority.trust(cluster)?.active)
    await advanceAll(
      authority,
      delivered((cluster) => cluster === 'east'),
    )
    expect(['east', 'west'].map((cluster) => authority.trust(cluster)?.active)).toEqual(actives)
    const old = await authority.issue('east', { uris }, day)
    await advanceAll(authority, delivered())
    const fresh = await authority.issue('east', { uris }, day)
    for (const chain of [old.chain, fresh.chain]) {
      expect(isTrusted(chain, rootsOf(authority, 'west'))).toBe(true)
    }
  })

  it('goes on after a restart', async () => {
    const { authority, open, store } = setUp()
    await authority.setTrust('east', own)
    await store.wish(secretOf('east'), 'now')
    await authority.setTrust('east', own)
    const restarted = open()
    await restarted.setTrust('east', own)
    expect(restarted.trust('east')?.announced).toBe(authority.trust('east')?.announced)
    await advanceAll(restarted, delivered())
    expect(restarted.trust('east')?.announced).toBeUndefined()
    expect(rootsOf(restarted, 'east')).toHaveLength(2)
  })

  it('is taken back if the settings are', async () => {
    const { authority } = setUp()
    await authority.setTrust('east', own)
    const before = authority.trust('east')
    await authority.setTrust('east', shared)
    await authority.setTrust('east', own)
    expect(authority.trust('east')).toEqual(before)
  })

  it('tells which roots proxies may still show, until all show leaves of the new one', async () => {
    const { authority, store } = setUp()
    await authority.setTrust('east', own)
    const [old] = rootsOf(authority, 'east')
    await authority.setTrust('east', shared)
    await advanceAll(authority, { roots: () => true, leaves: () => false })
    expect(authority.trust('east')?.shown).toHaveLength(2)
    const [trusted, shown] = [trustMarks.trusted, trustMarks.shown].map((mark) => store.marks(secretOf('east'))?.[mark])
    expect(shown?.split(',')).toHaveLength(2)
    await advanceAll(authority, delivered())
    expect(authority.trust('east')?.shown).toEqual([rootsOf(authority, 'east')[0]])
    expect(authority.trust('east')?.shown).not.toContain(old)
    expect(store.marks(secretOf('east'))).toEqual({
      [trustMarks.trusted]: trusted,
      [trustMarks.shown]: shown?.split(',')[0],
    })
  })

  it('is what users wish who delete the Secret, once for each time', async () => {
    const { authority, store } = setUp()
    await authority.setTrust('east', own)
    const before = await authority.issue('east', { uris }, hour)
    store.remove(secretOf('east'))
    await authority.setTrust('east', own)
    expect(authority.trust('east')?.announced).toBeDefined()
    expect(
      isTrusted((await authority.issue('east', { uris }, hour)).chain, rootsOf(authority, 'east').slice(0, 1)),
    ).toBe(true)
    await advanceAll(authority, delivered())
    await authority.setTrust('east', own)
    expect(authority.trust('east')?.announced).toBeUndefined()
    const after = await authority.issue('east', { uris }, hour)
    expect(after.signer).not.toBe(before.signer)
    for (const { chain } of [before, after]) expect(isTrusted(chain, rootsOf(authority, 'east'))).toBe(true)
  })

  it('makes one shared root for members that join at once', async () => {
    const { authority } = setUp()
    await Promise.all(['east', 'west', 'north'].map((cluster) => authority.setTrust(cluster, shared)))
    expect(new Set(['east', 'west', 'north'].map((cluster) => rootsOf(authority, cluster).join())).size).toBe(1)
  })

  it('renews an authority before it expires', async () => {
    const { authority, timers } = setUp()
    await authority.setTrust('east', shared)
    const before = authority.trust('east')?.active
    timers.advance(200 * day)
    await advanceAll(authority, delivered())
    expect(authority.trust('east')?.active).toBe(before)
    timers.advance(100 * day)
    await advanceAll(authority, delivered())
    await advanceAll(authority, delivered())
    expect(authority.trust('east')?.active).not.toBe(before)
  })
})

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

it('shows a server certificate whose root stays the same over restarts', async () => {
  const { store, timers } = setUp()
  const secret = { cluster: '', namespace: 'istio-system', name: 'fairlead-server' }
  const open = () =>
    ServerCertificate.open({ store, secret, timers, dnsNames: ['istiod.istio-system.svc'], addresses: ['127.0.0.1'] })
  const first = await open()
  const second = await open()
  expect(second.root).toBe(first.root)
  const leaf = new X509Certificate(first.pem().chain)
  expect(leaf.checkHost('istiod.istio-system.svc')).toBe('istiod.istio-system.svc')
  expect(leaf.checkIP('127.0.0.1')).toBe('127.0.0.1')
  expect(isTrusted([first.pem().chain], [first.root])).toBe(true)
  const before = first.pem().chain
  timers.advance(16 * day)
  await expect.poll(() => first.pem().chain).not.toBe(before)
  first.close()
  second.close()
})

it('signs with keys in the forms that tools write', async () => {
  const { store, authority, timers } = setUp()
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pkcs1 = privateKey.export({ format: 'pem', type: 'pkcs1' }).toString()
  const key = await webcrypto.subtle.importKey(
    'pkcs8',
    new Uint8Array(privateKey.export({ format: 'der', type: 'pkcs8' })),
    { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    true,
    ['sign'],
  )
  const publicKey = await webcrypto.subtle.importKey(
    'spki',
    new Uint8Array(createPublicKey(privateKey).export({ format: 'der', type: 'spki' })),
    { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    true,
    ['verify'],
  )
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=acme',
    ...validityFrom(timers.now(), 100 * day),
    signingAlgorithm: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    keys: { privateKey: key, publicKey },
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  })
  // The layout of `root-cert.pem` and `key.pem` alone.
  const content = { 'root-cert.pem': certificate.toString('pem'), 'key.pem': pkcs1 }
  await store.write(sharedSource.secret, content, undefined)
  const settings: TrustSettings = { ...shared, root: { ...sharedSource, generate: undefined } }
  await authority.setTrust('east', settings)
  const leaf = await authority.issue('east', { uris }, hour)
  expect(isTrusted(leaf.chain, [content['root-cert.pem']])).toBe(true)
})
