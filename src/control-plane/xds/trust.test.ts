import { afterEach, describe, expect, it } from 'vitest'
import { CertificateAuthority, memorySecretStore, type RootSource, VaultAuthority } from '../../identity/index.ts'
import { Engine } from '../../pipeline/index.ts'
import { TrustDriver, type WantedTrust } from './trust.ts'
import { vaultSettings } from './vault.ts'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

const intermediate = { organization: 'Istio', keyKind: 'ecdsa-p256', ttlMs: 24 * 3600_000 } as const
const vault: RootSource = {
  kind: 'vault',
  vault: vaultSettings({
    server: 'https://127.0.0.1:1',
    caPath: 'pki/ca',
    csrPath: 'pki/root/sign-intermediate',
    tokenSecretRef: { name: 'vault', namespace: 'gloo-mesh' },
  }),
  intermediate,
}
const wish = (cluster: string, root: RootSource, seen = ''): WantedTrust => ({
  cluster,
  settings: { trustDomain: 'cluster.local', root },
  seen,
})

function setUp() {
  const engine = new Engine()
  const wishes = engine.table<WantedTrust>('wishes')
  const wanted = engine.define('wanted', (read) => read.all(wishes))
  const failures = engine.table<string>('failures')
  const store = memorySecretStore()
  let now = Date.UTC(2030, 0, 1)
  let answer: () => Promise<string> = async () => 'token'
  let asked = 0
  const credentials = {
    secret: async () => {
      asked++
      return { token: await answer() }
    },
    accountToken: async () => '',
    mountedToken: async () => '',
  }
  const authority = new CertificateAuthority({
    store,
    now: () => now,
    vault: new VaultAuthority(credentials, () => now),
  })
  const driver = new TrustDriver({
    engine,
    authority,
    wanted,
    failures,
    now: () => now,
    mayWrite: () => true,
    delivery: { roots: () => true, leaves: () => true },
    failed: () => undefined,
    impatient: () => undefined,
  })
  stops.push(() => driver.stop())
  const step = async (): Promise<void> => {
    engine.rebuild()
    driver.check()
    await driver.idle
    engine.rebuild()
  }
  return {
    engine,
    wishes,
    failures,
    authority,
    driver,
    step,
    asked: () => asked,
    pass: (ms: number) => (now += ms),
    answer: (next: () => Promise<string>) => (answer = next),
  }
}

describe('TrustDriver', () => {
  it('tells why a cluster has no authority, tries again ever later, and at once when a Secret changes', async () => {
    const { wishes, failures, authority, step, asked, pass } = setUp()
    wishes.set('east', wish('east', vault))
    await step()
    expect(failures.rows.get('east')).toBe('Vault 127.0.0.1:1, pki/ca: the connection was refused')
    expect(authority.trust('east')).toBeUndefined()
    const tries: number[] = []
    for (let second = 0; second < 30; second++) {
      const before = asked()
      pass(1000)
      await step()
      if (asked() > before) tries.push(second + 1)
    }
    expect(tries).toEqual([2, 6, 14, 30])
    const before = asked()
    wishes.set('east', wish('east', vault, 'another token'))
    await step()
    expect(asked()).toBe(before + 1)
    wishes.set('east', wish('east', { kind: 'own' }))
    await step()
    expect([failures.rows.get('east'), authority.trust('east')?.roots.length]).toEqual([undefined, 1])
  })

  it('lets no cluster wait for the Vault of another one', async () => {
    const { engine, wishes, failures, authority, driver, answer } = setUp()
    let release = (): void => undefined
    answer(() => new Promise((resolve) => (release = () => resolve('token'))))
    wishes.set('slow', wish('slow', vault))
    wishes.set('east', wish('east', { kind: 'own' }))
    engine.rebuild()
    driver.check()
    await expect.poll(() => authority.trust('east')?.roots.length).toBe(1)
    expect(authority.trust('slow')).toBeUndefined()
    expect(failures.latest('slow')).toBeUndefined()
    release()
    await driver.idle
    expect(failures.latest('slow')).toContain('the connection was refused')
  })

  it('forgets what it said of a cluster that is gone', async () => {
    const { wishes, failures, step } = setUp()
    wishes.set('east', wish('east', vault))
    await step()
    wishes.delete('east')
    await step()
    expect(failures.rows.size).toBe(0)
  })
})
