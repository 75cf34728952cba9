// A cluster that runs istiod: certificates of a VirtualMesh's root by way of Gloo Mesh's certificate kinds, with a real
// control plane and a real agent. istiod and its pods are played here.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { remoteCluster } from '../../src/dialects/testdata/bookinfo.ts'
import { root } from './run-command.ts'

const seconds = 1000
const fairlead = join(root, 'bin/fairlead.mjs')
const children: ChildProcess[] = []
let home: string

function start(args: readonly string[]): void {
  const env = { ...process.env, FAIRLEAD_HOME: home }
  children.push(spawn(process.execPath, args, { cwd: root, env, stdio: 'ignore' }))
}

const config = (): string => join(home, 'api', 'kubeconfig')

function kubectl(args: readonly string[], input?: string): string {
  const options = { encoding: 'utf8' as const, timeout: 60 * seconds, ...(input !== undefined && { input }) }
  const { status, stdout, stderr } = spawnSync('kubectl', ['--kubeconfig', config(), ...args], options)
  if (status !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`)
  return stdout.trim()
}

/** The text that a command prints, "" while it fails. */
function printed(args: readonly string[]): string {
  try {
    return kubectl(args)
  } catch {
    return ''
  }
}

const until = (args: readonly string[], text: string) =>
  expect.poll(() => printed(args), { timeout: 90 * seconds, interval: 500 }).toBe(text)

const mesh = 'istiod-istio-system-one'
const state = ['get', 'issuedcertificate', mesh, '-n', 'gloo-mesh', '-o', 'jsonpath={.status.state}']
const error = ['get', 'issuedcertificate', mesh, '-n', 'gloo-mesh', '-o', 'jsonpath={.status.error}']
const cacerts = (key: string): string =>
  Buffer.from(
    kubectl(['get', 'secret', 'cacerts', '-n', 'istio-system', '-o', `jsonpath={.data.${key.replace('.', '\\.')}}`]),
    'base64',
  ).toString('utf8')

const facts = `${remoteCluster.replace(', labels: {fairlead.dev/data-plane: envoy}', '')}
apiVersion: v1
kind: Namespace
metadata: {name: gloo-mesh}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: istiod, namespace: istio-system}
spec:
  replicas: 0
  selector: {matchLabels: {app: istiod}}
  template: {metadata: {labels: {app: istiod}}, spec: {containers: [{name: discovery, image: istio/pilot:1.20.0}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cert-agent, namespace: gloo-mesh, labels: {app: cert-agent}}
spec:
  replicas: 0
  selector: {matchLabels: {app: cert-agent}}
  template: {metadata: {labels: {app: cert-agent}}, spec: {containers: [{name: agent, image: solo-io/cert-agent:1.1.0}]}}
---
apiVersion: networking.mesh.gloo.solo.io/v1
kind: VirtualMesh
metadata: {name: vm, namespace: gloo-mesh}
spec:
  mtlsConfig:
    shared: {rootCertificateAuthority: {generated: {rsaKeySizeBytes: 2048}}, intermediateCertOptions: {rsaKeySizeBytes: 2048}}
  meshes: [{name: ${mesh}, namespace: gloo-mesh}]
`

afterAll(async () => {
  for (const child of children.reverse()) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    const ended = new Promise((done) => child.once('exit', done))
    child.kill('SIGTERM')
    await ended
  }
  rmSync(home, { recursive: true, force: true })
})

it('a control plane and an agent start', { timeout: 240 * seconds }, async () => {
  home = mkdtempSync(join(tmpdir(), 'fairlead-agent-'))
  mkdirSync(join(home, 'api'))
  start([join(root, 'src/sandbox/apiserver/dev.ts'), '--controllers', join(home, 'api')])
  await expect.poll(() => existsSync(config()), { timeout: 60 * seconds }).toBe(true)
  start([fairlead, 'serve', '--kubeconfig', config(), '--http', '127.0.0.1:0', '--no-state-dir'])
  await expect
    .poll(() => printed(['get', 'crds', '-o', 'name']), { timeout: 90 * seconds })
    .toContain('issuedcertificates.certificates.mesh.gloo.solo.io')
  const at = ['--kubeconfig', config(), '--management-kubeconfig', config(), '--namespace', 'gloo-mesh']
  spawnSync(process.execPath, [fairlead, 'cluster', 'add', 'one', ...at], { cwd: root })
  kubectl(['apply', '-f', '-'], facts)
  start([fairlead, 'cert-agent', '--kubeconfig', config()])
})

it('istiod gets an authority below the root of the VirtualMesh', { timeout: 120 * seconds }, async () => {
  await until(state, 'FINISHED')
  const certificate = new X509Certificate(cacerts('ca-cert.pem'))
  const issuer = new X509Certificate(cacerts('root-cert.pem'))
  expect(certificate.ca && certificate.verify(issuer.publicKey)).toBe(true)
  expect(certificate.subjectAltName).toBe('URI:spiffe://cluster.local/ns/istio-system/sa/default')
  const kinds = ['get', 'secret', 'vm.gloo-mesh', '-n', 'gloo-mesh', '-o', 'jsonpath={.type}']
  expect(kubectl(kinds)).toBe('certificates.mesh.gloo.solo.io/generated_signing_cert')
  // The only copy of the key is where istiod reads it.
  expect(printed(['get', 'secret', mesh, '-n', 'gloo-mesh', '-o', 'name'])).toBe('')
})

it('a Secret that goes missing is issued again', { timeout: 120 * seconds }, async () => {
  kubectl(['delete', 'secret', 'cacerts', '-n', 'istio-system'])
  await until(['get', 'secret', 'cacerts', '-n', 'istio-system', '-o', 'name'], 'secret/cacerts')
  await until(state, 'FINISHED')
  expect(new X509Certificate(cacerts('ca-cert.pem')).ca).toBe(true)
})

it("a user's own authority is left alone, and the state says so", { timeout: 120 * seconds }, async () => {
  kubectl(['annotate', 'secret', 'cacerts', '-n', 'istio-system', 'fairlead.dev/issued-certificate-'])
  await until(state, 'FAILED')
  expect(kubectl(error)).toContain('istio-system/cacerts is there already')
  kubectl(['delete', 'secret', 'cacerts', '-n', 'istio-system'])
  await until(state, 'FINISHED')
})

it('all of it goes away with the VirtualMesh', { timeout: 120 * seconds }, async () => {
  kubectl(['delete', 'virtualmesh', 'vm', '-n', 'gloo-mesh'])
  await until(['get', 'issuedcertificates,certificaterequests', '-n', 'gloo-mesh', '-o', 'name'], '')
  await expect
    .poll(() => printed(['get', 'secret', '-n', 'istio-system', '-o', 'name']), { timeout: 60 * seconds })
    .not.toContain('secret/cacerts')
})
