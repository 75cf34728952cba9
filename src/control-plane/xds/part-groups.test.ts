import { expect, it } from 'vitest'
import { inGroups } from './part-groups.ts'

const parts = Array.from({ length: 1000 }, (_, i) => ({ name: `svc-${i}.bench.svc.cluster.local:80` }))
const namesOf = (groups: readonly (readonly { name: string }[])[]): string[] =>
  groups.map((group) => group.map(({ name }) => name).join())

it('keeps order, in groups that are neither many nor long', () => {
  const groups = inGroups(parts)
  expect(groups.flat()).toEqual(parts)
  expect(groups.length).toBeLessThan(120)
  expect(Math.max(...groups.map(({ length }) => length))).toBeLessThanOrEqual(64)
})

it('leaves few parts as they are', () => {
  expect(inGroups(parts.slice(0, 20)).map(({ length }) => length)).toEqual(Array.from({ length: 20 }, () => 1))
})

it('makes the same groups for lists that differ in a few parts, but for those', () => {
  const one = namesOf(inGroups(parts))
  const other = namesOf(inGroups(parts.filter((_, i) => i % 250 !== 7)))
  expect(other.filter((group) => !one.includes(group)).length).toBeLessThanOrEqual(8)
})
