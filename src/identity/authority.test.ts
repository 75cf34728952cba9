import 'reflect-metadata'
import { createPublicKey, generateKeyPairSync, webcrypto, X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { describe, expect, it } from 'vitest'
import { type TrustSettings } from './authority-source.ts'
import { day, hour, isTrusted, own, rootsOf, setUp, shared, sharedSource, uris } from './testing.ts'
import { makeIntermediate, makeRoot, validityFrom } from './x509.ts'

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
