// The same against a real Vault (test/vault tells how it is built); skipped where there is none.
import { type ChildProcess, spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { connect, createServer } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CertificateAuthority } from '../authority.ts'
import type { RootSource, TrustSettings } from '../authority-source.ts'
import { Redacted } from '../redacted.ts'
import { memorySecretStore } from '../store.ts'
import { makeLeaf, makeRoot, splitPem, validityFrom } from '../x509.ts'
import { VaultAuthority } from './authority.ts'
import { askVault } from './client.ts'
import type { VaultSettings } from './settings.ts'

const program = process.env['FAIRLEAD_TEST_VAULT'] ?? join(import.meta.dirname, '../../../.cache/vault-server')
const hasVault = existsSync(program)
if (!hasVault) console.log(`skipped: there is no Vault at ${program}; test/vault/README.md tells how to build one`)

const day = 24 * 3600_000
const uris = ['spiffe://cluster.local/ns/bookinfo/sa/reviews']
const secret = { namespace: 'gloo-mesh', name: 'vault' }

describe.skipIf(!hasVault)('a real Vault', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-vault-'))
  let child: ChildProcess
  let admin: Redacted<string>
  let base: VaultSettings

  /** Asks the Vault itself, as its administrator. */
  async function vault(path: string, body: object): Promise<Record<string, unknown>> {
    const answer = await askVault(base, { method: 'POST', path, token: admin, body }, 20_000)
    return answer.length === 0 ? {} : (JSON.parse(answer.toString('utf8')) as Record<string, unknown>)
  }

  async function newToken(path: string, more: object = {}): Promise<string> {
    const name = path.replaceAll('/', '-')
    const policy = `path "${path}" { capabilities = ["update"] }`
    await vault(`sys/policies/acl/${name}`, { policy })
    const { auth } = await vault('auth/token/create', { policies: [name], ...more })
    return (auth as { client_token: string }).client_token
  }

  function open(token: string, change: Partial<VaultSettings> = {}) {
    const store = memorySecretStore()
    const credentials = {
      secret: async () => ({ token }),
      accountToken: async () => '',
      mountedToken: async () => '',
    }
    const intermediate = { organization: 'Istio', keyKind: { rsaBits: 2048 }, ttlMs: 90 * day } as const
    const root: RootSource = { kind: 'vault', vault: { ...base, ...change }, intermediate }
    const settings: TrustSettings = { trustDomain: 'cluster.local', root }
    const start = () =>
      new CertificateAuthority({ store, now: Date.now, vault: new VaultAuthority(credentials, Date.now) })
    return { start, settings }
  }

  beforeAll(async () => {
    const validity = validityFrom(Date.now(), day)
    const signer = await makeRoot({ organization: 'test', commonName: 'tls', keyKind: 'ecdsa-p256', validity })
    const own = await makeLeaf(signer, { addresses: ['127.0.0.1'] }, validity)
    writeFileSync(join(folder, 'cert.pem'), own.certificate)
    writeFileSync(join(folder, 'key.pem'), own.key.reveal(), { mode: 0o600 })
    child = spawn(program, ['-cert', join(folder, 'cert.pem'), '-key', join(folder, 'key.pem')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const { stdout } = child
    if (!stdout) throw new Error('the Vault has no output')
    const line = await new Promise<string>((resolve, reject) => {
      createInterface({ input: stdout }).once('line', resolve)
      child.once('exit', (code) => reject(new Error(`the Vault ended with ${code}`)))
    })
    const { address, token } = JSON.parse(line) as { address: string; token: string }
    admin = new Redacted(token)
    const login = { kind: 'token', secret } as const
    const paths = { caPath: 'pki/ca/pem', csrPath: 'pki/root/sign-intermediate' }
    base = { server: address, caBundle: signer.certificate, namespace: '', ...paths, login }
    for (const [mount, hours] of [
      ['pki', 8760],
      ['below', 4380],
    ] as const)
      await vault(`sys/mounts/${mount}`, { type: 'pki', config: { max_lease_ttl: `${hours}h` } })
    await vault('pki/root/generate/internal', { common_name: 'root of tests', ttl: '8760h' })
    const { data } = await vault('below/intermediate/generate/internal', { common_name: 'below' })
    const { csr } = data as { csr: string }
    const signed = await vault('pki/root/sign-intermediate', { csr, format: 'pem_bundle', ttl: '4000h' })
    await vault('below/intermediate/set-signed', {
      certificate: (signed['data'] as { certificate: string }).certificate,
    })
  })

  afterAll(async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.stdin?.end()
    await ended
    rmSync(folder, { recursive: true, force: true })
  })

  it('signs authorities below which two clusters speak TLS with each other', async () => {
    const { start, settings } = open(await newToken('pki/root/sign-intermediate'))
    const authority = start()
    await authority.setTrust('east', settings)
    await authority.setTrust('west', settings)
    const [root = ''] = authority.trust('east')?.roots ?? []
    expect(new X509Certificate(root).subject).toBe('CN=root of tests')
    expect(authority.trust('west')?.roots).toEqual([root])
    const [one, other] = [await authority.issue('east', { uris }, day), await authority.issue('west', { uris }, day)]
    const server = createServer({ cert: one.chain.join(''), key: one.key.reveal(), ca: root, requestCert: true })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const names = await new Promise((resolve, reject) => {
      const socket = connect({
        port,
        host: '127.0.0.1',
        ca: root,
        cert: other.chain.join(''),
        key: other.key.reveal(),
        checkServerIdentity: () => undefined,
      })
      socket.once('error', reject)
      socket.once('secureConnect', () => {
        resolve([socket.authorized, socket.getPeerCertificate().subjectaltname])
        socket.destroy()
      })
    })
    await new Promise((resolve) => server.close(resolve))
    expect(names).toEqual([true, `URI:${uris[0]}`])
    const again = start()
    await again.setTrust('east', settings)
    expect(again.trust('east')?.active).toBe(authority.trust('east')?.active)
  })

  it('signs with an intermediate certificate, whose root it gives', async () => {
    const paths = { caPath: 'below/ca', csrPath: 'below/issuer/default/sign-intermediate' }
    const { start, settings } = open(await newToken(paths.csrPath), paths)
    const authority = start()
    // An authority that may sign leaves only cannot sign another one: its path has no length left.
    await authority.setTrust('east', settings)
    const { chain } = await authority.issue('east', { uris }, day)
    expect(chain.map((pem) => new X509Certificate(pem).subject?.split('\n').at(-1))).toEqual([
      undefined,
      'CN=east',
      'CN=below',
    ])
    expect(authority.trust('east')?.roots.map((pem) => new X509Certificate(pem).subject)).toEqual(['CN=root of tests'])
    expect(splitPem(chain.join(''))).toHaveLength(3)
  })

  it('says what a token may not do, and takes none that is revoked', async () => {
    const token = await newToken('pki/root/sign-intermediate')
    const denied = open(await newToken('pki/tidy'))
    await expect(denied.start().setTrust('east', denied.settings)).rejects.toThrow(
      /sign-intermediate: .*permission denied/,
    )
    const { start, settings } = open(token)
    const authority = start()
    await authority.setTrust('east', settings)
    await vault('auth/token/revoke', { token })
    const restarted = start()
    // Anybody may read the certificate that signs, and nothing is to be signed.
    await restarted.setTrust('east', settings)
    expect(restarted.trust('east')?.active).toBe(authority.trust('east')?.active)
    await expect(restarted.setTrust('west', settings)).rejects.toThrow('permission denied')
    expect(restarted.trust('west')).toBeUndefined()
  })

  it('renews a token in the second half of its life', async () => {
    const token = await newToken('pki/root/sign-intermediate', { ttl: '20s', explicit_max_ttl: '10m' })
    const { start, settings } = open(token)
    const ttl = async (): Promise<number> => {
      const { data } = await vault('auth/token/lookup', { token })
      return (data as { ttl: number }).ttl
    }
    await expect.poll(ttl, { timeout: 30_000, interval: 1000 }).toBeLessThan(9)
    await start().setTrust('east', settings)
    expect(await ttl()).toBeGreaterThan(15)
  })
})
