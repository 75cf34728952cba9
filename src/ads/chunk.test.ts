import { expect, it } from 'vitest'
import { chunkOf } from './chunk.ts'
import type { EncodedResource } from './resource.ts'

const resource = (name: string, bytes: number): EncodedResource => {
  const piece = Buffer.alloc(bytes, name)
  return { name, version: '1', size: bytes, pieces: () => [piece] }
}

const typeUrl = 'type.googleapis.com/envoy.config.cluster.v3.Cluster'

it('gives one response to all who are sent the same, with a nonce that is new to each', () => {
  const resources = [resource('a', 10), resource('b', 10)]
  const first = chunkOf(resources).message('delta', typeUrl, 0)
  const second = chunkOf([...resources]).message('delta', typeUrl, 0)
  expect(Buffer.concat(second.pieces).equals(Buffer.concat(first.pieces))).toBe(second.nonce === first.nonce)
  // From the second on the very same bytes.
  expect(chunkOf(resources).message('delta', typeUrl, 0).pieces).toBe(second.pieces)
  // Who has seen the nonce gets another one.
  const again = chunkOf(resources).message('delta', typeUrl, second.nonce)
  expect(again.nonce).toBeGreaterThan(second.nonce)
  expect(chunkOf(resources).message('delta', typeUrl, 0)).toBe(again)
})

it('does not copy what is large', () => {
  const resources = [resource('a', 20_000), resource('b', 20_000)]
  chunkOf(resources).message('delta', typeUrl, 0)
  const { pieces } = chunkOf(resources).message('delta', typeUrl, 0)
  for (const each of resources) expect(pieces).toContain(each.pieces()[0])
})
