import { describe, expect, it } from 'vitest'
import { trustMarks } from './authority.ts'
import {
  advanceAll,
  day,
  delivered,
  hour,
  isTrusted,
  own,
  rootsOf,
  secretOf,
  setUp,
  shared,
  sharedSource,
  uris,
} from './testing.ts'

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
