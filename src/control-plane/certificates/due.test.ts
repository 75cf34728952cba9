import { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { makeRoot, requestMeshAuthority, signMeshAuthority, validityFrom } from '../../identity/index.ts'
import { csrOf, type Requested, whyDue } from './due.ts'

const day = 24 * 3600_000
const now = Date.UTC(2026, 0, 1)
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const makeOne = (commonName: string) =>
  makeRoot({ organization: 'o', commonName, keyKind: 'ecdsa-p256', validity: validityFrom(now, 365 * day) })
const [root, other] = await Promise.all([makeOne('one'), makeOne('two')])
const names = { organization: 'Istio', commonName: 'mesh', uris: ['spiffe://td/ns/istio-system/sa/istiod'] }
const { csr, key } = await requestMeshAuthority(names, 2048)
const certificate = await signMeshAuthority(root, csr, names, validityFrom(now, 100 * day))

function requested(status: object | undefined, secret = root.certificate): Requested {
  return {
    cluster: 'c',
    key: 'gloo-mesh/mesh',
    wanted: { hosts: names.uris },
    request: {
      apiVersion: 'certificates.mesh.gloo.solo.io/v1',
      kind: 'CertificateRequest',
      metadata: { namespace: 'gloo-mesh', name: 'mesh', generation: 3 },
      spec: { certificateSigningRequest: base64(csr) },
      ...(status && { status }),
    },
    signer: { namespace: 'gloo-mesh', name: 'vm.gloo-mesh' },
    root: secret,
  }
}

const finished = {
  observedGeneration: '3',
  state: 'FINISHED',
  signedCertificate: base64(certificate),
  signingRootCa: base64(root.certificate),
}

test('an authority is signed for the key of the request, with the names that are wanted', () => {
  const made = new X509Certificate(certificate)
  expect(made.ca).toBe(true)
  expect(made.verify(new X509Certificate(root.certificate).publicKey)).toBe(true)
  expect(made.subjectAltName).toBe('URI:spiffe://td/ns/istio-system/sa/istiod')
  expect(key.reveal()).toContain('BEGIN RSA PRIVATE KEY')
  expect(csrOf(requested(undefined))).toBe(csr)
})

test('a request that somebody has changed is refused', async () => {
  const der = Buffer.from(csr.replaceAll(/-----[A-Z ]+-----|\s/g, ''), 'base64')
  der[der.length - 1] = (der.at(-1) ?? 0) ^ 1
  const broken = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
  await expect(signMeshAuthority(root, broken, names, validityFrom(now, day))).rejects.toThrow('request')
})

test('requests are signed once', () => {
  expect(whyDue(requested(undefined), now)).toBe('it is new')
  expect(whyDue(requested({ ...finished, observedGeneration: '2' }), now)).toBe('it is new')
  expect(whyDue(requested(finished), now)).toBeUndefined()
})

test('they are signed again below another root, and before they expire', () => {
  expect(whyDue(requested(finished, other.certificate), now)).toBe('the root has changed')
  expect(whyDue(requested(finished), now + 89 * day)).toBeUndefined()
  expect(whyDue(requested(finished), now + 91 * day)).toBe('its certificate expires soon')
})
