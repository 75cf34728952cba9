import { X509Certificate } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { CertificateAuthority, type Delivery } from '../authority.ts'
import type { RootSource, TrustSettings } from '../authority-source.ts'
import { type MemorySecretStore, memorySecretStore } from '../store.ts'
import { VaultAuthority } from './authority.ts'
import { settingsError, type VaultLogin, type VaultSettings } from './settings.ts'
import { type FakeVault, fakeVault } from './testing.ts'

const day = 24 * 3600_000
const delivered: Delivery = { roots: () => true, leaves: () => true }
const token = { kind: 'token', secret: { namespace: 'gloo-mesh', name: 'vault' } } satisfies VaultLogin
const account = {
  kind: 'kubernetes',
  mountPath: '',
  role: 'mesh',
  token: { kind: 'account', account: { namespace: 'istio-system', name: 'istiod' }, key: 'token' },
} satisfies VaultLogin
const uris = ['spiffe://cluster.local/ns/bookinfo/sa/reviews']
const own: TrustSettings = { trustDomain: 'cluster.local', root: { kind: 'own' } }

const open: FakeVault[] = []
afterEach(async () => {
  for (const vault of open.splice(0)) await vault.close()
})

interface World {
  readonly vault: FakeVault
  readonly store: MemorySecretStore
  readonly settings: (change?: Partial<VaultSettings>) => TrustSettings
  /** A control plane, as after a start. */
  readonly start: (timeoutMs?: number) => CertificateAuthority
  now: number
  accountToken: string
}

async function setUp(scheme: 'http' | 'https' = 'http'): Promise<World> {
  const clock = { now: Date.UTC(2030, 0, 1) }
  const vault = await fakeVault(() => clock.now, scheme)
  open.push(vault)
  const store = memorySecretStore()
  await store.write({ cluster: '', ...token.secret }, { token: 'root-token\n' }, undefined)
  const base: VaultSettings = {
    server: vault.url,
    caBundle: scheme === 'https' ? vault.bundle : '',
    namespace: '',
    caPath: 'pki/ca/pem',
    csrPath: '/v1/pki/root/sign-intermediate',
    login: token,
  }
  const intermediate = { organization: 'Istio', keyKind: 'ecdsa-p256', ttlMs: 90 * day } as const
  const world: World = {
    vault,
    store,
    accountToken: 'jwt-of-istiod',
    settings: (change = {}) => {
      const root: RootSource = { kind: 'vault', vault: { ...base, ...change }, intermediate }
      return { trustDomain: 'cluster.local', root }
    },
    start: (timeoutMs) => {
      const credentials = {
        secret: async (cluster: string, place: { namespace: string; name: string }) =>
          (await store.read({ cluster, ...place }))?.content,
        accountToken: async () => world.accountToken,
        mountedToken: async () => 'mounted',
      }
      const asks = new VaultAuthority(credentials, () => clock.now, timeoutMs)
      return new CertificateAuthority({ store, now: () => clock.now, vault: asks })
    },
    get now() {
      return clock.now
    },
    set now(value) {
      clock.now = value
    },
  }
  return world
}

/** Whether the leaf is good below the Vault's root. */
async function isBelow(authority: CertificateAuthority, cluster: string, root: string): Promise<boolean> {
  const { chain } = await authority.issue(cluster, { uris }, 3600_000)
  const [leaf, signer] = chain.map((pem) => new X509Certificate(pem))
  const top = new X509Certificate(root)
  return (
    authority.trust(cluster)?.roots.join() === root &&
    leaf !== undefined &&
    signer !== undefined &&
    leaf.checkIssued(signer) &&
    leaf.verify(signer.publicKey) &&
    signer.checkIssued(top) &&
    signer.verify(top.publicKey) &&
    signer.ca
  )
}

describe('authorities below a Vault', () => {
  it('are signed by it, each cluster’s below the same root, and its key stays there', async () => {
    const { vault, store, settings, start } = await setUp()
    const authority = start()
    await authority.setTrust('east', settings())
    await authority.setTrust('west', settings())
    const root = vault.root.certificate
    expect([await isBelow(authority, 'east', root), await isBelow(authority, 'west', root)]).toEqual([true, true])
    expect(authority.trust('east')?.active).not.toBe(authority.trust('west')?.active)
    expect(authority.describe().map(({ source }) => source)).toEqual(['vault', 'vault'])
    const kept = await store.read({ cluster: 'east', namespace: 'istio-system', name: 'fairlead-ca' })
    expect(JSON.stringify(kept)).not.toContain(vault.root.key.reveal().slice(40, 80))
    expect(JSON.stringify(kept)).not.toContain('root-token')
  })

  it('are signed once: a restart asks for no other certificate', async () => {
    const { vault, settings, start } = await setUp()
    const first = start()
    await first.setTrust('east', settings())
    const again = start()
    await again.setTrust('east', settings({ caPath: 'pki/ca' }))
    expect(again.trust('east')?.active).toBe(first.trust('east')?.active)
    expect(vault.asked.filter((each) => each === 'POST pki/root/sign-intermediate')).toHaveLength(1)
  })

  it('go on while the Vault is away, over a restart too, and none is made up', async () => {
    const { vault, settings, start } = await setUp()
    const before = start()
    await before.setTrust('east', settings())
    const root = vault.root.certificate
    await vault.close()
    const restarted = start()
    await expect(restarted.setTrust('east', settings())).rejects.toThrow('pki/ca/pem: the connection was refused')
    expect(await isBelow(restarted, 'east', root)).toBe(true)
    await expect(restarted.setTrust('west', settings())).rejects.toThrow('the connection was refused')
    expect(restarted.trust('west')).toBeUndefined()
    await expect(restarted.issue('west', { uris }, 3600_000)).rejects.toThrow('no authority for cluster west')
  })

  it('are renewed in time, and a renewal that fails is tried again without harm', async () => {
    const world = await setUp()
    const { vault, settings, start } = world
    const authority = start()
    await authority.setTrust('east', settings())
    const first = authority.trust('east')?.active
    world.now += 80 * day
    vault.fault = { status: 503, body: '{"errors":["Vault is sealed"]}' }
    await expect(authority.advance('east', delivered)).rejects.toThrow('Vault is sealed (HTTP 503)')
    expect(authority.trust('east')?.active).toBe(first)
    vault.fault = undefined
    await authority.advance('east', delivered)
    await authority.advance('east', delivered)
    expect(authority.trust('east')?.active).not.toBe(first)
    expect(await isBelow(authority, 'east', vault.root.certificate)).toBe(true)
  })

  it('follow another root of the Vault in steps: announced first, then signed below', async () => {
    const { vault, settings, start } = await setUp()
    const authority = start()
    await authority.setTrust('east', settings())
    const old = vault.root.certificate
    await vault.newRoot()
    await authority.setTrust('east', settings())
    expect(authority.trust('east')).toMatchObject({ roots: [old, vault.root.certificate], shown: [old] })
    await authority.advance('east', delivered)
    expect(authority.trust('east')?.shown[0]).toBe(vault.root.certificate)
  })

  it('replace a root of the cluster’s own in steps, and never come back to one by themselves', async () => {
    const { vault, settings, start } = await setUp()
    await start().setTrust('east', own)
    const authority = start(1000)
    await authority.setTrust('east', own)
    const ownRoot = authority.trust('east')?.roots[0] ?? ''
    vault.fault = 'hang'
    await expect(authority.setTrust('east', settings())).rejects.toThrow('no answer in time')
    expect(authority.trust('east')?.roots).toEqual([ownRoot])
    vault.fault = undefined
    await authority.setTrust('east', settings())
    await authority.advance('east', delivered)
    expect(authority.trust('east')?.roots).toEqual([vault.root.certificate, ownRoot])
    vault.fault = 'hang'
    await expect(authority.setTrust('east', settings())).rejects.toThrow('no answer in time')
    expect(authority.trust('east')?.shown[0]).toBe(vault.root.certificate)
  })

  it('stay while it is not known whether the VirtualMesh holds for the cluster', async () => {
    const world = await setUp()
    const { vault, settings, start } = world
    const keep: TrustSettings = { trustDomain: 'cluster.local', root: { kind: 'keep' } }
    const before = start()
    await before.setTrust('east', settings())
    vault.fault = 'hang'
    const authority = start(200)
    await authority.setTrust('east', keep)
    await authority.advance('east', delivered)
    expect(authority.trust('east')?.active).toBe(before.trust('east')?.active)
    expect(authority.describe().map(({ source }) => source)).toEqual(['shared'])
    // Nobody is left without certificates for it: who has nothing gets a root, and what expires is replaced.
    await authority.setTrust('west', keep)
    expect(authority.trust('west')?.roots).not.toEqual([vault.root.certificate])
    world.now += 80 * day
    await authority.advance('east', delivered)
    await authority.advance('east', delivered)
    expect(authority.trust('east')?.shown[0]).not.toBe(vault.root.certificate)
  })

  it('take nothing but an authority with our key and a way to a root', async () => {
    const { vault, settings, start } = await setUp()
    const other = await fakeVault(() => Date.UTC(2030, 0, 1))
    open.push(other)
    const fails = async (spoil: FakeVault['spoil'], message: string): Promise<void> => {
      vault.spoil = spoil
      const authority = start()
      await expect(authority.setTrust('east', settings())).rejects.toThrow(message)
      expect(authority.trust('east')).toBeUndefined()
    }
    await fails((data) => ({ ...data, certificate: vault.root.certificate }), 'key and certificate do not belong')
    await fails((data) => ({ ...data, certificate: undefined }), 'gave no certificate')
    await fails((data) => ({ ...data, certificate: other.root.certificate }), 'it does not give the root')
    await expect(start().setTrust('east', settings({ caPath: 'pki/none' }))).rejects.toThrow('no handler for route')
    await expect(start().setTrust('east', settings({ csrPath: 'pki/none' }))).rejects.toThrow('no handler for route')
  })
})

describe('sessions with a Vault', () => {
  it('speak TLS to who shows a certificate of the bundle, and to nobody else', async () => {
    const { vault, settings, start } = await setUp('https')
    const authority = start()
    await authority.setTrust('east', settings())
    expect(await isBelow(authority, 'east', vault.root.certificate)).toBe(true)
    await expect(start().setTrust('west', settings({ caBundle: '' }))).rejects.toThrow('caBundle must have who signed')
    const name = vault.url.replace('127.0.0.1', 'localhost')
    await expect(start().setTrust('west', settings({ server: name }))).rejects.toThrow('for another name')
    vault.fault = { status: 307, location: vault.url.replace('https', 'http') }
    await expect(start().setTrust('west', settings())).rejects.toThrow('plain text')
    expect(vault.asked.filter((each) => each.startsWith('GET pki'))).toHaveLength(3)
  })

  it('log in with the token of an account, hold what they get, and log in again when it is taken back', async () => {
    const world = await setUp()
    const { vault, settings, start } = world
    vault.accounts.set('mesh', 'jwt-of-istiod')
    const authority = start()
    const logins = (): number => vault.asked.filter((each) => each.endsWith('/login')).length
    await authority.setTrust('east', settings({ login: account }))
    expect([await isBelow(authority, 'east', vault.root.certificate), logins()]).toEqual([true, 1])
    for (const each of vault.tokens.keys()) if (each !== 'root-token') vault.tokens.delete(each)
    await authority.setTrust('east', settings({ login: account }))
    expect(logins()).toBe(2)
    world.now += 3000_000
    await authority.setTrust('east', settings({ login: account }))
    expect(logins()).toBe(3)
    world.accountToken = 'somebody-else'
    await expect(start().setTrust('west', settings({ login: account }))).rejects.toThrow(
      'auth/kubernetes/login: permission denied (HTTP 403)',
    )
  })

  it('renew a given token in the second half of its life', async () => {
    const { vault, settings, start } = await setUp()
    vault.tokens.set('root-token', 1000)
    await start().setTrust('east', settings())
    expect(vault.tokens.get('root-token')).toBe(3600)
  })

  it('name the namespace, and the Secret that is not there', async () => {
    const { vault, store, settings, start } = await setUp()
    await start().setTrust('east', settings({ namespace: 'team/a' }))
    expect(new Set(vault.namespaces)).toEqual(new Set(['team/a']))
    store.remove({ cluster: '', ...token.secret })
    await expect(start().setTrust('west', settings())).rejects.toThrow("Secret gloo-mesh/vault with Vault's token")
    await store.write({ cluster: 'west', ...token.secret }, { token: 'root-token' }, undefined)
    await start().setTrust('west', settings())
  })

  it('show no token in what they say', async () => {
    const { store, settings, start } = await setUp()
    store.remove({ cluster: '', ...token.secret })
    await store.write({ cluster: '', ...token.secret }, { token: 'secret-and\nwrong' }, undefined)
    const error = await start()
      .setTrust('east', settings())
      .catch((e: unknown) => String((e as Error).stack))
    expect(error).toContain('Vault')
    expect(error).not.toContain('secret-and')
  })
})

describe('settings of a Vault', () => {
  it('are told of what is missing before anybody is asked', () => {
    const good: VaultSettings = {
      server: 'https://vault:8200',
      caBundle: '',
      namespace: '',
      caPath: 'pki/ca',
      csrPath: 'pki/root/sign-intermediate',
      login: token,
    }
    expect(settingsError(good)).toBeUndefined()
    expect(settingsError({ ...good, server: 'ftp://vault' })).toContain("server 'ftp://vault'")
    expect(settingsError({ ...good, csrPath: '' })).toContain('csrPath')
    expect(settingsError({ ...good, login: undefined })).toContain('tokenSecretRef')
    expect(settingsError({ ...good, login: { ...account, role: '' } })).toContain('role')
    const mounted = (path: string): VaultLogin => ({ ...account, token: { kind: 'mounted', path } })
    expect(settingsError({ ...good, login: mounted('/var/run/secrets/vault/token') })).toBeUndefined()
    for (const path of ['/etc/shadow', '/var/run/secrets/../../etc/shadow'])
      expect(settingsError({ ...good, login: mounted(path) })).toContain('mountedSaPath must be below')
  })
})
