import { expect, it } from 'vitest'
import { type EncodedPart, versionOf } from './encode.ts'
import { inGroups } from './part-groups.ts'

const part = (text: string): EncodedPart => ({ bytes: Buffer.from(text), version: versionOf(text), origin: [] })
const parts = Array.from({ length: 1000 }, (_, i) => part(`virtual host ${i};`))
const text = (pieces: readonly Uint8Array[]): string => Buffer.concat(pieces).toString()

it('says the same in few pieces, of which a change of one part changes one or two', () => {
  const before = inGroups(parts)
  expect(text(before)).toBe(text(parts.map(({ bytes }) => bytes)))
  expect(before.length).toBeLessThan(120)
  const after = inGroups(parts.with(500, part('virtual host 500, changed;')))
  expect(text(after)).toContain('virtual host 500, changed;')
  expect(after.filter((piece) => !before.includes(piece)).length).toBeLessThanOrEqual(2)
})

it('shares what is the same between resources that differ in a few parts', () => {
  const one = inGroups(parts)
  const other = inGroups(parts.filter((_, i) => i % 250 !== 7))
  expect(other.filter((piece) => !one.includes(piece)).length).toBeLessThanOrEqual(8)
})
