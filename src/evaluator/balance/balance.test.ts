import { describe, expect, test } from 'vitest'
import { maglevOf, ringOf } from './consistent.ts'
import { xxHash64 } from './xxhash.ts'

const hosts = ['a', 'b', 'c', 'd'].map((name) => ({ key: `${name}:80`, weight: 0.25 }))

describe('xxHash64', () => {
  test.each([
    ['', 0xef46db3751d8e999n],
    ['a', 0xd24ec4f1a98c6e5bn],
    ['foo', 0x33bf00a859c4ba3fn],
    ['asdf', 0x415872f599cea71en],
    ['Call me Ishmael. Some years ago--never mind how long precisely-', 0x02a2e85470d6fd96n],
  ])('of %j is what the reference says', (text, expected) => {
    expect(xxHash64(text)).toBe(expected)
  })
})

describe('a ring', () => {
  // Places of hosts on a ring of 12, as Envoy's own tests list them.
  const ring = ringOf(
    [90, 91, 92, 93, 94, 95].map((port) => ({ key: `127.0.0.1:${port}`, weight: 1 / 6 })),
    12,
    1024,
  )
  test('gives a hash to the next place, and what is behind the last to the first', () => {
    expect(ring.find(0n)).toBe('127.0.0.1:94')
    expect(ring.find(833437586790550860n)).toBe('127.0.0.1:94')
    expect(ring.find(833437586790550861n)).toBe('127.0.0.1:92')
    expect(ring.find(2n ** 64n - 1n)).toBe('127.0.0.1:94')
  })
  test('shares of hosts make the whole, and follow weights', () => {
    const shares = [90, 91, 92, 93, 94, 95].map((port) => ring.shareOf(`127.0.0.1:${port}`))
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1)
    const heavy = ringOf(
      [
        { key: 'a', weight: 0.9 },
        { key: 'b', weight: 0.1 },
      ],
      1024,
      8192,
    )
    expect(heavy.shareOf('a')).toBeGreaterThan(0.8)
  })
})

describe('a Maglev table', () => {
  const table = maglevOf(hosts, 1021)
  test('gives hosts of the same weight as many places', () => {
    for (const { key } of hosts) expect(table.shareOf(key)).toBeCloseTo(0.25, 2)
  })
  test('moves little when a host goes', () => {
    const less = maglevOf(
      hosts.slice(1).map((host) => ({ ...host, weight: 1 / 3 })),
      1021,
    )
    const names = Array.from({ length: 1021 }, (_, at) => BigInt(at))
    const kept = names.filter((hash) => table.find(hash) !== 'a:80' && table.find(hash) === less.find(hash))
    expect(kept.length / names.length).toBeGreaterThan(0.6)
  })
  test('gives less to those with less weight', () => {
    const weighted = maglevOf(
      [
        { key: 'a', weight: 0.75 },
        { key: 'b', weight: 0.25 },
      ],
      1021,
    )
    expect(weighted.shareOf('a')).toBeCloseTo(0.75, 1)
  })
})
