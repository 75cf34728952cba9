import { expect, test } from 'vitest'
import type { KubeObject } from '../resources/index.ts'
import { nextBounce } from './bounce.ts'
import type { CertificateRequest, IssuedCertificate, PodBounceDirective, Secret } from './objects.ts'
import { nextStep } from './steps.ts'

const place = { namespace: 'gloo-mesh', name: 'mesh' }

function issued(status: object = {}, spec: object = {}): IssuedCertificate {
  return {
    apiVersion: 'certificates.mesh.gloo.solo.io/v1',
    kind: 'IssuedCertificate',
    metadata: { ...place, generation: 2 },
    spec: { issuedCertificateSecret: { name: 'cacerts', namespace: 'istio-system' }, ...spec },
    status,
  }
}

const at = (state: string): IssuedCertificate => issued({ observedGeneration: '2', state })

const request = (status?: object): CertificateRequest => ({
  apiVersion: 'certificates.mesh.gloo.solo.io/v1',
  kind: 'CertificateRequest',
  metadata: { ...place, generation: 1 },
  spec: { certificateSigningRequest: 'csr' },
  ...(status && { status }),
})

const secret = (data: Record<string, string>, cause?: string): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {
    namespace: 'istio-system',
    name: 'cacerts',
    ...(cause && { annotations: { 'fairlead.dev/issued-certificate': cause } }),
  },
  data,
})

const none = { request: undefined, key: undefined, result: undefined }
const key = secret({ 'private-key': 'secret' })
const signed = request({ observedGeneration: '1', state: 'FINISHED', signedCertificate: 'one' })
const own = secret({ 'ca-cert.pem': 'one', 'ca-key.pem': 'secret' }, 'gloo-mesh/mesh')

test('a new or changed certificate begins with a request', () => {
  expect(nextStep({ issued: issued(), ...none }, true)).toEqual({ kind: 'request' })
  const changed = issued({ observedGeneration: '1', state: 'FINISHED' })
  expect(nextStep({ ...none, issued: changed, result: own }, true)).toEqual({ kind: 'request' })
})

test('what is signed is stored, pods restart, and then it is finished', () => {
  expect(nextStep({ ...none, issued: at('REQUESTED'), request: request(), key }, true)).toEqual({ kind: 'wait' })
  expect(nextStep({ ...none, issued: at('REQUESTED'), request: signed, key }, true)).toEqual({
    kind: 'store',
    privateKey: 'secret',
  })
  expect(nextStep({ ...none, issued: at('ISSUED'), request: signed, result: own }, true)).toEqual({ kind: 'bounce' })
  expect(nextStep({ ...none, issued: at('FINISHED'), request: signed, result: own }, true)).toEqual({ kind: 'wait' })
})

test('a request that lost its key is made again', () => {
  expect(nextStep({ ...none, issued: at('REQUESTED'), request: signed }, true)).toEqual({ kind: 'request' })
})

test('a request that was refused fails with the reason, and is tried again later', () => {
  const refused = request({ observedGeneration: '1', state: 'FAILED', error: 'no root' })
  expect(nextStep({ ...none, issued: at('REQUESTED'), request: refused, key }, true)).toEqual({
    kind: 'fail',
    error: 'the request was not signed: no root',
  })
  expect(nextStep({ ...none, issued: at('FAILED'), request: refused, key }, false)).toEqual({ kind: 'wait' })
  expect(nextStep({ ...none, issued: at('FAILED'), request: refused, key }, true)).toEqual({ kind: 'request' })
})

test('a Secret that goes missing is told, and issued again', () => {
  expect(nextStep({ ...none, issued: at('FINISHED'), request: signed }, true)).toMatchObject({ kind: 'fail' })
})

test('what is signed again is stored with the same key', () => {
  const again = request({ observedGeneration: '1', state: 'FINISHED', signedCertificate: 'two' })
  expect(nextStep({ ...none, issued: at('FINISHED'), request: again, result: own }, true)).toEqual({
    kind: 'store',
    privateKey: 'secret',
  })
})

test("a user's own Secret is never replaced", () => {
  const users = secret({ 'ca-cert.pem': 'mine' })
  expect(nextStep({ ...none, issued: at('REQUESTED'), request: signed, key, result: users }, true)).toMatchObject({
    kind: 'fail',
    error: expect.stringContaining('istio-system/cacerts'),
  })
})

test('certificates that others issue are left alone', () => {
  expect(nextStep({ ...none, issued: issued({}, { agentCa: { vault: {} } }) }, true)).toEqual({ kind: 'nothing' })
})

const pod = (name: string, labels: Record<string, string>, ready: boolean): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: labels['app'] === 'istiod' ? 'istio-system' : 'shop', name, labels },
  status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
})

const directive = (...bounced: readonly (readonly string[])[]): PodBounceDirective => ({
  apiVersion: 'certificates.mesh.gloo.solo.io/v1',
  kind: 'PodBounceDirective',
  metadata: place,
  spec: {
    podsToBounce: [
      { namespace: 'istio-system', labels: { app: 'istiod' }, waitForReplicas: 1 },
      {
        namespace: 'shop',
        labels: { app: 'web' },
        rootCertSync: {
          secretRef: { namespace: 'istio-system', name: 'cacerts' },
          secretKey: 'root-cert.pem',
          configMapRef: { namespace: 'shop', name: 'istio-ca-root-cert' },
          configMapKey: 'root-cert.pem',
        },
      },
    ],
  },
  status: { podsBounced: bounced.map((bouncedPods) => ({ bouncedPods })) },
})

const istiods = [pod('istiod-1', { app: 'istiod' }, true), pod('istiod-2', { app: 'istiod' }, false)]
const web = pod('web-1', { app: 'web' }, true)
const root = secret({ 'root-cert.pem': Buffer.from('new\n').toString('base64') })
const mapOf = (text: string): KubeObject =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: {}, data: { 'root-cert.pem': text } }) as unknown as KubeObject
const around = (pods: readonly KubeObject[], map?: string) => ({
  pods,
  configMap: () => (map === undefined ? undefined : mapOf(map)),
  secret: () => root,
})

test('pods restart in order: istiod first, and others when its new one is ready and their namespace has the root', () => {
  expect(nextBounce(directive(), around([...istiods, web]))).toEqual({ kind: 'delete', pods: istiods, count: 1 })
  const names = ['istiod-1', 'istiod-2']
  expect(nextBounce(directive(names), around([...istiods, web], 'new'))).toMatchObject({ kind: 'wait' })
  const replaced = [pod('istiod-3', { app: 'istiod' }, true), web]
  expect(nextBounce(directive(names), around(replaced, 'old'))).toMatchObject({ kind: 'wait' })
  expect(nextBounce(directive(names), around(replaced))).toMatchObject({ kind: 'wait' })
  expect(nextBounce(directive(names), around(replaced, 'new'))).toEqual({ kind: 'delete', pods: [web], count: 2 })
  expect(nextBounce(directive(names, ['web-1']), around(replaced, 'new'))).toEqual({ kind: 'done' })
})

test('a selector without labels restarts nothing', () => {
  const vague = { ...directive(), spec: { podsToBounce: [{ namespace: 'istio-system', waitForReplicas: 1 }] } }
  expect(nextBounce(vague, around([...istiods, web]))).toEqual({ kind: 'delete', pods: [], count: 1 })
  expect(nextBounce({ ...vague, status: { podsBounced: [{}] } }, around(istiods))).toEqual({ kind: 'done' })
})
