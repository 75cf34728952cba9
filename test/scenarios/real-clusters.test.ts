// `fairlead serve` against API servers that no sandbox has made, with kubeconfigs as users write them by hand. Everything
// here is what docs/guides/real-clusters.md tells: files, flags, kubectl.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { managementCluster, remoteCluster } from '../../src/dialects/testdata/bookinfo.ts'
import { root } from './run-command.ts'

const seconds = 1000
const fairlead = join(root, 'bin/fairlead.mjs')
const children: ChildProcess[] = []
let home: string
let http: number
let log = ''

interface Server {
  readonly url: string
  readonly authority: string
  readonly token: string
}

afterAll(async () => {
  for (const child of children.reverse()) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    const ended = new Promise((done) => child.once('exit', done))
    child.kill('SIGTERM')
    await ended
  }
  rmSync(home, { recursive: true, force: true })
})

function start(args: readonly string[], env: Record<string, string> = {}): ChildProcess {
  const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, FAIRLEAD_HOME: home, ...env } })
  children.push(child)
  return child
}

/** An API server with its controllers, and nothing else; `admin` may do everything there. */
async function apiServer(name: string): Promise<Server> {
  const folder = join(home, name)
  mkdirSync(folder)
  const child = start([join(root, 'src/sandbox/apiserver/dev.ts'), '--controllers', folder])
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once('data', () => resolve())
    child.once('exit', (code) => reject(new Error(`API server ${name} ends with ${code}`)))
  })
  const { clusters, users } = JSON.parse(readFileSync(join(folder, 'kubeconfig'), 'utf8')) as {
    clusters: { cluster: { server: string; 'certificate-authority-data': string } }[]
    users: { user: { token: string } }[]
  }
  const { server = '', 'certificate-authority-data': authority = '' } = clusters[0]?.cluster ?? {}
  return { url: server, authority, token: users[0]?.user.token ?? '' }
}

function kubeconfig(file: string, context: string, cluster: object, user: object): string {
  const path = join(home, file)
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: `the-${context}`, cluster }],
    users: [{ name: `me-at-${context}`, user }],
    contexts: [{ name: context, context: { cluster: `the-${context}`, user: `me-at-${context}` } }],
  }
  writeFileSync(path, stringify(content), { mode: 0o600 })
  return path
}

function run(command: string, args: readonly string[], options: { input?: string; env?: Record<string, string> } = {}) {
  const { input, env } = options
  const result = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    timeout: 90 * seconds,
    env: { ...process.env, FAIRLEAD_HOME: home, ...env },
    ...(input !== undefined && { input }),
  })
  return { exit: result.status, printed: `${result.stdout}${result.stderr}`, stdout: result.stdout }
}

const cli = (args: readonly string[], env?: Record<string, string>) =>
  run(process.execPath, [fairlead, ...args], env ? { env } : {})

/** kubectl with both files, merged as kubectl merges them. */
function kubectl(context: string, args: readonly string[], input?: string): string {
  const env = { KUBECONFIG: `${join(home, 'management.yaml')}:${join(home, 'operations.yaml')}` }
  const { exit, printed, stdout } = run('kubectl', ['--context', context, ...args], {
    env,
    ...(input !== undefined && { input }),
  })
  if (exit !== 0) throw new Error(`kubectl ${args.join(' ')}: ${printed}`)
  return stdout.trim()
}

async function eventually(check: () => void, withinMs = 60 * seconds): Promise<void> {
  await expect.poll(() => attempt(check), { timeout: withinMs, interval: 300 }).toBe('')
}

function attempt(check: () => void): string {
  try {
    check()
    return ''
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  const address = server.address()
  await new Promise((done) => server.close(done))
  return typeof address === 'object' && address ? address.port : 0
}

const names = (context: string, kind: string): string => kubectl(context, ['get', kind, '-A', '-o', 'name'])
const smh = 'service-mesh-hub'

let management: Server
let remote: Server

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'fairlead-real-'))
  ;[management, remote] = await Promise.all([apiServer('one'), apiServer('two')])
  // One file with a token and the authority in a file beside it, one whose user is a command that prints a token.
  writeFileSync(join(home, 'authority.pem'), Buffer.from(management.authority, 'base64'))
  kubeconfig(
    'management.yaml',
    'admin@hub',
    { server: management.url, 'certificate-authority': 'authority.pem' },
    { token: management.token },
  )
  const credential = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential' }
  writeFileSync(join(home, 'credential.json'), JSON.stringify({ ...credential, status: { token: remote.token } }))
  kubeconfig(
    'operations.yaml',
    'ops',
    { server: remote.url, 'certificate-authority-data': remote.authority },
    {
      exec: {
        apiVersion: credential.apiVersion,
        command: 'cat',
        args: [join(home, 'credential.json')],
        interactiveMode: 'Never',
      },
    },
  )
  http = await freePort()
  const xds = await freePort()
  const flags = ['--kubeconfig', join(home, 'management.yaml'), '--context', 'admin@hub', '--log-level', 'debug']
  const serve = start([fairlead, 'serve', ...flags, '--http', `127.0.0.1:${http}`, '--xds', `127.0.0.1:${xds}`])
  for (const stream of [serve.stdout, serve.stderr]) stream?.on('data', (chunk: Buffer) => (log += chunk.toString()))
}, 120 * seconds)

describe('real clusters', () => {
  it('serve is ready, and has installed its kinds', { timeout: 120 * seconds }, async () => {
    await expect
      .poll(async () => (await fetch(`http://127.0.0.1:${http}/ready`).catch(() => undefined))?.status, {
        timeout: 60 * seconds,
      })
      .toBe(200)
    await eventually(() => expect(names('admin@hub', 'crds')).toContain('trafficpolicies.networking.zephyr.solo.io'))
  })

  it('a cluster is registered by command, another one by hand', { timeout: 180 * seconds }, async () => {
    const at = ['--management-kubeconfig', join(home, 'management.yaml'), '--management-context', 'admin@hub']
    const added = cli([
      'cluster',
      'add',
      'far',
      '--kubeconfig',
      join(home, 'operations.yaml'),
      '--context',
      'ops',
      ...at,
    ])
    expect(added.printed).toContain('cluster far is registered')
    expect(added.exit).toBe(0)

    // As users of Service Mesh Hub do it: a Secret with a kubeconfig, and a KubernetesCluster that names it.
    const own = kubeconfig(
      'for-the-hub.yaml',
      'hub',
      { server: management.url, 'certificate-authority-data': management.authority },
      { token: management.token },
    )
    kubectl('admin@hub', ['create', 'secret', 'generic', 'hub', '-n', smh, `--from-file=kubeconfig=${own}`])
    kubectl(
      'admin@hub',
      ['apply', '-f', '-'],
      `
apiVersion: discovery.zephyr.solo.io/v1alpha1
kind: KubernetesCluster
metadata: {name: hub, namespace: ${smh}}
spec: {secretRef: {name: hub, namespace: ${smh}}}
`,
    )
    await eventually(() => {
      const env = { KUBECONFIG: `${join(home, 'management.yaml')}:${join(home, 'operations.yaml')}` }
      const listed = cli(['cluster', 'list', '--management-context', 'admin@hub', '-o', 'json'], env).printed
      const found = JSON.parse(listed) as { name: string; status: string }[]
      expect(found.map(({ name, status }) => `${name} ${status}`)).toEqual(['far reachable', 'hub reachable'])
    })
  })

  it('a policy becomes Istio objects on both clusters, and its status says so', {
    timeout: 180 * seconds,
  }, async () => {
    kubectl('admin@hub', ['apply', '-f', '-'], managementCluster)
    kubectl('ops', ['apply', '-f', '-'], remoteCluster)
    for (const [context, ip] of [
      ['admin@hub', '192.0.2.10'],
      ['ops', '192.0.2.20'],
    ] as const) {
      const status = { status: { loadBalancer: { ingress: [{ ip }] } } }
      const gateway = ['service', 'istio-ingressgateway', '-n', 'istio-system']
      kubectl(context, ['patch', ...gateway, '--subresource=status', '--type=merge', '-p', JSON.stringify(status)])
    }
    kubectl(
      'admin@hub',
      ['apply', '-f', '-'],
      `
apiVersion: networking.zephyr.solo.io/v1alpha1
kind: VirtualMesh
metadata: {name: virtual-mesh, namespace: ${smh}}
spec:
  certificateAuthority: {builtin: {rsaKeySizeBytes: 2048}}
  federation: {mode: PERMISSIVE}
  shared: {}
  meshes:
  - {name: istio-istio-system-hub, namespace: ${smh}}
  - {name: istio-istio-system-far, namespace: ${smh}}
---
apiVersion: networking.zephyr.solo.io/v1alpha1
kind: TrafficPolicy
metadata: {name: simple, namespace: ${smh}}
spec:
  destinationSelector: {serviceRefs: {services: [{cluster: hub, name: reviews, namespace: default}]}}
  trafficShift:
    destinations:
    - {destination: {cluster: far, name: reviews, namespace: default}, weight: 75}
    - {destination: {cluster: hub, name: reviews, namespace: default}, weight: 25, subset: {version: v1}}
`,
    )
    const policy = ['get', 'trafficpolicies.networking.zephyr.solo.io', 'simple', '-n', smh, '-o']
    await eventually(() => {
      expect(kubectl('admin@hub', [...policy, 'jsonpath={.status.translationStatus.state}'])).toBe('ACCEPTED')
      const weights = [
        'get',
        'virtualservice',
        'reviews',
        '-n',
        'default',
        '-o',
        'jsonpath={.spec.http[0].route[*].weight}',
      ]
      expect(kubectl('admin@hub', weights)).toBe('75 25')
    }, 90 * seconds)
    expect(names('ops', 'gateways.networking.istio.io')).not.toBe('')
    expect(names('ops', 'serviceentries')).not.toBe('')
  })

  it('a cluster that is removed is cleaned up, and keeps what is its own', { timeout: 120 * seconds }, async () => {
    kubectl(
      'ops',
      ['apply', '-f', '-'],
      `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: mine, namespace: default}
spec: {host: elsewhere.example.com}
`,
    )
    const at = ['--management-kubeconfig', join(home, 'management.yaml'), '--management-context', 'admin@hub']
    const removed = cli(['cluster', 'remove', 'far', ...at])
    expect(removed.printed).toContain('far')
    expect(removed.exit).toBe(0)
    await eventually(() => {
      expect(names('ops', 'gateways.networking.istio.io,serviceentries')).toBe('')
      expect(names('ops', 'destinationrules')).toBe('destinationrule.networking.istio.io/mine')
    })
    const policy = ['get', 'trafficpolicies.networking.zephyr.solo.io', 'simple', '-n', smh, '-o', 'yaml']
    await eventually(() => expect(kubectl('admin@hub', policy)).toContain('state: INVALID'))
  })

  it('shows no credential in its log', () => {
    expect(log).toContain('cluster is in sight')
    for (const { token } of [management, remote]) expect(log).not.toContain(token)
  })
})

describe('a wrong kubeconfig', () => {
  const serve = (...args: string[]) => cli(['serve', '--http', '127.0.0.1:0', '--xds', '127.0.0.1:0', ...args])

  it('that does not exist, or has no such context, is wrong usage and named', () => {
    const missing = serve('--kubeconfig', join(home, 'nowhere.yaml'))
    expect([missing.exit, missing.printed]).toEqual([2, expect.stringContaining('nowhere.yaml')])
    const context = serve('--kubeconfig', join(home, 'management.yaml'), '--context', 'no-such-context')
    expect([context.exit, context.printed]).toEqual([2, expect.stringContaining('no-such-context')])
    writeFileSync(join(home, 'broken.yaml'), 'clusters: [{name: a')
    const broken = serve('--kubeconfig', join(home, 'broken.yaml'))
    expect([broken.exit, broken.printed]).toEqual([2, expect.stringContaining('broken.yaml')])
  })

  it('with a token that the server does not know is told in the log, and by cluster add', {
    timeout: 90 * seconds,
  }, async () => {
    const cluster = { server: remote.url, 'certificate-authority-data': remote.authority }
    const stranger = kubeconfig('stranger.yaml', 'stranger', cluster, { token: 'nobody' })
    const added = cli([
      'cluster',
      'add',
      'x',
      '--kubeconfig',
      stranger,
      '--context',
      'stranger',
      '--management-kubeconfig',
      join(home, 'management.yaml'),
      '--management-context',
      'admin@hub',
    ])
    expect([added.exit, added.printed]).toEqual([1, expect.stringMatching(/unauthorized/i)])
    const child = start([
      fairlead,
      'serve',
      '--kubeconfig',
      stranger,
      '--context',
      'stranger',
      '--http',
      '127.0.0.1:0',
      '--xds',
      '127.0.0.1:0',
      '--no-state-dir',
    ])
    let printed = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (printed += chunk.toString()))
    await expect
      .poll(() => printed, { timeout: 60 * seconds })
      .toMatch(/cannot be reached.*unauthorized|unauthorized.*cannot be reached/i)
  })
})
